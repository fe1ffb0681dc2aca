import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { userError } from '../core/errors.ts'
import { filmOf } from '../core/film.ts'
import type { Film, Job } from '../core/job.ts'
import { segmentStarts } from '../core/outlook.ts'
import type { Previews } from '../core/ports/media.ts'
import type { JobStore, ObjectStore, WorkFolder } from '../core/ports.ts'
import { type Preview, previewEnding } from '../core/preview.ts'
import type { ModelCapabilities } from '../core/request.ts'
import { filmLabel } from './film-label.ts'

/** `work` is for files that are wanted for a moment: never the folder in which jobs run. */
export interface PreviewDeps {
  jobs: Pick<JobStore, 'get' | 'segments'>
  objects: ObjectStore
  work: WorkFolder
  previews: Previews
  capabilities: (model: string) => ModelCapabilities
  newId: () => string
}

const CONTENT_TYPES: Record<Preview['kind'], string> = {
  poster: 'image/jpeg',
  sheet: 'image/jpeg',
  preview: 'image/webp',
  smaller: 'video/mp4',
}

/**
 * Makes previews of a finished film, those that aren't there yet, and keeps them beside it. Returns their keys in the object store, in
 * the order in which they were asked for. Throws `job_not_found`, `job_not_completed`, `film_expired`,
 * `size_unreachable`.
 */
export function createPreviewFilm(deps: PreviewDeps) {
  return async function previewFilm(
    jobId: string,
    wanted: readonly Preview[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const job = await deps.jobs.get(jobId)
    if (!job) throw userError('job_not_found', { job_id: jobId })
    const film = filmOf(job)
    const keys = wanted.map((preview) => keyOf(film, preview))
    const missing: { preview: Preview; key: string }[] = []
    for (const [i, preview] of wanted.entries()) {
      const key = keys[i] ?? film.key
      if ((await deps.objects.size(key)) === null) missing.push({ preview, key })
    }
    if (missing.length === 0) return keys

    const folder = deps.newId()
    await deps.work.create(folder)
    try {
      const path = await fetchFilm(deps, film, folder, signal)
      for (const { preview, key } of missing) {
        const file = deps.work.file(folder, key.slice(key.lastIndexOf('/') + 1))
        await make(deps, job, film, path, preview, file, signal)
        await deps.objects.put(key, file, { contentType: CONTENT_TYPES[preview.kind], signal })
      }
    } finally {
      await deps.work.remove(folder)
    }
    return keys
  }
}

/** A film that is small enough is its own smaller version. */
function keyOf(film: Film, preview: Preview): string {
  if (preview.kind === 'smaller' && film.file_size <= bytesOf(preview.megabytes)) return film.key
  return film.key.replace(/\.mp4$/, previewEnding(preview))
}

function bytesOf(megabytes: number): number {
  return megabytes * 1_000_000
}

/** The film as a file: the store's own where it has one, else a copy. */
async function fetchFilm(
  { objects, work }: PreviewDeps,
  film: Film,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const stored = objects.file(film.key)
  if (stored !== null) return stored
  const copy = work.film(folder)
  await pipeline(await objects.read(film.key), createWriteStream(copy), { signal })
  return copy
}

async function make(
  { jobs, previews, capabilities }: PreviewDeps,
  job: Job,
  film: Film,
  path: string,
  preview: Preview,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  switch (preview.kind) {
    case 'poster':
      return previews.poster(path, file, signal)
    case 'sheet':
      return previews.contactSheet(path, file, segmentStarts(film, await jobs.segments(job.id)), signal)
    case 'preview':
      return previews.preview(path, file, signal)
    case 'smaller': {
      const label = filmLabel(job, capabilities(job.request.model), job.completedAt ?? job.updatedAt)
      return previews.smaller(path, file, { maxBytes: bytesOf(preview.megabytes), label }, signal)
    }
  }
}
