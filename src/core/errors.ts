import type { JobStatus } from './job.ts'

/**
 * Every reason that a person can be told, with the data its wording needs.
 * The words are made at the edge (`i18n/`), in the reader's language.
 * Lengths are in grapheme clusters, sizes in bytes, dates ISO 8601.
 */
export interface ErrorData {
  // a request that can't be taken
  prompt_empty: { max: number }
  prompt_too_long: { given: number; max: number }
  option_invalid: { option: string; given: string; allowed: readonly string[] }
  option_unknown: { given: string; allowed: readonly string[] }
  model_retired: { model: string; retired_on: string; replacement: string }
  model_unavailable: { model: string; allowed: readonly string[] }
  combination_unsupported: {
    model: string
    option: string
    given: string
    allowed: readonly string[]
    alternative: string | null
  }
  image_unreadable: { given: string; allowed: readonly string[] }
  image_too_large: { given: number; max: number }
  image_too_small: { width: number; height: number; min: number }
  hourly_limit: { limit: number; retry_at: string }
  active_limit: { limit: number; jobs: readonly string[] }
  price_unknown: { model: string }
  cost_over_job: { estimate_usd: number; max_usd: number }
  cost_over_day: { estimate_usd: number; spent_usd: number; max_usd: number; retry_at: string }
  disk_low: { free: number; least: number }
  job_not_found: { job_id: string }
  job_not_retryable: { job_id: string; status: JobStatus }
  job_not_cancellable: { job_id: string; status: JobStatus }
  job_not_completed: { job_id: string; status: JobStatus }
  film_expired: { job_id: string }
  size_unreachable: { given: number; least: number }
  // two accounts that can't be made one
  link_code_invalid: { minutes: number }
  link_limit: { limit: number; retry_at: string }
  link_taken: Record<string, never>
  // what came over the web and can't be answered; `reason` is a technical one
  sign_in_needed: Record<string, never>
  sign_in_unavailable: { reason: string }
  cross_site: Record<string, never>
  host_refused: { host: string }
  route_unknown: { path: string }
  request_invalid: { reason: string }
  body_type_unknown: { given: string; allowed: readonly string[] }
  body_too_large: { max: number }
  headers_too_large: { max: number }
  request_too_slow: Record<string, never>
  database_away: Record<string, never>
  stopping: Record<string, never>
  idempotency_key_invalid: { max: number }
  idempotency_key_reused: Record<string, never>
  // an installation that can't work
  data_dir_unwritable: { path: string; reason: string }
  data_dir_locked: { path: string; pid: number; since: string }
  database_in_use: { address: string; host: string; since: string }
  database_unreachable: { address: string; reason: string }
  ffmpeg_missing: { tried: readonly string[] }
  out_unwritable: { path: string; reason: string }
  // a job that could not be finished
  prompt_flagged: { categories: readonly string[] }
  planner_refused: { reason: string }
  planner_cut_off: { reason: string }
  planner_timeout: { seconds: number }
  planner_busy: { reason: string }
  planner_down: { reason: string }
  planner_key_refused: { reason: string }
  plan_invalid: { reason: string }
  render_rejected: { segment: number; reason: string }
  render_policy: { segment: number; reason: string }
  render_given_up: { segment: number; reason: string }
  render_unavailable: { segment: number; reason: string }
  render_outcome_unknown: { segment: number; reason: string }
  clip_unusable: { segment: number; reason: string }
  clip_unfetched: { segment: number; reason: string }
  clip_lost: { segment: number; reason: string }
  join_failed: { reason: string }
  store_failed: { reason: string }
  disk_full: { path: string }
  internal: { reason: string }
}

export type ErrorCode = keyof ErrorData

/** A stable code with its data, as it is stored with a job and sent to a client. */
export type ErrorDetail = { [C in ErrorCode]: { code: C; data: ErrorData[C] } }[ErrorCode]

/** Something that a person should be told: `detail` is worded by `i18n`. */
export class UserError extends Error {
  override readonly name = 'UserError'
  readonly detail: ErrorDetail

  constructor(detail: ErrorDetail, options?: ErrorOptions) {
    super(`${detail.code} ${JSON.stringify(detail.data)}`, options)
    this.detail = detail
  }
}

/** Makes a `UserError` with the data that its code asks for. */
export function userError<C extends ErrorCode>(
  code: C,
  data: ErrorData[C],
  options?: ErrorOptions,
): UserError {
  return new UserError({ code, data } as ErrorDetail, options)
}

/**
 * What an answer of a provider means for the money:
 * `rejected` nothing was made, asking again gives the same answer;
 * `transient` nothing was made, asking again may work;
 * `unknown` the request may or may not have been accepted.
 */
export type ProviderErrorKind = 'rejected' | 'transient' | 'unknown'

/** What a provider refused or gave up for, where that is more than its kind says. */
export type ProviderErrorReason = 'content_policy' | 'given_up'

/** A provider's failure. `message` is the provider's own words. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly kind: ProviderErrorKind
  readonly requestId: string | null
  readonly reason: ProviderErrorReason | null

  constructor(
    kind: ProviderErrorKind,
    message: string,
    options: ErrorOptions & { requestId?: string; reason?: ProviderErrorReason } = {},
  ) {
    super(message, options)
    this.kind = kind
    this.requestId = options.requestId ?? null
    this.reason = options.reason ?? null
  }
}

/** Whether a file could not be written for want of room. */
export function isDiskFull(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}

/** What Postgres and its driver say where the server is away, starts or stops. postgresql.org/docs/current/errcodes-appendix.html */
const DATABASE_AWAY =
  /^(08\w{3}|57P0[1-3]|53300|55000|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|ETIMEDOUT|CONNECT_TIMEOUT|CONNECTION_(CLOSED|ENDED|DESTROYED))$/

/** Whether a query failed because the database could not be reached. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // a query's failure is wrapped, that of a transaction's beginning isn't
  const said = 'query' in error && error.cause instanceof Error ? error.cause : error
  const code = 'code' in said ? String(said.code) : ''
  // others refuse connections too: the driver alone names a query, or has these words
  return DATABASE_AWAY.test(code) && ('query' in error || code.startsWith('CONNECTION_'))
}

/** The words closest to the fault: what wraps them may repeat a query with its parameters, prompts among them. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message
}
