import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { userError } from '../../../core/errors.ts'
import { MediaError } from '../ffmpeg.ts'
import type { FilmSample } from '../mp4/film-plan.ts'

/** Memory for copying, however long the film is. */
const BUFFER_BYTES = 4 * 1024 * 1024

/** Each time this much is written, the disk starts on it while the copy goes on. The last sync then has little left to do. */
const SYNC_BYTES = 16 * 1024 * 1024

/**
 * Writes a film: its header, then its samples out of `sources` (paths by the plan's numbers). The file is written as `.part`, brought to
 * disk and renamed. Throws `UserError` `disk_full`, `MediaError` where a clip became shorter meanwhile.
 */
export async function writeFilm(
  film: string,
  header: Uint8Array,
  samples: readonly FilmSample[],
  sources: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const part = `${film}.part`
  try {
    const file = await open(part, 'w')
    try {
      await copySamples(bufferedWriter(file, signal), header, samples, sources)
    } finally {
      await file.close()
    }
    await rename(part, film)
    await syncFolder(dirname(film))
  } catch (error) {
    await rm(part, { force: true })
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
      throw userError('disk_full', { path: film }, { cause: error })
    }
    throw error
  }
}

/** A new name is on disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function copySamples(
  output: BufferedWriter,
  header: Uint8Array,
  samples: readonly FilmSample[],
  sources: readonly string[],
): Promise<void> {
  await output.write(header)
  let sample = 0
  // Samples are in the sources' order, so one file is open at a time.
  for (const [source, path] of sources.entries()) {
    const file = await open(path)
    try {
      while (samples[sample]?.source === source) {
        const { inserted, offset } = samples[sample] ?? { inserted: null, offset: 0 }
        if (inserted !== null) await output.write(inserted)
        const { next, length } = contiguous(samples, sample)
        await output.copy(file, offset, length)
        sample = next
      }
    } finally {
      await file.close()
    }
  }
  await output.finish()
}

/** How many bytes from this sample on lie side by side in their file, with nothing to be put in between. */
function contiguous(samples: readonly FilmSample[], first: number): { next: number; length: number } {
  const start = samples[first]
  let length = start?.size ?? 0
  let next = first + 1
  for (; start !== undefined; next++) {
    const sample = samples[next]
    const follows = sample?.source === start.source && sample.offset === start.offset + length
    if (!follows || sample.inserted !== null) break
    length += sample.size
  }
  return { next, length }
}

interface BufferedWriter {
  write(bytes: Uint8Array): Promise<void>
  copy(from: FileHandle, offset: number, length: number): Promise<void>
  /** Writes what is left, and waits until everything is on disk. */
  finish(): Promise<void>
}

function bufferedWriter(file: FileHandle, signal: AbortSignal): BufferedWriter {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let used = 0
  let unsynced = 0
  let syncing = Promise.resolve()
  const flush = async () => {
    signal.throwIfAborted()
    // One write may take fewer bytes than it was given, as on a disk that is nearly full.
    for (let done = 0; done < used; ) {
      done += (await file.write(buffer, done, used - done)).bytesWritten
    }
    unsynced += used
    used = 0
    if (unsynced < SYNC_BYTES) return
    await syncing
    unsynced = 0
    syncing = file.datasync()
    // The next `await syncing` throws its error; without a handler until then, Node would exit.
    syncing.catch(() => undefined)
  }
  const room = async () => {
    if (used === buffer.length) await flush()
    return buffer.length - used
  }
  return {
    async finish() {
      await flush()
      await syncing
      await file.sync()
    },
    async write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const count = Math.min(await room(), bytes.length - done)
        buffer.set(bytes.subarray(done, done + count), used)
        used += count
        done += count
      }
    },
    async copy(from, offset, length) {
      for (let done = 0; done < length; ) {
        const count = Math.min(await room(), length - done)
        const { bytesRead } = await from.read(buffer, used, count, offset + done)
        if (bytesRead === 0) throw new MediaError('A clip became shorter while it was joined')
        used += bytesRead
        done += bytesRead
      }
    },
  }
}
