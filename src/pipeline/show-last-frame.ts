import { readFile } from 'node:fs/promises'
import type { JobStore, Previews, WorkFolder } from '../core/ports.ts'

/**
 * The newest last frame of a job that isn't finished, as a small JPEG; null where none is here: nothing is rendered yet, the job
 * has ended well, or it runs on another machine. It is made once for each segment, beside the frame.
 */
export function createShowLastFrame(deps: {
  jobs: Pick<JobStore, 'segments'>
  work: WorkFolder
  previews: Previews
}) {
  const { jobs, work, previews } = deps
  return async function showLastFrame(jobId: string, signal: AbortSignal): Promise<Buffer | null> {
    const segment = (await jobs.segments(jobId)).findLast(({ state }) => state === 'stored')
    if (segment === undefined) return null
    const png = work.lastFrame(jobId, segment.index)
    const jpg = `${png}.jpg`
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
