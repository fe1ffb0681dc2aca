import { readFile } from 'node:fs/promises'
import type { Previews } from '../core/ports/media.ts'
import type { JobStore, WorkFolder } from '../core/ports.ts'
import type { Depot } from './depot.ts'

/** Where a last frame's small JPEG lies, beside the frame. */
export function stillOf(png: string): string {
  return `${png}.jpg`
}

/**
 * The last frame of a segment, the newest if none is named, as a small JPEG. Null if there is none: it isn't rendered yet, no segment opens
 * on it, the job has ended well, or it runs on another machine and is not kept for others. It is made once for each segment, beside the frame.
 */
export function createShowLastFrame(deps: {
  jobs: Pick<JobStore, 'segments'>
  work: WorkFolder
  previews: Previews
  depot: Pick<Depot, 'read'> | null
}) {
  const { jobs, work, previews, depot } = deps
  return async function showLastFrame(
    jobId: string,
    signal: AbortSignal,
    index?: number,
  ): Promise<Buffer | null> {
    const segments = await jobs.segments(jobId)
    const stored = segments.slice(0, -1).filter(({ state }) => state === 'stored')
    const segment = index === undefined ? stored.at(-1) : stored.find((one) => one.index === index)
    if (segment === undefined) return null
    const png = work.lastFrame(jobId, segment.index)
    const jpg = stillOf(png)
    if (depot !== null && !(await work.has(png))) return depot.read(jobId, jpg)
    try {
      if (!(await work.has(jpg))) await previews.still(png, jpg, signal)
      return await readFile(jpg)
    } catch (error) {
      // a job that ends in this moment takes its files with it
      if (await work.has(png)) throw error
      return null
    }
  }
}
