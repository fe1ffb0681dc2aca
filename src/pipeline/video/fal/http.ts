import { setTimeout as sleep } from 'node:timers/promises'
import { ProviderError, reasonOf } from '../../../core/errors.ts'
import { type Answer, failureOf, isRecord } from './failure.ts'

/** Where fal is. Each may be a stand-in; none ends in a slash. */
export interface Addresses {
  /** https://queue.fal.run */
  queueUrl: string
  /** https://rest.fal.ai */
  restUrl: string
  /** https://api.fal.ai */
  apiUrl: string
}

/** How patient the adapter is, in milliseconds but for `tries`. */
export interface Pace {
  /** The first pause between two looks at a request, which grows to the longest one. */
  poll: number
  pollLongest: number
  /** How long fal may answer nothing but errors while a request is waited for. */
  patience: number
  /** The first pause before something that costs nothing is tried again; it doubles each time. */
  pause: number
  tries: number
  /** The longest `Retry-After` that is waited for. */
  retryAfterLongest: number
  /** How long one request may take. */
  timeout: number
  /** How long an accepted request may stay unlisted: only after that is an order called absent. */
  unlisted: number
}

export const PACE: Pace = {
  poll: 1000,
  pollLongest: 5000,
  patience: 10 * 60_000,
  pause: 1000,
  tries: 4,
  retryAfterLongest: 30_000,
  timeout: 60_000,
  unlisted: 5 * 60_000,
}

/** The hosts that @fal-ai/client 1.10.1 has built in. */
const BUILT_IN = { queue: 'https://queue.fal.run', rest: 'https://rest.fal.ai' }

/** An address on fal's own hosts, moved to the configured ones. */
export function moved(url: string, { queueUrl, restUrl }: Addresses): string {
  for (const [from, to] of [
    [BUILT_IN.queue, queueUrl],
    [BUILT_IN.rest, restUrl],
  ] as const) {
    if (url === from || url.startsWith(`${from}/`)) return to + url.slice(from.length)
  }
  return url
}

/** Whether an address lies under another one, after everything that a URL may hide is resolved. */
export function isUnder(url: string, base: string): boolean {
  if (!URL.canParse(url)) return false
  const { href, username, password } = new URL(url)
  return href.startsWith(`${new URL(base).href.replace(/\/$/, '')}/`) && !username && !password
}

/**
 * The `fetch` that @fal-ai/client is given. It moves the client's built-in hosts, reads each answer to its end, and
 * throws everything that is no success as an error named `AbortError`, the one kind that the client never tries again:
 * left alone it sends a paid request up to four times. The cause is a `ProviderError`.
 *
 * A POST to the queue goes out once. `unknown`: it may have been accepted. Only a 429, which fal sends in place of
 * accepting, is tried again, after its `Retry-After`.
 */
export function guardedFetch(addresses: Addresses, pace: Pace, key: string): typeof fetch {
  return async (input, init) => {
    const url = moved(input instanceof Request ? input.url : input.toString(), addresses)
    const paid = init?.method === 'POST' && isUnder(url, addresses.queueUrl)
    for (let tries = 1; ; tries += 1) {
      let answered: Answer & { bytes: ArrayBuffer; statusText: string }
      try {
        const signal = AbortSignal.timeout(pace.timeout)
        const response = await fetch(url, { ...init, redirect: 'manual', signal })
        // to the end here: a connection that breaks in the body would be tried again by the client
        const bytes = await response.arrayBuffer()
        const { status, statusText, headers } = response
        answered = { status, statusText, headers, bytes, body: parsed(bytes) }
      } catch (error) {
        throw final(new ProviderError(paid && !neverSent(error) ? 'unknown' : 'transient', cut(error)))
      }
      const { status, statusText, headers, bytes, body } = answered
      if (paid && status === 429 && tries < pace.tries) {
        const wait = retryAfter(headers) ?? pace.pause * 2 ** (tries - 1)
        if (wait <= pace.retryAfterLongest) {
          await sleep(wait)
          continue
        }
      }
      if (paid && (status >= 500 || status === 408)) {
        const said = failureOf(answered, key)
        throw final(new ProviderError('unknown', said.message, idOf(said)))
      }
      if (status < 200 || status > 299) throw final(failureOf(answered, key))
      if (paid && !(isRecord(body) && typeof body.request_id === 'string')) {
        throw final(new ProviderError('unknown', 'fal accepted the request, and its answer is unreadable'))
      }
      return new Response(status === 204 ? null : bytes, { status, statusText, headers })
    }
  }
}

/** The failure behind what the client threw. */
export function thrownBy(error: unknown): ProviderError {
  const cause = error instanceof Error ? error.cause : null
  return cause instanceof ProviderError
    ? cause
    : new ProviderError('unknown', reasonOf(error), { cause: error })
}

function final(cause: ProviderError): Error {
  return Object.assign(new Error(cause.message, { cause }), { name: 'AbortError' })
}

function idOf({ requestId }: ProviderError): { requestId?: string } {
  return requestId === null ? {} : { requestId }
}

/** Sends one request that costs nothing. Throws what `fetch` throws; every answer is returned. */
export async function ask(
  url: string,
  {
    key,
    method = 'GET',
    timeout,
    signal,
  }: { key: string; method?: 'GET' | 'PUT'; timeout: number; signal?: AbortSignal },
): Promise<Answer> {
  const limits = [AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]
  const response = await fetch(url, {
    method,
    headers: { authorization: `Key ${key}`, accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.any(limits),
  })
  const { status, headers } = response
  return { status, headers, body: parsed(await response.arrayBuffer()) }
}

function parsed(bytes: ArrayBuffer): unknown {
  const text = new TextDecoder().decode(bytes)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Whether a failure happened before a connection stood, so that nothing can have been accepted. */
function neverSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null
  if (!(cause instanceof Error) || !('code' in cause)) return false
  if (cause instanceof AggregateError)
    return cause.errors.every((one) => 'syscall' in one && one.syscall === 'connect')
  if ('syscall' in cause && cause.syscall === 'connect') return true
  return cause.code === 'ENOTFOUND' || cause.code === 'EAI_AGAIN' || cause.code === 'UND_ERR_CONNECT_TIMEOUT'
}

/** What went wrong with a connection, in a few words. */
export function cut(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'fal did not answer in time'
  return `the connection to fal broke: ${reasonOf(error)}`
}

/** `Retry-After` in milliseconds: seconds or a date; null where there is none. */
function retryAfter(headers: Headers): number | null {
  const value = headers.get('retry-after')?.trim()
  if (!value) return null
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now())
}
