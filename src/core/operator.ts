import type { Job } from './job.ts'
import type { EventLog, Identity } from './ports.ts'
import type { Preview } from './preview.ts'
import type { Locale, ModelCapabilities, RequestInput } from './request.ts'

/** Whoever sits at the command line: the installation is theirs. */
export const OPERATOR: Identity = { platform: 'cli', team: '', externalId: 'operator' }

/** The same person on a web page for one: their films are the same, but the hourly limit counts there. */
export const OPERATOR_ON_WEB: Identity = { ...OPERATOR, platform: 'web' }

/** What a film is expected to cost, in USD, and with which model; null where the price isn't known. */
export interface Price {
  estimateUsd: number | null
  model: string
}

/**
 * What the command line does with the program: in its own process, or in one that holds the data folder already. Pictures are paths on this
 * machine. Whatever can't be done throws a `UserError`.
 */
export interface Operator {
  /** The program is this process: what is unfinished when it ends is cut off. */
  here: boolean
  /** The ids of the models that can be used. */
  models: readonly string[]
  /** Checks a request and the picture that it opens on, and says its price. Nothing is stored. */
  check(input: RequestInput, picture: string | null): Promise<Price>
  submit(order: { input: RequestInput; picture: string | null; locale: Locale }): Promise<Job>
  /** Goes on with a job that was cut off or failed. */
  resume(jobId: string): Promise<void>
  cancel(jobId: string): Promise<void>
  get(jobId: string): Promise<Job | null>
  /** The operator's own jobs, newest first. */
  list(limit: number): Promise<Job[]>
  /** Makes previews of a finished film where they aren't there yet; their keys in `objects`. */
  preview(jobId: string, wanted: readonly Preview[], signal: AbortSignal): Promise<string[]>
  modelOf(jobId: string): Promise<Pick<ModelCapabilities, 'name' | 'source'>>
  /** What a job's segments have cost so far, in USD; null where the provider doesn't say. */
  costOf(jobId: string): Promise<number | null>
  events: EventLog
  objects: {
    /** The object as a file of this machine; null where the store is elsewhere. */
    file(key: string): Promise<string | null>
    /** A link that anybody can open for so many seconds. `name`: what a download is called. */
    link(key: string, options: { seconds: number; name: string }): Promise<string>
    read(key: string): Promise<AsyncIterable<Uint8Array>>
  }
  /** Leaves the program, and closes it where it is this process. */
  stop(): Promise<void>
}
