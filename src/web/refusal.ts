import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ErrorCode, type ErrorDetail, isDatabaseAway, UserError, userError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Locale } from '../core/request.ts'
import { errorText } from '../i18n/index.ts'
import { readerLocale } from './pages/reader.ts'

/** What is sent in place of what was asked for. */
export interface Refusal {
  detail: string
  code: ErrorCode
}

/** The statuses of whatever isn't simply a bad request. */
const STATUSES: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  sign_in_needed: 401,
  cross_site: 403,
  host_refused: 403,
  job_not_found: 404,
  route_unknown: 404,
  request_too_slow: 408,
  job_not_retryable: 409,
  job_not_cancellable: 409,
  job_not_completed: 409,
  link_taken: 409,
  film_expired: 410,
  body_too_large: 413,
  image_too_large: 413,
  body_type_unknown: 415,
  idempotency_key_reused: 422,
  hourly_limit: 429,
  active_limit: 429,
  cost_over_day: 429,
  link_limit: 429,
  headers_too_large: 431,
  internal: 500,
  sign_in_unavailable: 503,
  stopping: 503,
  database_away: 503,
  database_unreachable: 503,
  disk_full: 503,
  disk_low: 503,
}

/** When somebody may try again who has too many unfinished jobs: nobody knows when one ends. Seconds. */
const ACTIVE_RETRY = 30

/** When another process, or the same one anew, or its database should answer. Seconds. */
const STOPPING_RETRY = 10

/** The HTTP status of an error. */
export function statusOf(code: ErrorCode): ContentfulStatusCode {
  return STATUSES[code] ?? 400
}

/** What is sent for an error, in a language. */
export function refusalOf(error: ErrorDetail, locale: Locale): Refusal {
  return { detail: errorText(error, locale), code: error.code }
}

/** Sends an error in the caller's language. */
export function refuse(c: Context, error: ErrorDetail, defaultLocale: Locale): Response {
  const status = statusOf(error.code)
  if (status === 401) c.header('www-authenticate', 'Bearer')
  const wait = waitOf(error)
  if (wait !== null) c.header('retry-after', String(wait))
  const locale = readerLocale(c, defaultLocale)
  c.header('content-language', locale)
  c.header('cache-control', 'no-store')
  return c.json(refusalOf(error, locale), status)
}

/** In seconds; null where to ask again is of no use. */
function waitOf({ code, data }: ErrorDetail): number | null {
  if (code === 'active_limit') return ACTIVE_RETRY
  if (code === 'sign_in_unavailable' || code === 'disk_low') return ACTIVE_RETRY
  if (code === 'stopping' || code === 'database_away') return STOPPING_RETRY
  if (code !== 'hourly_limit' && code !== 'cost_over_day' && code !== 'link_limit') return null
  return Math.max(1, Math.ceil((Date.parse(data.retry_at) - Date.now()) / 1000))
}

/** What a thrown error is to whoever asked. One that nobody foresaw is logged, and named by its request alone. */
export function detailOf(error: unknown, c: Context, log: Log): ErrorDetail {
  if (error instanceof UserError) return error.detail
  const reason = `request ${c.get('requestId')}`
  if (error instanceof HTTPException && error.status < 500) {
    return userError('request_invalid', { reason: error.message || reason }).detail
  }
  log.error({ err: error, method: c.req.method, path: c.req.path, request_id: c.get('requestId') }, 'web')
  if (isDatabaseAway(error)) return userError('database_away', {}).detail
  return userError('internal', { reason }).detail
}
