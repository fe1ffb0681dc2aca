import { setTimeout as sleep } from 'node:timers/promises'
import type { webApi } from '@slack/bolt'
import type { Log } from '../../core/ports.ts'
import type { Locale } from '../../core/request.ts'

/** How long a person's language is remembered, in milliseconds. */
const REMEMBERED_MS = 3600_000

const PEOPLE = 5000

/** A form has to be opened, and a modal answered, within 3 s: nobody waits longer than this for a language, in milliseconds. */
const PATIENCE_MS = 1500

/** People's languages as Slack has them: Korean, else English; `fallback` where Slack doesn't say, or not yet. */
export function createLocales(deps: {
  client: webApi.WebClient
  fallback: Locale
  now: () => number
  log: Log
}): (team: string, user: string) => Promise<Locale> {
  const known = new Map<string, { locale: Locale; until: number }>()

  async function ask(key: string, user: string): Promise<Locale> {
    try {
      const answer = await deps.client.users.info({ user, include_locale: true })
      const said = answer.user?.locale
      if (said === undefined) return deps.fallback
      const locale = said.startsWith('ko') ? 'ko' : 'en'
      known.delete(key)
      known.set(key, { locale, until: deps.now() + REMEMBERED_MS })
      const [oldest = ''] = known.keys()
      if (known.size > PEOPLE) known.delete(oldest)
      return locale
    } catch (error) {
      deps.log.info({ err: error }, 'a person’s language isn’t known')
      return deps.fallback
    }
  }

  return async (team, user) => {
    const key = `${team}/${user}`
    const found = known.get(key)
    if (found !== undefined && found.until > deps.now()) return found.locale
    return Promise.race([ask(key, user), sleep(PATIENCE_MS, deps.fallback, { ref: false })])
  }
}
