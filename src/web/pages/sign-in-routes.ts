import { Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { text } from '../../i18n/index.ts'
import type { Session } from '../session.ts'
import { type LinkRefusal, newVerifier, type SignInService } from '../supabase-auth.ts'
import type { Sent } from './form-data.ts'
import { messagePage } from './messages.ts'
import { sentPage, signInPage } from './sign-in.ts'
import { localeOf, type PagesDeps, sendPage } from './site.ts'

const RETURN = '/sign-in/return'
const VERIFIER = { name: 'sora-verifier', path: RETURN, seconds: 3600 }
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/

/** Signing in and out. `origin` is where browsers reach this server. */
export function createSignInPages(
  deps: PagesDeps & { auth: SignInService; session: Session; origin: string },
): Hono {
  const { auth, session, origin } = deps
  const app = new Hono()
  const cookie = {
    path: VERIFIER.path,
    httpOnly: true,
    sameSite: 'Lax',
    secure: origin.startsWith('https:'),
  } as const

  app.get('/sign-in', (c) => {
    if (deps.viewerOf(c) !== null) return c.redirect('/', 303)
    return sendPage(c, deps, (locale) => signInPage(locale, { email: '', wrong: null }))
  })
  app.post('/sign-in', async (c) => {
    const sent = (await c.req.parseBody()) as Sent
    const email = typeof sent.email === 'string' ? sent.email.trim().slice(0, 254) : ''
    const verifier = newVerifier()
    const refused: LinkRefusal | null = EMAIL.test(email)
      ? await auth.sendLink(email, `${origin}${RETURN}`, verifier)
      : { why: 'wrong_email' }
    if (refused === null) {
      setCookie(c, VERIFIER.name, verifier, { ...cookie, maxAge: VERIFIER.seconds })
      return sendPage(c, deps, (locale) => sentPage(locale, email))
    }
    const locale = localeOf(c, deps)
    const wrong =
      refused.why === 'refused'
        ? text(locale, 'signin.refused', { reason: refused.reason })
        : text(locale, `signin.${refused.why}`)
    const status = { wrong_email: 400, too_often: 429, refused: 502 } as const
    return sendPage(c, deps, (locale) => signInPage(locale, { email, wrong }), status[refused.why])
  })
  app.get(RETURN, async (c) => {
    const [code, verifier] = [c.req.query('code'), getCookie(c, VERIFIER.name)]
    const tokens = code === undefined || verifier === undefined ? null : await auth.redeem(code, verifier)
    if (tokens === null) {
      return sendPage(
        c,
        deps,
        (locale) =>
          messagePage({
            title: text(locale, 'signin.failed'),
            about: text(locale, 'signin.failed_about'),
            link: { href: '/sign-in', label: text(locale, 'page.sign_in') },
          }),
        400,
      )
    }
    deleteCookie(c, VERIFIER.name, cookie)
    session.begin(c, tokens)
    return c.redirect('/', 303)
  })
  app.post('/sign-out', async (c) => {
    await session.end(c)
    return c.redirect('/sign-in', 303)
  })
  return app
}
