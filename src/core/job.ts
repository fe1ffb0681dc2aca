import type { ErrorDetail } from './errors.ts'
import type { FilmCheck } from './film-check.ts'
import type { Locale, VideoRequest } from './request.ts'

export const JOB_STATUSES = [
  'queued',
  'planning',
  'generating',
  'merging',
  'completed',
  'failed',
  'cancelled',
] as const

export type JobStatus = (typeof JOB_STATUSES)[number]

/** The states in which a job still has work to do. */
export const UNFINISHED = ['queued', 'planning', 'generating', 'merging'] as const satisfies JobStatus[]

const NEXT: Record<JobStatus, readonly JobStatus[]> = {
  queued: ['planning', 'failed', 'cancelled'],
  planning: ['generating', 'failed', 'cancelled'],
  generating: ['merging', 'failed', 'cancelled'],
  merging: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: ['queued'],
  cancelled: [],
}

export function canMove(from: JobStatus, to: JobStatus): boolean {
  return NEXT[from].includes(to)
}

/** The states from which a job may go to `to`. */
export function sourcesOf(to: JobStatus): JobStatus[] {
  return JOB_STATUSES.filter((from) => canMove(from, to))
}

export function isUnfinished(status: JobStatus): boolean {
  return (UNFINISHED as readonly JobStatus[]).includes(status)
}

/** Progress 0..1 at each point of a job's life; it never goes down, so stores keep the largest seen. */
export const PROGRESS = {
  queued: 0,
  planning: 0.1,
  planned: 0.2,
  merging: 0.9,
  completed: 1,
  /** After `done` of `total` segments. */
  generating: (done: number, total: number) => 0.2 + (0.6 * done) / total,
} as const

/** The joined result: seconds, pixels, bytes. `key` is its place in the object store. */
export interface Film {
  key: string
  duration: number
  width: number
  height: number
  file_size: number
  /** What was measured of it; null where nothing was. */
  check: FilmCheck | null
  /** The keys of the segments' clips, where they were kept. */
  clips: readonly string[]
}

/** What films have that were stored before there was more to say of them. */
export const BARE_FILM: Pick<Film, 'check' | 'clips'> = { check: null, clips: [] }

/**
 * One request and how far it has come. `payAgain`: somebody who was told that the outcome of a request can't be known
 * said to go on all the same.
 */
export interface Job {
  id: string
  userId: string
  status: JobStatus
  request: VideoRequest
  locale: Locale
  progress: number
  title: string | null
  /** Null before the end, and again when it is no longer kept. */
  film: Film | null
  error: ErrorDetail | null
  /** What it was expected to cost, in USD; null where the price isn't known. */
  estimateUsd: number | null
  cancelRequested: boolean
  payAgain: boolean
  createdAt: Date
  updatedAt: Date
  completedAt: Date | null
}
