import type { Claim, SegmentMove } from './ports.ts'
import type { Segment } from './segment.ts'

/** Runs one statement of SQL, in which `$1` stands for the first of `values`, and returns its rows. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>

/** An open transaction of the store. `onCommit` runs after it has become durable, and never if it has not. */
export interface Transaction {
  onCommit(run: () => void): void
  /** Runs in it; null where there is no transaction after all. */
  query: Query | null
}

/** For what is to happen without a transaction. */
export const immediately: Transaction = { onCommit: (run) => run(), query: null }

/** Gives a job a place in the queue, in the transaction that made it ready. */
export type Enlist = (job: { id: string; userId: string }, tx: Transaction) => Promise<void>

/**
 * Runs a job as far as it goes. True: nothing is left to do for it. Else, and where it throws, it comes again a moment later, here or
 * in another process.
 */
export type Run = (jobId: string, signal: AbortSignal) => Promise<boolean>

/**
 * Says «somebody run this job, nobody else»; the ledger holds what was done. A person's jobs run one after the other, in the order in
 * which they were asked for, and take turns with those of others.
 */
export interface JobQueue {
  enqueue: Enlist
  /** Puts those of the jobs in line that aren't in it. */
  takeUp(jobs: readonly { id: string; userId: string }[]): Promise<void>
  /** Begins to run jobs in this process. */
  start(run: Run): void
  /** Takes nothing new, aborts what runs and waits for it. */
  stop(): Promise<void>
}

/** A number of places in this process that work must hold while it runs. */
export interface Slots {
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** `MAX_CONCURRENT_RENDERS` places at the provider over all processes: a segment holds one while it has a request there, or may have. */
export interface RenderPlaces {
  /** Moves a planned segment to `submitting`, as `moveSegment` would; null where no place is free now. */
  take(claim: Claim, segment: Segment, move: SegmentMove): Promise<Segment | null>
  /** A job that nobody runs, and that has a request at the provider; null where there is none. */
  forsaken(): Promise<string | null>
  /** Doesn't name this job for a while in this process: its request can't be seen to here. */
  passOver(jobId: string): void
  /** Resolves when a place may have become free, or `signal` aborts. */
  freed(signal: AbortSignal): Promise<void>
}
