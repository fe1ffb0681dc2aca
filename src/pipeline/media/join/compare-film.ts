import { type FileHandle, open } from 'node:fs/promises'
import { filmFile, openPlainClip } from '../clip-file.ts'
import type { FilmPlan, FilmSample } from '../mp4/film-plan.ts'
import type { Mp4 } from '../mp4/reader.ts'

/** Bytes that are compared at once. */
const CHUNK = 4 * 1024 * 1024

/**
 * Reads a film again and holds it against its plan: the tables name every sample at its place, and the bytes there are those of its source.
 * Returns the first difference, or null.
 */
export async function compareFilm(
  film: string,
  plan: FilmPlan,
  sources: readonly string[],
  signal: AbortSignal,
): Promise<string | null> {
  const clip = await openPlainClip(filmFile(film))
  if (clip === null) return 'The tables are not those of a film'
  const places = placesOf(plan, clip.mp4)
  if (places === null) return 'The tables are not those that were planned'
  const written = await open(film)
  try {
    let at = 0
    for (const [source, path] of sources.entries()) {
      const file = await open(path)
      try {
        while (plan.samples[at]?.source === source) {
          signal.throwIfAborted()
          const { next, ...run } = runFrom(plan.samples, places, at)
          if (!(await isSame(written, file, run)))
            return `The packets of clip ${source + 1} differ from those that were written`
          at = next
        }
      } finally {
        await file.close()
      }
    }
    return null
  } finally {
    await written.close()
  }
}

/** Where each of the plan's samples is in the film, by the film's own tables; null if those name other samples. */
function placesOf({ video, samples }: FilmPlan, { video: picture, audio: sound }: Mp4): number[] | null {
  if (picture.samples.count !== video.pts.length) return null
  const next = { video: 0, audio: 0 }
  const tables = { video: picture.samples, audio: sound?.samples }
  const places: number[] = []
  for (const { track, size, inserted } of samples) {
    const table = tables[track]
    const i = next[track]++
    if (table?.sizes[i] !== size + (inserted?.length ?? 0)) return null
    places.push(table.offsets[i] ?? 0)
  }
  return next.video === picture.samples.count && next.audio === (sound?.samples.count ?? 0) ? places : null
}

interface Run {
  inserted: Uint8Array | null
  /** Where the bytes are in the film, behind what was inserted, and in the source. */
  place: number
  offset: number
  length: number
}

/** Samples from this one on that lie side by side in both files. */
function runFrom(
  samples: readonly FilmSample[],
  places: readonly number[],
  first: number,
): Run & { next: number } {
  const { inserted = null, offset = 0, source } = samples[first] ?? {}
  const place = (places[first] ?? 0) + (inserted?.length ?? 0)
  let length = samples[first]?.size ?? 0
  let next = first + 1
  for (; ; next++) {
    const sample = samples[next]
    const goesOn = sample?.source === source && sample?.inserted === null && sample.offset === offset + length
    if (!goesOn || places[next] !== place + length) break
    length += sample.size
  }
  return { inserted, place, offset, length, next }
}

async function isSame(
  film: FileHandle,
  source: FileHandle,
  { inserted, place, offset, length }: Run,
): Promise<boolean> {
  if (inserted !== null) {
    const bytes = await bytesAt(film, place - inserted.length, inserted.length)
    if (!bytes.equals(inserted)) return false
  }
  for (let done = 0; done < length; done += CHUNK) {
    const count = Math.min(CHUNK, length - done)
    const [ours, theirs] = await Promise.all([
      bytesAt(film, place + done, count),
      bytesAt(source, offset + done, count),
    ])
    if (!ours.equals(theirs)) return false
  }
  return true
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
