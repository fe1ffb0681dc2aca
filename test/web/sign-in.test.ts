import type { Context } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import { text } from '../../src/i18n/index.ts'
import { createSignInPages } from '../../src/web/pages/sign-in-routes.ts'
import type { PagesDeps } from '../../src/web/pages/site.ts'
import { createSession } from '../../src/web/session.ts'
import { createSupabaseAuth } from '../../src/web/supabase-auth.ts'
import { startSupabaseAuth } from '../support/supabase-auth.ts'

const ORIGIN = 'https://films.example.com'
const EMAIL = 'jiwoo@example.com'

/** The pages that sign somebody in, and `/who`, which says by which token they are known. */
async function start() {
  const supabase = await startSupabaseAuth(() => `${ORIGIN}/sign-in/return`)
  onTestFinished(() => supabase.stop())
  const auth = createSupabaseAuth(supabase)
  const session = createSession({ auth, secure: true, now: Date.now })
  const deps = {
    viewerOf: () => null,
    defaultLocale: 'en',
    assets: { styles: [], script: '', icon: '' },
    mediaOrigins: [],
    publicUrl: ORIGIN,
  } as unknown as PagesDeps
  const app = createSignInPages({ ...deps, auth, session, origin: ORIGIN })
  app.get('/who', async (c: Context) => c.text((await session.accessToken(c)) ?? 'nobody'))
  return { supabase, app }
}

/** A browser, as far as cookies go. */
function browser(app: { request(path: string, init: RequestInit): Response | Promise<Response> }) {
  const jar = new Map<string, string>()
  const set: string[] = []
  return {
    jar,
    set,
    async ask(path: string, form?: Record<string, string>) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const body = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }
      // behind a proxy that ends TLS: the server itself sees no https
      const answer = await app.request(`${ORIGIN.replace('https', 'http')}${path}`, {
        ...body,
        headers: { cookie, origin: ORIGIN },
      })
      for (const line of answer.headers.getSetCookie()) {
        set.push(line)
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (/max-age=0/i.test(line)) jar.delete(name)
        else jar.set(name, value)
      }
      return answer
    },
  }
}

const pathOf = (link: string) => link.slice(ORIGIN.length)

test('a link in an e-mail signs in the browser that asked for it, once, with cookies that no script and no other site can use', async () => {
  const { supabase, app } = await start()
  const { ask, set } = browser(app)
  const sent = await ask('/sign-in', { email: ` ${EMAIL} ` })
  expect(await sent.text()).toContain(EMAIL)
  const link = pathOf(supabase.linkFor(EMAIL))
  const back = await ask(link)
  expect([back.status, back.headers.get('location')]).toEqual([303, '/'])
  expect(await (await ask('/who')).text()).not.toBe('nobody')
  for (const line of set)
    expect(line).toMatch(/HttpOnly.*; Secure.*; SameSite=Lax|Secure.*HttpOnly|Max-Age=0/)
  expect((await ask(link)).status).toBe(400)
})

test('a link that somebody else opens signs nobody in', async () => {
  const { supabase, app } = await start()
  await browser(app).ask('/sign-in', { email: EMAIL })
  const other = browser(app)
  const opened = await other.ask(pathOf(supabase.linkFor(EMAIL)))
  expect(opened.status).toBe(400)
  expect(await opened.text()).toContain(text('en', 'signin.failed'))
  // not even with a request of their own under way
  await other.ask('/sign-in', { email: 'other@example.com' })
  await browser(app).ask('/sign-in', { email: EMAIL })
  expect((await other.ask(pathOf(supabase.linkFor(EMAIL)))).status).toBe(400)
  expect(await (await other.ask('/who')).text()).toBe('nobody')
})

test('whoever has signed in stays so: what has run out is renewed once for all that is asked at the same time', async () => {
  const { supabase, app } = await start()
  const { ask } = browser(app)
  await ask('/sign-in', { email: EMAIL })
  await ask(pathOf(supabase.linkFor(EMAIL)))
  const tokens = await Promise.all(['/who', '/who', '/who'].map(async (path) => (await ask(path)).text()))
  expect(new Set(tokens).size).toBe(1)
  expect(tokens).not.toContain('nobody')
  expect(supabase.renewed).toBe(1)
})

test('signing out forgets them', async () => {
  const { supabase, app } = await start()
  const { ask, jar } = browser(app)
  await ask('/sign-in', { email: EMAIL })
  await ask(pathOf(supabase.linkFor(EMAIL)))
  const out = await ask('/sign-out', {})
  expect(out.headers.get('location')).toBe('/sign-in')
  expect([...jar.keys()]).toEqual([])
  expect(await (await ask('/who')).text()).toBe('nobody')
})

test.each([
  ['no address', 'jiwoo', null, 400, text('en', 'signin.wrong_email')],
  [
    'an address that Supabase refuses',
    EMAIL,
    [400, 'email_address_invalid'],
    400,
    text('en', 'signin.wrong_email'),
  ],
  ['too many at once', EMAIL, [429, 'over_email_send_rate_limit'], 429, text('en', 'signin.too_often')],
  ['anything else', EMAIL, [422, 'signup_disabled'], 502, 'signup_disabled'],
] as const)('%s: the form says so and keeps what was written', async (_, email, refusal, status, said) => {
  const { supabase, app } = await start()
  if (refusal !== null) supabase.refuse(refusal[0], refusal[1])
  const answer = await browser(app).ask('/sign-in', { email })
  expect(answer.status).toBe(status)
  const page = await answer.text()
  expect(page).toContain(said)
  expect(page).toContain(`value="${email}"`)
})
