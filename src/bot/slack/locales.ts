import type { webApi } from '@slack/bolt'
import type { Log } from '../../core/ports.ts'
import type { Locale } from '../../core/request.ts'

/** How long a person's language is remembered, in milliseconds. */
const REMEMBERED_MS = 3600_000

const PEOPLE = 5000

/** People's languages as Slack has them: Korean, else English; `fallback` where Slack doesn't say. */
export function createLocales(deps: {
  client: webApi.WebClient
  fallback: Locale
  now: () => number
  log: Log
}): (team: string, user: string) => Promise<Locale> {
  const known = new Map<string, { locale: Locale; until: number }>()

  return async (team, user) => {
    const key = `${team}/${user}`
    const found = known.get(key)
    if (found !== undefined && found.until > deps.now()) return found.locale
    try {
      const answer = await deps.client.users.info({ user, include_locale: true })
      const said = answer.user?.locale
      if (said === undefined) return deps.fallback
      const locale = said.startsWith('ko') ? 'ko' : 'en'
      known.delete(key)
      known.set(key, { locale, until: deps.now() + REMEMBERED_MS })
      for (const old of [...known.keys()].slice(0, -PEOPLE)) known.delete(old)
      return locale
    } catch (error) {
      deps.log.info({ err: error }, 'a person’s language isn’t known')
      return deps.fallback
    }
  }
}
