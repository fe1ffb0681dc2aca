import type { Allowance, Pages } from './bot/service.ts'
import type { CardStore, Offices } from './core/chat-ports.ts'
import type { Job } from './core/job.ts'
import type { LinkCode } from './core/link-code.ts'
import type { Price } from './core/operator.ts'
import type { EventLog, FilmLinks, Identity, JobStore, Linked, ObjectStore } from './core/ports.ts'
import type { Preview } from './core/preview.ts'
import type { ModelCapabilities, ModelList, RequestInput } from './core/request.ts'
import type { Submission } from './pipeline/submit-job.ts'
import type { OpenedLink } from './storage/objects/local.ts'
import type { Metrics } from './telemetry.ts'

/**
 * What a process does of the program's work: `all`, `serve` takes jobs and runs none, `worker` runs them and takes none, and `command`, the
 * command line's, runs the jobs that it was asked for and no others.
 */
export type Part = 'all' | 'serve' | 'worker' | 'command'

/** The program before it has opened anything: what can be asked for, and whether a request can be taken. */
export interface App {
  models: ModelList
  /** The ffmpeg that is used, and its version. */
  ffmpeg: { path: string; version: string }
  /** Checks a request and the picture that it opens on, and says its price. Throws `UserError`; nothing has been stored. */
  check(input: RequestInput, picture: string | null): Promise<Price>
  /** Opens the data folder and the database, and takes jobs. Throws `UserError`. */
  open(part?: Part): Promise<Service>
}

/** The program at work. What a surface may do with jobs; each use case says in its own file what it throws. */
export interface Service {
  submit(submission: Omit<Submission, 'limits'>): Promise<Job>
  /** Throws the `UserError` with which `submit` would refuse this now. */
  checkSubmission(submission: Pick<Submission, 'input' | 'picture' | 'identity'>): Promise<void>
  retry(jobId: string, identity: Identity): Promise<Job>
  resume(jobId: string, identity: Identity): Promise<Job>
  cancel(jobId: string): Promise<void>
  /** Makes previews of a finished film where they aren't there yet; their keys in `objects`. */
  preview(jobId: string, wanted: readonly Preview[], signal: AbortSignal): Promise<string[]>
  /** The last frame of a segment, else the newest, of a job that isn't finished, as a small JPEG; null where there is none on this machine. */
  lastFrame(jobId: string, signal: AbortSignal, segment?: number): Promise<Buffer | null>
  /** Puts every unfinished job in line, as after a restart, and returns how many there are. */
  takeUp(): Promise<number>
  jobs: Pick<
    JobStore,
    'count' | 'waiting' | 'get' | 'list' | 'segments' | 'unfinishedOf' | 'userOf' | 'usualSeconds'
  >
  cards: CardStore
  /** Which process is connected to a chat. */
  offices: Offices
  /** How much of what is allowed a person has used; null: it isn't counted for them. */
  allowance(identity: Identity): Promise<Allowance>
  /** A code by which another account of the same person gets all that is theirs. */
  linkCode(identity: Identity): Promise<LinkCode>
  /** Gives somebody all that belongs to whoever a code was made for. Throws `link_code_invalid`, `link_limit`, `link_taken`. */
  link(code: string, identity: Identity): Promise<Linked>
  filmLinks: FilmLinks
  /** Where people find the web page; null where it has no public address. */
  pages: Pages | null
  events: EventLog
  /** Bytes that are free on the data folder's disk, and how many must be before a job is taken in. */
  disk(): Promise<{ free: number; least: number }>
  /** What this process has counted. */
  metrics: Metrics
  objects: ObjectStore
  /** The file behind a signed address of this program's own store, and what it is to be called; null where there is none such. */
  openLink(url: string): OpenedLink | null
  /** By which the command line speaks to this process while it holds the data folder. `open` says at which address. */
  door: { token: string; open(address: string): Promise<void> }
  /** The model that a job is made with. */
  modelOf(jobId: string): Promise<ModelCapabilities>
  /** What a job's segments have cost so far, in USD; null where the provider doesn't say. */
  costOf(jobId: string): Promise<number | null>
  /** Takes no more jobs, and leaves those that run to whoever takes them up next. */
  handBack(): Promise<void>
  /** The same, and closes everything. */
  stop(): Promise<void>
}
