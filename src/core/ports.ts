import type { CardPlace } from './card.ts'
import type { ClipRecord } from './clip-measures.ts'
import type { UntaggedMatrix } from './colour.ts'
import type { ErrorDetail } from './errors.ts'
import type { JobChange, JobEvent } from './event.ts'
import type { FilmCheck } from './film-check.ts'
import type { Film, Job, JobStatus } from './job.ts'
import type { Plan, PlanShape } from './plan.ts'
import type { Enlist } from './queue.ts'
import type { Aspect, Locale, Resolution, VideoRequest } from './request.ts'
import type { RemoteRequest, Segment, SegmentState } from './segment.ts'

/** One line for an operator. `fields` carry the job id and the provider's request id; never a secret. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

// ─── planner ───────────────────────────────────────────────────────────────────────────────────────────────

/** What a planner is asked for. `language` is that of the shots' prompts, `locale` that of the titles. */
export interface PlanOrder extends PlanShape {
  prompt: string
  aspect: Aspect
  image: boolean
  language: 'en' | 'any'
  locale: Locale
}

/** Turns a prompt into shots. Throws `UserError` or `ProviderError`. */
export interface Planner {
  /** Names the planner and its version: a plan is cached under it. */
  id: string
  /** `person` stands for the requester at the provider: a hash, never a name. */
  plan(order: PlanOrder, person: string, signal: AbortSignal): Promise<Plan>
}

/** Plans that were made before, by a hash of everything that a plan depends on. */
export interface PlanCache {
  get(key: string): Promise<Plan | null>
  put(key: string, plan: Plan): Promise<void>
}

// ─── video model ───────────────────────────────────────────────────────────────────────────────────────────

/** One clip to be rendered. `key` is unique to this segment of this job; `firstFrame` is a PNG's path. */
export interface RenderOrder {
  key: string
  model: string
  prompt: string
  seconds: number
  resolution: Resolution
  aspect: Aspect
  firstFrame: string | null
  /** For an order whose answer was lost: when it was sent at the latest. */
  sentAt?: Date
}

/** A finished clip at the provider. `costUsd` is null where the provider doesn't say. */
export interface RenderedClip {
  url: string
  costUsd: number | null
}

/**
 * A video model behind a provider. Every method throws `ProviderError`; its `kind` says what it means for the money.
 * `submit` is the only call that costs: it sends one request, never a second one by itself, and can't be aborted,
 * since a request that is cut off may have been accepted all the same.
 */
export interface VideoModel {
  submit(order: RenderOrder): Promise<RemoteRequest>
  /** Looks for the request of an order whose answer was lost. */
  find(order: RenderOrder, signal: AbortSignal): Promise<RemoteRequest | 'absent' | 'unknown'>
  /** `waiting` hears of the request's place in the provider's line, 0 being next, whenever it changes. */
  wait(
    order: RenderOrder,
    request: RemoteRequest,
    signal: AbortSignal,
    waiting?: (position: number) => void,
  ): Promise<RenderedClip>
  download(url: string, path: string, signal: AbortSignal): Promise<void>
  /** Stops a request as far as the provider can; a finished one is left alone. */
  cancel(order: RenderOrder, request: RemoteRequest): Promise<void>
}

// ─── files ─────────────────────────────────────────────────────────────────────────────────────────────────

/** The folder in which a job's files lie while it runs. Segments count from 1. */
export interface WorkFolder {
  clip(jobId: string, segment: number): string
  /** Where a clip lies as it was delivered, until it is one that can be joined. */
  deliveredClip(jobId: string, segment: number): string
  lastFrame(jobId: string, segment: number): string
  opening(jobId: string): string
  film(jobId: string): string
  /** A file of any other name. */
  file(jobId: string, name: string): string
  create(jobId: string): Promise<void>
  has(path: string): Promise<boolean>
  /** In bytes. */
  size(path: string): Promise<number>
  /** What was measured of the joined film, or null where it has not been measured yet. */
  readCheck(jobId: string): Promise<FilmCheck | null>
  writeCheck(jobId: string, check: FilmCheck): Promise<void>
  /** The jobs that have a folder. */
  jobs(): Promise<string[]>
  remove(jobId: string): Promise<void>
  /** Removes all but the picture that the film opens on, which can't be had again. */
  removeButOpening(jobId: string): Promise<void>
}

/** The disk on which the data folder lies. */
export interface Disk {
  /** Bytes that this process may still write. */
  free(): Promise<number>
}

/** Where finished things are kept. Keys are ASCII paths such as `films/<job>.mp4`. */
export interface ObjectStore {
  put(key: string, file: string, options: { contentType: string; signal: AbortSignal }): Promise<void>
  /** Size in bytes, or null where there is no such object. */
  size(key: string): Promise<number | null>
  /** Bytes `start` to `end`, both included. */
  read(key: string, range?: { start: number; end: number }): Promise<AsyncIterable<Uint8Array>>
  /** A link that anybody can open until it expires. `name` is the file name that a download gets. */
  link(key: string, options: { seconds: number; name: string }): Promise<string>
  /** The object as a file of this machine; null where the store is elsewhere. */
  file(key: string): string | null
  /** What begins with this, in its folder alone: `films/<job>` has keys, `work/` has the folders in it too, such as `work/<job>`. */
  list(beginning: string): Promise<string[]>
  remove(key: string): Promise<void>
}

/** Addresses at which anybody who has them sees a film, until they expire. */
export interface FilmLinks {
  /** The page of a job's film, from the server's root: `/v/<job>?expires=…&signature=…`. */
  path(jobId: string, seconds: number): string
  /** What the query of such an address is worth. `wrong`: made up or changed. */
  check(jobId: string, query: { expires: string; signature: string }): 'valid' | 'expired' | 'wrong'
}

// ─── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Somebody on a platform. `team` is the workspace on platforms that have one, else empty. */
export interface Identity {
  platform: 'cli' | 'web' | 'discord' | 'slack'
  team: string
  externalId: string
}

/** How much one person may ask for; null: no limit. */
export interface Limits {
  jobsPerHour: number | null
  activeJobs: number | null
  /** USD in 24 hours. */
  usdPerDay: number | null
}

/** A person's jobs of the last hour, and their unfinished ones. */
export interface Usage {
  lastHour: number
  active: number
}

/** Whose a job is, and what it is expected to cost in USD; null where the price isn't known. */
export interface JobCost {
  userId: string
  estimateUsd: number | null
}

export interface NewJob extends JobCost {
  id: string
  request: VideoRequest
  locale: Locale
  /** Where a chat shows it, for one that was asked for in a chat. */
  card?: CardPlace
}

/** The right to work on a job: whoever lost it can write nothing more. */
export interface Claim {
  jobId: string
  worker: string
}

/** Thrown by every write of a worker whose claim has gone to another. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost'
}

/** What changes with a segment's move: its own fields, and what the people who watch are told. */
export interface SegmentMove extends Partial<Pick<Segment, 'request' | 'clipUrl' | 'costUsd'>> {
  change?: JobChange
  progress?: number
}

/**
 * Jobs, their segments and their events. Every transition is one compare-and-set with its event in the same transaction;
 * a write under a claim that was lost throws `ClaimLost`.
 */
export interface JobStore {
  /** The user behind an identity, made at the first sight. */
  userOf(identity: Identity): Promise<string>
  /**
   * Takes a job in: limits, row, card, event and `enlist` in one transaction. Throws `hourly_limit`, `active_limit`, `cost_over_day`.
   * The same id a second time adds nothing, and returns the first job.
   */
  submit(job: NewJob, limits: Limits, enlist: Enlist): Promise<Job>
  get(id: string): Promise<Job | null>
  /** A user's jobs, newest first. */
  list(userId: string, limit: number): Promise<Job[]>
  /** The unfinished jobs of somebody who may be unknown here, newest first. */
  unfinishedOf(identity: Identity, limit: number): Promise<Job[]>
  /** Every job that still has work to do, oldest first. */
  unfinished(): Promise<Job[]>
  /** Those of them that no worker holds. */
  unheld(): Promise<Job[]>
  /** In order. Empty until the job is planned. */
  segments(jobId: string): Promise<Segment[]>
  /** How many jobs there are in each state. */
  count(): Promise<Record<JobStatus, number>>
  /** How many unfinished jobs wait for somebody to work on them, and for how long the oldest has, in seconds; 0 where none does. */
  waiting(): Promise<{ jobs: number; oldestSeconds: number }>
  /** How many jobs of a person count against the limits now. */
  usage(userId: string): Promise<Usage>
  /** Whether `submit` would take such a job in now. Throws what it throws. */
  checkLimits(job: JobCost, limits: Limits): Promise<void>
  /** How long the newest segments of a model took, from being sent to being stored: their median in seconds; null before the first. */
  usualSeconds(model: string): Promise<number | null>
  /** The matrix that most of a model's newest measured clips were encoded by; null before the first. */
  usualMatrix(model: string): Promise<UntaggedMatrix | null>
  /** What was measured of a job's clips, by segment. */
  clipRecords(jobId: string): Promise<ClipRecord[]>

  /** Takes an unfinished job for `leaseMs`; null where another worker holds it or there is nothing to do. */
  claim(id: string, worker: string, leaseMs: number): Promise<Job | null>
  /** Holds jobs for `leaseMs` more, and returns the claims that were lost. */
  renew(claims: readonly Claim[], leaseMs: number): Promise<Claim[]>
  release(claim: Claim): Promise<void>
  /** Frees every job: for a store that no other process can have open. */
  releaseAll(): Promise<void>

  /** Tells of something that changes no state. */
  note(claim: Claim, change: JobChange): Promise<void>
  startPlanning(claim: Claim): Promise<void>
  /** `plan` is null where the job's segments are there from an earlier run. */
  startGenerating(claim: Claim, plan: Plan | null): Promise<void>
  moveSegment(claim: Claim, segment: Segment, to: SegmentState, move?: SegmentMove): Promise<Segment>
  /** Keeps what was measured of a segment's clip, until that is rendered again. */
  recordClip(claim: Claim, segment: Pick<Segment, 'index'>, record: Partial<ClipRecord>): Promise<void>
  startMerging(claim: Claim): Promise<void>
  complete(claim: Claim, film: Film): Promise<void>
  fail(claim: Claim, error: ErrorDetail): Promise<void>
  cancel(claim: Claim): Promise<void>

  /** Asks whoever holds the job to stop. Throws `job_not_found`, `job_not_cancellable`. */
  requestCancel(id: string): Promise<void>
  /** Puts a failed job back in line. Throws `job_not_found`, `job_not_retryable`, `active_limit`. */
  retry(id: string, limits: Limits, enlist: Enlist): Promise<Job>
}

/** Whose films came along when two accounts became one. */
export interface Linked {
  platform: Identity['platform']
  jobs: number
}

/** What is kept for a time alone. Times are the database's own; whatever was cut off is done by the next call. */
export interface Retention {
  /** Does this unless another process is at it already: false then. */
  alone(work: () => Promise<void>): Promise<boolean>
  /** Jobs whose films were finished more than so many days ago and are still there, oldest first. */
  oldFilms(days: number, limit: number): Promise<Job[]>
  /** Notes that a job's film is no longer there. */
  filmExpired(jobId: string): Promise<void>
  /** Removes what happened more than so many days ago to jobs that have ended, all but the end. Returns how many events. */
  forgetEvents(days: number): Promise<number>
  /** Removes plans that were made more than so many days ago. Returns how many. */
  forgetPlans(days: number): Promise<number>
  /** Removes link codes that work no more. Returns how many. */
  forgetCodes(): Promise<number>
}

/** What happened to jobs, in order, for as long as they are kept. */
export interface EventLog {
  /** The events of a job after `seq`. */
  since(jobId: string, seq: number): Promise<JobEvent[]>
  /** The same, and then each new one as it happens, until `signal` aborts. */
  follow(jobId: string, seq: number, signal: AbortSignal): AsyncIterable<JobEvent>
}
