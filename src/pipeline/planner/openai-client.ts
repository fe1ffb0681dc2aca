import { setTimeout as pause } from 'node:timers/promises'
import OpenAI, { APIConnectionError, APIError } from 'openai'
import { reasonOf, type UserError, userError } from '../../core/errors.ts'
import type { Log } from '../../core/ports.ts'

/** How OpenAI is reached. */
export interface OpenAiDeps {
  apiKey: string
  /** Ends in `/v1`; null: OpenAI's own address. */
  baseUrl: string | null
  /** As in `PLANNER_MODEL`. */
  model: string
  log: Log
  /** How long one request may take until its answer is complete. */
  timeoutSeconds?: number
  /** The wait before a failed request is sent once more, where OpenAI doesn't say how long. */
  pauseMs?: number
}

/** Makes one request. Throws `UserError` `planner_…` where it fails for good, and the signal's reason. */
export type Send = <T>(
  request: (client: OpenAI, options: { signal: AbortSignal }) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>

const ATTEMPTS = 2
const LONGEST_WAIT_MS = 60_000
const WORDS_MAX = 300

/** Answers to a request that can't succeed until somebody pays. */
const UNPAID = ['insufficient_quota', 'billing_not_active', 'billing_hard_limit_reached']
/** Answers that say that the prompt, not the request, is the trouble. */
const POLICY = [
  'invalid_prompt',
  'content_policy_violation',
  'content_filter',
  'bio_policy',
  'misalignment_policy_violation',
]

/**
 * A client that sends a failed request once more (408, 409, 429, 5xx, a connection that broke) after the time that
 * OpenAI asks for, up to a minute. The SDK's own retries are off: OpenAI knows no idempotency key, so that a request
 * whose answer was only slow would be paid twice, and they repeat what an empty account refused.
 */
export function createSend(deps: OpenAiDeps): Send {
  const { log, timeoutSeconds = 120, pauseMs = 1000 } = deps
  const timeoutMs = Math.round(timeoutSeconds * 1000)
  // what isn't given here the SDK would read from the environment, or write to the console
  const client = new OpenAI({
    apiKey: deps.apiKey,
    baseURL: deps.baseUrl ?? 'https://api.openai.com/v1',
    adminAPIKey: null,
    organization: null,
    project: null,
    logLevel: 'off',
    // the deadline below comes first: the SDK's own doesn't cover the body of an error
    timeout: timeoutMs + 60_000,
    maxRetries: 0,
  })

  return async (request, signal) => {
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      const deadline = AbortSignal.timeout(timeoutMs)
      try {
        return await request(client, { signal: AbortSignal.any([signal, deadline]) })
      } catch (error) {
        signal.throwIfAborted()
        const late = deadline.aborted
        const wait = attempt < ATTEMPTS && !late ? waitAfter(error, pauseMs) : null
        log.warn({ ...aboutOf(error), late, again_in_ms: wait }, 'a request to the planner failed')
        // neither has a cause: its words and headers may repeat a part of the key
        if (late) throw userError('planner_timeout', { seconds: timeoutSeconds })
        if (wait === null) throw worded(error, deps)
        await pause(wait, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    }
  }
}

/** What a log says of a failure: neither OpenAI's words nor what was sent. */
function aboutOf(error: unknown): object {
  const api = error instanceof APIError ? error : null
  return {
    request_id: api?.requestID ?? null,
    status: api?.status ?? null,
    code: api?.code ?? (error instanceof Error ? error.name : null),
  }
}

/** Milliseconds until the same request may work, null where it won't or where nobody wants to wait that long. */
function waitAfter(error: unknown, pauseMs: number): number | null {
  if (isCutOff(error)) return pauseMs
  if (!(error instanceof APIError) || isUnpaid(error)) return null
  const { status, headers } = error
  const asked = headers?.get('x-should-retry')
  const passing =
    status === 408 || status === 409 || status === 429 || (status !== undefined && status >= 500)
  if (asked === 'false' || (asked !== 'true' && !passing)) return null
  const wait = retryAfterMs(headers) ?? pauseMs
  return wait <= LONGEST_WAIT_MS ? wait : null
}

/** `retry-after` in seconds or as a date, `retry-after-ms` before it. */
function retryAfterMs(headers: Headers | undefined): number | null {
  const ms = Number.parseFloat(headers?.get('retry-after-ms') ?? '')
  if (ms >= 0) return ms
  const after = headers?.get('retry-after')?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(after)) return Number(after) * 1000
  const until = Date.parse(after) - Date.now()
  return Number.isNaN(until) ? null : Math.max(0, until)
}

/** The connection failed: at once, or in the middle of the answer (undici's «terminated», which the SDK hands on). */
function isCutOff(error: unknown): error is Error {
  return error instanceof APIConnectionError || (error instanceof TypeError && error.cause instanceof Error)
}

function isUnpaid(error: APIError): boolean {
  return UNPAID.includes(error.code ?? '') || UNPAID.includes(error.type ?? '')
}

function worded(error: unknown, deps: OpenAiDeps): UserError {
  const down = (reason: string) => userError('planner_down', { reason: wordsOf(reason, deps.apiKey) })
  if (isCutOff(error)) return down(reasonOf(error) || error.message)
  if (!(error instanceof APIError)) {
    return down(`what answers at ${deps.baseUrl ?? 'api.openai.com'} is not OpenAI’s API`)
  }
  const { status, code, param } = error
  const reason = wordsOf(error.message, deps.apiKey)
  if (isPolicy(code)) return userError('planner_refused', { reason })
  if (code === 'model_not_found' || param === 'model' || param?.startsWith('reasoning')) {
    return down(`PLANNER_MODEL “${deps.model}”: ${reason}`)
  }
  // what OpenAI says here repeats both ends of the key
  if (status === 401) return userError('planner_key_refused', { reason: `401 ${code ?? error.type ?? ''}` })
  if (status === 403) return userError('planner_key_refused', { reason })
  if (status === 429 || isUnpaid(error)) return userError('planner_busy', { reason })
  if (status === 404) return down(`OPENAI_BASE_URL has no such address: ${reason}`)
  return down(reason)
}

/** Whether OpenAI's code for a failure says that the prompt goes against its policies. */
export function isPolicy(code: string | null | undefined): boolean {
  return POLICY.includes(code ?? '')
}

/** Somebody else's words on one short line, without the key, what looks like one, or a password in an address. */
export function wordsOf(text: string, apiKey: string): string {
  const line = text
    .replaceAll(apiKey, '…')
    .replace(/\bsk-[\w.*…-]+/g, '…')
    .replace(/\S*\*{2,}[\w-]*/g, '…')
    .replace(/\/\/[^/\s@]+@/g, '//…@')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  return line.length > WORDS_MAX ? `${line.slice(0, WORDS_MAX - 1).toWellFormed()}…` : line
}
