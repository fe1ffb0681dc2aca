import { request as ask, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

type Changes = { [claim in keyof JWTPayload]: JWTPayload[claim] | undefined }

/** A Supabase project's accounts: it publishes its keys, and passes everything else on to a stand-in for the rest of Supabase. */
export interface Accounts {
  /** For `SUPABASE_URL`. */
  url: string
  /** The public key as everybody can have it. */
  publicKey: string
  /** An access token as the real one makes them. `changes` to its claims; `secret`: signed by it, as older projects do. */
  token(person: string, changes?: Changes, secret?: string): Promise<string>
  /** The same with any head and no signature. */
  unsigned(person: string, alg: string): string
  /** From now on the keys can't be had. */
  hideKeys(): void
  close(): Promise<void>
}

const KEY_ID = 'a4a7c6a9-31d7-4f0e-9a56-1f7f6c7d1f0a'

/** Starts it in front of `rest`, an address such as `http://127.0.0.1:1234`. */
export async function startAccounts(rest: string): Promise<Accounts> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const keys = [{ ...(await exportJWK(publicKey)), kid: KEY_ID, alg: 'ES256', use: 'sig' }]
  let hidden = false
  const server = createServer((request, response) => {
    if (request.url === '/auth/v1/.well-known/jwks.json') {
      response.writeHead(hidden ? 503 : 200, { 'content-type': 'application/json' })
      return void response.end(JSON.stringify({ keys }))
    }
    const { method, headers } = request
    const onward = ask(new URL(request.url ?? '/', rest), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const claims = (person: string): JWTPayload => ({
    iss: `${url}/auth/v1`,
    aud: 'authenticated',
    sub: person,
    role: 'authenticated',
    email: `${person}@example.com`,
    exp: Math.floor(Date.now() / 1000) + 3600,
  })

  return {
    url,
    publicKey: await exportSPKI(publicKey),
    token(person, changes = {}, secret) {
      const header = secret === undefined ? { alg: 'ES256', kid: KEY_ID } : { alg: 'HS256' }
      const key = secret === undefined ? privateKey : new TextEncoder().encode(secret)
      return new SignJWT({ ...claims(person), ...changes } as JWTPayload).setProtectedHeader(header).sign(key)
    },
    unsigned(person, alg) {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      return `${part({ alg, typ: 'JWT' })}.${part(claims(person))}.`
    },
    hideKeys() {
      hidden = true
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
