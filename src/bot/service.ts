import type { CardPlace, ChatName } from '../core/card.ts'
import type { CardStore } from '../core/chat-ports.ts'
import type { Job } from '../core/job.ts'
import type { LinkCode } from '../core/link-code.ts'
import type { EventLog, Identity, JobStore, ObjectStore, Usage } from '../core/ports.ts'
import type { Preview } from '../core/preview.ts'
import type { Locale, ModelCapabilities, RequestInput } from '../core/request.ts'

/** What the bots need of the program at work. */
export interface BotService {
  /** `id` is the job's where a platform may ask twice for the same: the second time the first job is returned. */
  submit(submission: {
    id?: string
    input: RequestInput
    picture: string | null
    identity: Identity
    locale: Locale
    card: CardPlace
  }): Promise<Job>
  /** Throws the `UserError` with which `submit` would refuse this now. */
  checkSubmission(submission: {
    input: RequestInput
    picture: string | null
    identity: Identity
  }): Promise<void>
  retry(jobId: string, identity: Identity): Promise<Job>
  cancel(jobId: string): Promise<void>
  preview(jobId: string, wanted: readonly Preview[], signal: AbortSignal): Promise<string[]>
  /** The newest last frame of a job that isn't finished, as a small JPEG; null where there is none on this machine. */
  lastFrame(jobId: string, signal: AbortSignal): Promise<Buffer | null>
  jobs: Pick<JobStore, 'get' | 'list' | 'segments' | 'unfinishedOf' | 'userOf' | 'usualSeconds'>
  cards: CardStore
  events: EventLog
  objects: ObjectStore
  modelOf(jobId: string): Promise<ModelCapabilities>
  /** What a person may still ask for, beside what is allowed in all; `hour` is null where nothing is counted. */
  allowance(identity: Identity): Promise<Allowance>
  /** A code by which the web page makes this account and another one of the same person one. */
  linkCode(identity: Identity): Promise<LinkCode>
  /** Where people find the web page; null where it has no public address. */
  pages: Pages | null
  metrics: {
    /** An edit of a card; `dropped` are changes that a newer state was shown in place of. */
    edited(chat: ChatName, outcome: 'made' | 'failed' | 'dropped', count?: number): void
  }
}

/** Addresses of the web page. */
export interface Pages {
  /** Where a code is entered. */
  link: string
  /** A job's film, for anybody who has the address, until it expires. */
  film(jobId: string): string
}

export interface Allowance {
  hour: { limit: number; used: Usage['lastHour'] } | null
  active: { limit: number; used: Usage['active'] }
}
