import { ProviderError, type ProviderErrorKind } from '../../../core/errors.ts'

/** What fal answered to one request, read to its end. */
export interface Answer {
  status: number
  headers: Headers
  /** Parsed JSON, or the text as it came. */
  body: unknown
}

/**
 * Errors that pass, by fal's own `type` (fal.ai/docs, «Model errors»). All others stay: asking again gives the same answer.
 * Runner errors all begin alike.
 */
const PASSING = /^(internal_server_error|generation_timeout|downstream_service_\w+|runner_\w+)$/

/** The longest text of fal's that is passed on, in UTF-16 units. */
const LONGEST = 500

/** Says what an answer that is no success means for the money, in fal's own words. */
export function failureOf(answer: Answer, key: string, requestId?: string): ProviderError {
  const { status, headers } = answer
  const types = [headers.get('x-fal-error-type') ?? '', ...detailsOf(answer.body).map(({ type }) => type)]
  const words = wordsOf(answer, key)
  const id = requestId ?? headers.get('x-fal-request-id') ?? undefined
  const about = id === undefined ? {} : { requestId: id }
  if (status === 401 || status === 403) {
    return new ProviderError('rejected', `fal refused the key in FAL_KEY (${status}): ${words}`, about)
  }
  if (types.includes('content_policy_violation')) {
    return new ProviderError('rejected', words, { ...about, reason: 'content_policy' })
  }
  return new ProviderError(kindOf(status, headers, types), words, about)
}

function kindOf(status: number, headers: Headers, types: readonly string[]): ProviderErrorKind {
  const retryable = headers.get('x-fal-retryable')?.toLowerCase()
  if (retryable === 'true' || retryable === 'false') return retryable === 'true' ? 'transient' : 'rejected'
  if (types.some((type) => PASSING.test(type))) return 'transient'
  return status >= 500 || status === 429 || status === 408 ? 'transient' : 'rejected'
}

/** Whether fal itself says that a request failed, and not only something on the way to it. */
export function isVerdict({ status, headers, body }: Answer): boolean {
  if (status < 500) return status !== 429 && status !== 408
  return (
    headers.has('x-fal-error-type') ||
    headers.has('x-fal-retryable') ||
    detailsOf(body).some(({ type }) => type !== '')
  )
}

/** Fal's words without the key, on one line, cut to a length that fits an error. */
export function wordsOf({ status, body }: Answer, key: string): string {
  const said = detailsOf(body)
    .map(({ field, msg }) => (field === '' ? msg : `${field}: ${msg}`))
    .filter((text) => text !== '')
    .join('; ')
  const words = said || (typeof body === 'string' && !body.includes('<') ? body.trim() : '')
  const line = (words || `fal answered ${status}`).replaceAll(key, '***').replaceAll(/\s+/g, ' ')
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line
}

interface Detail {
  field: string
  msg: string
  type: string
}

/** `detail` is one text, or a list of `{loc, msg, type}`; some answers have `message` or `error` instead. */
function detailsOf(body: unknown): Detail[] {
  if (!isRecord(body)) return []
  const detail = body.detail ?? body.message ?? body.error
  const list = Array.isArray(detail) ? detail : [detail]
  return list.flatMap((entry: unknown): Detail[] => {
    if (typeof entry === 'string') return [{ field: '', msg: entry, type: textOf(body.error_type) }]
    if (!isRecord(entry)) return []
    const place = Array.isArray(entry.loc) ? entry.loc.filter((part) => part !== 'body') : []
    return [{ field: place.join('.'), msg: textOf(entry.msg), type: textOf(entry.type) }]
  })
}

/** Whether a value is an object with keys, as JSON has them. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
