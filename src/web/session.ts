import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { SignInService, Tokens } from './supabase-auth.ts'

/** The cookies of somebody who has signed in: their access token, and what it is renewed with. */
const ACCESS = 'sora-access'
const REFRESH = 'sora-refresh'

/** Supabase's own limit is none; a browser's for any cookie is 400 days. */
const REFRESH_SECONDS = 400 * 24 * 3600

/** A token that runs out while a request is under way is worth nothing. */
const SPARE_SECONDS = 30

/** Signing in as cookies that no script can read, and that no other site can send with a form. */
export interface Session {
  /** Whoever asks is signed in from now on. */
  begin(c: Context, tokens: Tokens): void
  /** The access token that a browser has, renewed where it has run out; null: nobody is signed in. Whether it is true is another's to say. */
  accessToken(c: Context): Promise<string | null>
  end(c: Context): Promise<void>
}

/** `secure`: the pages are reached by HTTPS alone. `now` in milliseconds. */
export function createSession(deps: { auth: SignInService; secure: boolean; now: () => number }): Session {
  const { auth, secure, now } = deps
  const options = { path: '/', httpOnly: true, sameSite: 'Lax', secure } as const
  /** A browser asks for several things at once; one refresh serves them all, since its token works once. */
  const renewing = new Map<string, Promise<Tokens | null>>()

  function begin(c: Context, { access, refresh }: Tokens): void {
    setCookie(c, ACCESS, access, { ...options, maxAge: REFRESH_SECONDS })
    setCookie(c, REFRESH, refresh, { ...options, maxAge: REFRESH_SECONDS })
  }

  function forget(c: Context): void {
    deleteCookie(c, ACCESS, options)
    deleteCookie(c, REFRESH, options)
  }

  async function renewed(c: Context, refresh: string): Promise<string | null> {
    const under = renewing.get(refresh) ?? auth.renew(refresh).finally(() => renewing.delete(refresh))
    renewing.set(refresh, under)
    const tokens = await under
    if (tokens === null) forget(c)
    else begin(c, tokens)
    return tokens?.access ?? null
  }

  return {
    begin,
    async accessToken(c) {
      const [access, refresh] = [getCookie(c, ACCESS), getCookie(c, REFRESH)]
      if (access !== undefined && expiryOf(access) > now() / 1000 + SPARE_SECONDS) return access
      return refresh === undefined ? null : renewed(c, refresh)
    },
    async end(c) {
      const access = getCookie(c, ACCESS)
      forget(c)
      if (access !== undefined) await auth.end(access)
    },
  }
}

/** When a token says that it runs out, in seconds since 1970; 0 where it doesn't. Read to know when to renew it, and for nothing else. */
function expiryOf(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return typeof claims.exp === 'number' ? claims.exp : 0
  } catch {
    return 0
  }
}
