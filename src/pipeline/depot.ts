import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import type { Log, ObjectStore, WorkFolder } from '../core/ports.ts'
import { stillOf } from './show-last-frame.ts'

/**
 * Keeps what another machine needs to go on with a job, in the object store: the picture that it opens on, its clips as they were cut, and
 * small pictures of their last frames for whoever shows the job. Files are named by their paths in the work folder.
 */
export interface Depot {
  keep(jobId: string, path: string, signal: AbortSignal): Promise<void>
  /** Fetches a file into the work folder, whole; false where it isn't kept. */
  fetch(jobId: string, path: string, signal: AbortSignal): Promise<boolean>
  /** A small file's bytes; null where it isn't kept. */
  read(jobId: string, path: string): Promise<Buffer | null>
  /** Removes all that is kept for a job. What can't be removed is logged. */
  clear(job: Job): Promise<void>
}

const CONTENT_TYPES: Record<string, string> = {
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
}

/** Where it is in the object store: a folder for each job. */
export const DEPOT = 'work/'

/** Makes the depot in the object store. */
export function createDepot(deps: { objects: ObjectStore; work: WorkFolder; log: Log }): Depot {
  const { objects, work, log } = deps
  const keyOf = (jobId: string, path: string) => `${DEPOT}${jobId}/${basename(path)}`
  const isKept = async (key: string) => (await objects.size(key)) !== null

  return {
    async keep(jobId, path, signal) {
      const contentType = CONTENT_TYPES[extname(path)] ?? 'application/octet-stream'
      await objects.put(keyOf(jobId, path), path, { contentType, signal })
    },

    async fetch(jobId, path, signal) {
      const key = keyOf(jobId, path)
      if (!(await isKept(key))) return false
      const part = `${path}.part`
      try {
        await pipeline(await objects.read(key), createWriteStream(part), { signal })
        await rename(part, path)
      } catch (error) {
        await rm(part, { force: true })
        throw error
      }
      return true
    },

    async read(jobId, path) {
      const key = keyOf(jobId, path)
      if (!(await isKept(key))) return null
      const bytes: Uint8Array[] = []
      for await (const some of await objects.read(key)) bytes.push(some)
      return Buffer.concat(bytes)
    },

    async clear({ id, request }) {
      const segments = Array.from({ length: request.segments }, (_, i) => i + 1)
      const paths = [
        ...(request.image ? [work.opening(id)] : []),
        ...segments.flatMap((segment) => [work.clip(id, segment), stillOf(work.lastFrame(id, segment))]),
      ]
      for (const path of paths) {
        await objects.remove(keyOf(id, path)).catch((error) => {
          log.warn({ job_id: id, reason: reasonOf(error) }, 'cannot remove what was kept for other machines')
        })
      }
    },
  }
}
