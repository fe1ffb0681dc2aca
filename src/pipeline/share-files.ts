import { isDiskFull } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import type { Media, Previews } from '../core/ports/media.ts'
import type { Log, WorkFolder } from '../core/ports.ts'
import type { Segment } from '../core/segment.ts'
import type { Depot } from './depot.ts'
import { stillOf } from './show-last-frame.ts'

export interface SharingDeps {
  media: Media
  previews: Pick<Previews, 'still'>
  work: WorkFolder
  /** Where other machines find what they need; null where there are none. */
  depot: Depot | null
  log: Log
}

/** Brings the picture that the film opens on to this machine: it may have been given on another. */
export async function fetchOpening(
  { depot, work }: SharingDeps,
  job: Job,
  signal: AbortSignal,
): Promise<void> {
  const opening = work.opening(job.id)
  if (depot !== null && job.request.image && !(await work.has(opening))) {
    await depot.fetch(job.id, opening, signal)
  }
}

/** Keeps a stored clip, and a small picture of the frame that the next one opens on. Never rejects: what is not kept is fetched from the provider again. */
export async function keepForOthers(
  { depot, work, previews, log }: SharingDeps,
  job: Job,
  { index }: Segment,
  of: number,
  signal: AbortSignal,
): Promise<void> {
  if (depot === null) return
  const frame = work.lastFrame(job.id, index)
  try {
    if (index < of) {
      await previews.still(frame, stillOf(frame), signal)
      await depot.keep(job.id, stillOf(frame), signal)
    }
    await depot.keep(job.id, work.clip(job.id, index), signal)
  } catch (error) {
    if (signal.aborted) return
    log.warn({ job_id: job.id, segment: index, err: error }, 'cannot keep a clip for other machines')
  }
}

/** Brings a clip that was kept; false where it can't be had here, and may still be at the provider. */
export async function fetchClip(
  { depot, media, log }: SharingDeps,
  job: Job,
  clip: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (depot === null) return false
  try {
    if (!(await depot.fetch(job.id, clip, signal))) return false
    await media.probe(clip, signal)
    return true
  } catch (error) {
    if (signal.aborted || isDiskFull(error)) throw error
    log.warn({ job_id: job.id, err: error }, 'cannot fetch a clip that was kept')
    return false
  }
}
