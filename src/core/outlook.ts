import type { ErrorDetail } from './errors.ts'
import type { JobEvent } from './event.ts'
import { type Film, isUnfinished, type Job, type JobStatus } from './job.ts'
import type { Segment } from './segment.ts'

/** How far a segment is, as people are shown it; `left`: it will not be made. */
export type ShotMark = 'done' | 'working' | 'waiting' | 'failed' | 'left'

/** How far a segment of a job in this state is. */
export function markOf(segment: Segment, segments: readonly Segment[], status: JobStatus): ShotMark {
  if (segment.state === 'stored') return 'done'
  const first = segments.find(({ state }) => state !== 'stored')
  if (status === 'failed') return segment === first ? 'failed' : 'left'
  if (status === 'cancelled') return 'left'
  return segment === first && segment.state !== 'planned' ? 'working' : 'waiting'
}

/** What a job is called: its planned title, else the beginning of what was asked for. */
export function titleOf({ title, request }: Job): string {
  return title ?? oneLine(request.prompt)
}

/** A prompt without its line breaks. */
export function oneLine(prompt: string): string {
  return prompt.replace(/\s+/g, ' ')
}

/** An error with the titles of the films that it names by their ids. */
export async function withTitles(
  error: ErrorDetail,
  get: (jobId: string) => Promise<Job | null>,
): Promise<ErrorDetail> {
  if (error.code !== 'active_limit') return error
  const found = await Promise.all(error.data.jobs.map(get))
  const titles = found.filter((job) => job !== null).map((job) => `“${titleOf(job)}”`)
  return { ...error, data: { ...error.data, jobs: titles } }
}

/** All that says when a job will be done. `events` are all of the job's, in order; `usualSeconds` is what a segment of its model takes. */
export interface Outlook {
  job: Job
  segments: readonly Segment[]
  events: readonly JobEvent[]
  usualSeconds: number
  now: Date
}

/** When the job will be done, by what its model usually takes; null where that can't be said. */
export function expectedEnd({ segments, events, usualSeconds, job, now }: Outlook): Date | null {
  const latest = events.at(-1)
  if (latest === undefined || !isUnfinished(latest.status) || latest.status === 'merging') return null
  const missing =
    segments.length === 0 ? job.request.segments : segments.filter(({ state }) => state !== 'stored').length
  // what ran before another try runs no more
  const tried = events.slice(events.findLastIndex(({ type }) => type === 'retried') + 1)
  const started = tried.findLast(({ type }) => type === 'segment_started' || type === 'segment_done')
  const running = started?.type === 'segment_started' ? (now.getTime() - started.at.getTime()) / 1000 : 0
  const seconds = missing * usualSeconds - Math.min(running, usualSeconds)
  return seconds <= 0 ? null : new Date(now.getTime() + seconds * 1000)
}

/** Where each segment begins in its film, in seconds; of a film that was never checked, by the lengths that were asked for. */
export function segmentStarts(film: Film, segments: readonly Segment[]): number[] {
  if (film.check !== null) return [0, ...film.check.seams.map((seam) => seam.at)]
  const asked = segments.reduce((sum, { seconds }) => sum + seconds, 0)
  let before = 0
  return segments.map(({ seconds }) => {
    const start = (before / asked) * film.duration
    before += seconds
    return start
  })
}
