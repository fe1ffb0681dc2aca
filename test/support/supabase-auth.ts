import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bodyOf } from './supabase-faults.ts'

export interface SupabaseAuth {
  /** For `SUPABASE_URL`. */
  url: string
  apiKey: string
  /** The newest link that went to an address: where a click on it leads. */
  linkFor(email: string): string
  /** How the next request for a link is refused. */
  refuse(status: number, errorCode: string): void
  /** How often tokens were renewed. */
  readonly renewed: number
  stop(): Promise<void>
}

/** What an access token of this stand-in lasts, in seconds: so little that the next request renews it. */
const TOKEN_SECONDS = 1

/**
 * A stand-in for Supabase Auth on loopback, as far as signing in by e-mail with PKCE goes: github.com/supabase/auth (`internal/api`, `otp.go`,
 * `token.go`, `pkce.go`). A code works once and with its verifier alone, and so does a refresh token.
 */
export async function startSupabaseAuth(returnTo: () => string): Promise<SupabaseAuth> {
  const apiKey = `sb_secret_${randomUUID().replaceAll('-', '')}`
  const links = new Map<string, string>()
  const challenges = new Map<string, string>()
  const sessions = new Set<string>()
  let refusal: { status: number; error_code: string } | null = null
  let renewed = 0

  function tokens() {
    const refresh_token = randomUUID().slice(0, 12)
    sessions.add(refresh_token)
    const exp = Math.floor(Date.now() / 1000) + TOKEN_SECONDS
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const access_token = `${part({ alg: 'ES256' })}.${part({ sub: randomUUID(), exp })}.${randomUUID()}`
    return { access_token, refresh_token, token_type: 'bearer', expires_in: TOKEN_SECONDS }
  }

  async function answer(request: IncomingMessage): Promise<[number, object]> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://here')
    if (request.headers.apikey !== apiKey) return [401, { message: 'No API key found in request' }]
    if (request.method !== 'POST') return [405, {}]
    const body = JSON.parse((await bodyOf(request)).bytes.toString() || '{}')
    if (pathname === '/auth/v1/otp') {
      if (refusal !== null) {
        const { status, error_code } = refusal
        refusal = null
        return [status, { code: status, error_code, msg: `refused: ${error_code}` }]
      }
      if (!/^[\w-]{43}$/.test(body.code_challenge) || body.code_challenge_method !== 's256') {
        return [400, { error_code: 'validation_failed', msg: 'PKCE flow method requires a code challenge' }]
      }
      const to = searchParams.get('redirect_to') ?? ''
      // a place that the project doesn't list is replaced by its site's own
      const target = to.startsWith(returnTo()) ? to : 'http://site.invalid/'
      const code = randomUUID()
      challenges.set(code, body.code_challenge)
      links.set(body.email, `${target}?code=${code}`)
      return [200, {}]
    }
    if (pathname === '/auth/v1/token' && searchParams.get('grant_type') === 'pkce') {
      const challenge = challenges.get(body.auth_code)
      challenges.delete(body.auth_code)
      const given = createHash('sha256')
        .update(body.code_verifier ?? '')
        .digest('base64url')
      if (challenge === undefined) return [404, { error_code: 'flow_state_not_found' }]
      return given === challenge ? [200, tokens()] : [400, { error_code: 'bad_code_verifier' }]
    }
    if (pathname === '/auth/v1/token' && searchParams.get('grant_type') === 'refresh_token') {
      if (!sessions.delete(body.refresh_token)) return [400, { error_code: 'refresh_token_not_found' }]
      renewed += 1
      return [200, tokens()]
    }
    if (pathname === '/auth/v1/logout') return [204, {}]
    return [404, {}]
  }

  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request)
    if (status === 204) response.writeHead(204).end()
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    apiKey,
    linkFor(email) {
      const link = links.get(email)
      if (link === undefined) throw new Error(`no link went to ${email}`)
      return link
    },
    refuse(status, error_code) {
      refusal = { status, error_code }
    },
    get renewed() {
      return renewed
    },
    stop: () => new Promise((stopped) => void server.close(() => stopped())),
  }
}
