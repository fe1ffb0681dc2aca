import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod'

/** What signing in gives. */
export interface Tokens {
  access: string
  refresh: string
}

/** Why no link was sent. */
export type LinkRefusal = { why: 'wrong_email' | 'too_often' } | { why: 'refused'; reason: string }

/**
 * Signing in by a link in an e-mail, at Supabase Auth, with PKCE (RFC 7636): the link alone signs nobody in, and what makes it whole stays
 * in the browser that asked. supabase.com/docs/guides/auth/sessions/pkce-flow
 */
export interface SignInService {
  /** Has a link sent that leads to `returnTo`; null where it is on its way. `verifier` is to be kept until it comes back. */
  sendLink(email: string, returnTo: string, verifier: string): Promise<LinkRefusal | null>
  /** What the code of a link is worth with its verifier; null: nothing. */
  redeem(code: string, verifier: string): Promise<Tokens | null>
  /** New tokens for those that have run out; null where they are worth nothing any more. Throws where Supabase can't be asked. */
  renew(refresh: string): Promise<Tokens | null>
  /** Ends the session of a token. It never fails: the cookies are gone all the same. */
  end(access: string): Promise<void>
}

const TIMEOUT_MS = 10_000

const tokens = z
  .object({ access_token: z.string().min(1), refresh_token: z.string().min(1) })
  .transform(({ access_token, refresh_token }): Tokens => ({ access: access_token, refresh: refresh_token }))

const refusal = z.object({ error_code: z.string().optional(), msg: z.string().optional() })

/** A verifier that nobody guesses: 43 signs of RFC 7636. */
export const newVerifier = (): string => randomBytes(32).toString('base64url')

/** `url` is the project's, `apiKey` a key that its gateway takes; it never reaches a browser. */
export function createSupabaseAuth({ url, apiKey }: { url: string; apiKey: string }): SignInService {
  const ask = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${url}/auth/v1/${path}`, {
      method: 'POST',
      headers: { apikey: apiKey, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })

  async function tokensFor(grant: string, body: object): Promise<Tokens | null> {
    const answer = await ask(`token?grant_type=${grant}`, body)
    if (answer.ok) return tokens.parse(await answer.json())
    await answer.body?.cancel()
    if (answer.status >= 500 || answer.status === 429)
      throw new Error(`Supabase Auth answered ${answer.status}`)
    return null
  }

  return {
    async sendLink(email, returnTo, verifier) {
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      const order = { email, create_user: true, code_challenge: challenge, code_challenge_method: 's256' }
      const query = new URLSearchParams({ redirect_to: returnTo })
      const answer = await ask(`otp?${query}`, order).catch((error: unknown) => String(error))
      if (typeof answer === 'string') return { why: 'refused', reason: answer }
      if (answer.ok) return null
      const { error_code: code, msg } = refusal.catch({}).parse(await answer.json().catch(() => ({})))
      if (answer.status === 429) return { why: 'too_often' }
      if (code === 'email_address_invalid' || code === 'validation_failed') return { why: 'wrong_email' }
      return { why: 'refused', reason: msg ?? String(answer.status) }
    },
    redeem: (code, verifier) => tokensFor('pkce', { auth_code: code, code_verifier: verifier }),
    renew: (refresh) => tokensFor('refresh_token', { refresh_token: refresh }),
    async end(access) {
      const answer = await ask('logout?scope=local', {}, { authorization: `Bearer ${access}` }).catch(
        () => null,
      )
      await answer?.body?.cancel()
    },
  }
}
