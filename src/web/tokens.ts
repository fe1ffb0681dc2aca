import { createRemoteJWKSet, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import * as z from 'zod'
import { reasonOf, userError } from '../core/errors.ts'

/** Somebody as an access token names them. */
export interface Person {
  id: string
  email: string | null
}

/** Whom an access token is for; null where it is worth nothing. Throws `sign_in_unavailable` where that can't be known. */
export type ReadToken = (token: string) => Promise<Person | null>

/** A token that has run out a moment ago by this machine's clock may still be good by the other's. Seconds. */
const CLOCK_TOLERANCE = 5

/** A token is far shorter; jose would take any. */
const LENGTH_MAX = 8192

const person = z.object({ sub: z.uuid(), email: z.string().optional().catch(undefined) })

/**
 * Reads the access tokens of a Supabase project: signed by one of its public keys, or, in older projects, with their secret. Which of both
 * is never left to the token: a public key must not be taken for a secret. supabase.com/docs/guides/auth/jwts
 */
export function createReadToken({ url, jwtSecret }: { url: string; jwtSecret: string | null }): ReadToken {
  const issuer = `${url}/auth/v1`
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
  const secret = jwtSecret === null ? null : new TextEncoder().encode(jwtSecret)
  const claims = {
    issuer,
    audience: 'authenticated',
    requiredClaims: ['sub', 'exp'],
    clockTolerance: CLOCK_TOLERANCE,
  }

  async function verified(token: string): Promise<JWTPayload | null> {
    const { alg } = decodeProtectedHeader(token)
    if (alg !== 'HS256') {
      return (await jwtVerify(token, keys, { ...claims, algorithms: ['ES256', 'RS256'] })).payload
    }
    if (secret === null) return null
    return (await jwtVerify(token, secret, { ...claims, algorithms: ['HS256'] })).payload
  }

  return async function readToken(token) {
    if (token.length > LENGTH_MAX) return null
    try {
      const read = person.safeParse(await verified(token))
      return read.success ? { id: read.data.sub.toLowerCase(), email: read.data.email ?? null } : null
    } catch (error) {
      if (isUnreachable(error)) throw userError('sign_in_unavailable', { reason: reasonOf(error) })
      return null
    }
  }
}

/** Whether the keys could not be had, which says nothing about the token. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true
  // jose's own for an answer other than 200, and whatever fetch throws; a token that can't be read is a TypeError of `decodeProtectedHeader`
  if (error instanceof errors.JOSEError) return error.code === errors.JOSEError.code
  return error instanceof TypeError && error.cause !== undefined
}
