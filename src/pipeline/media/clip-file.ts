import { mkdtemp, open, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ClipFile } from '../../core/clip-measures.ts'
import { type Matrix, UNTAGGED_MATRIX } from '../../core/colour.ts'
import { taggedMatrix } from './colour.ts'
import { type Ffmpeg, MediaError } from './ffmpeg.ts'
import { ImplausibleMp4, NotPlainMp4, TruncatedMp4 } from './mp4/box.ts'
import { type Mp4, readMp4 } from './mp4/reader.ts'
import { isJoinable, type Repaired, repair } from './repair.ts'

/** A clip's file with its tables. */
export interface Clip {
  path: string
  mp4: Mp4
  /** The matrix of its colours: the file's own, or what is known of files that name none. */
  matrix: Matrix
  /** What had to be encoded to make it joinable. */
  encoded: Repaired
}

/** Names a new file for what is only wanted for a while, an `.mp4` unless it says otherwise. */
export type Scratch = (ending?: string) => Promise<string>

/** Runs `work` with files of its own beside `path`, on the same disk; nothing of them is left afterwards. */
export async function withScratch<T>(path: string, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  // The folder is being made for the first who asks; others may ask meanwhile.
  let folder: Promise<string> | null = null
  let files = 0
  try {
    return await work(async (ending = '.mp4') => {
      folder ??= mkdtemp(`${path}.scratch-`)
      const number = ++files
      return join(await folder, `${number}${ending}`)
    })
  } finally {
    if (folder !== null) await rm(await folder, { recursive: true, force: true })
  }
}

/** A film of ours, which names its colours itself. */
export function filmFile(path: string): ClipFile {
  return { path, untagged: UNTAGGED_MATRIX }
}

/**
 * Reads a clip. One that can't be joined as it is becomes a plain MP4 with as little encoding as possible, under a scratch name. `salvage`
 * takes what is there of a file that is not whole. Throws `MediaError` if no decoder reads it, or it is not whole.
 */
export async function openClip(
  ffmpeg: Ffmpeg,
  { path, untagged }: ClipFile,
  scratch: Scratch,
  signal?: AbortSignal,
  salvage = false,
): Promise<Clip> {
  const mp4 = await readTables(path, salvage)
  if (mp4 !== null && isJoinable(mp4)) {
    return { path, mp4, matrix: matrixOf(mp4, untagged), encoded: { picture: false, sound: false } }
  }
  const repaired = await repair(ffmpeg, { path, mp4, readPlain }, await scratch(), signal)
  return { ...repaired, matrix: matrixOf(repaired.mp4, untagged) }
}

/** Reads a clip that can be joined as it is; null for any other. Throws `MediaError` if it is not whole. */
export async function openPlainClip({ path, untagged }: ClipFile): Promise<Clip | null> {
  const mp4 = await readTables(path)
  if (mp4 === null || !isJoinable(mp4)) return null
  return { path, mp4, matrix: matrixOf(mp4, untagged), encoded: { picture: false, sound: false } }
}

/** The tables of a plain MP4; null for any other file. Throws `MediaError` if the file is not whole, unless that is to be salvaged. */
export async function readTables(path: string, salvage = false): Promise<Mp4 | null> {
  const read = await readPlain(path)
  if (read instanceof TruncatedMp4 && !salvage) {
    throw new MediaError(`${basename(path)} is not whole: ${read.message}`, {}, { cause: read })
  }
  return read instanceof Error ? null : read
}

function matrixOf({ video }: Mp4, untagged: Matrix): Matrix {
  return taggedMatrix(video.colour) ?? untagged
}

async function readPlain(path: string): Promise<Mp4 | NotPlainMp4 | TruncatedMp4> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    return await readMp4({
      size,
      async readAt(offset, length) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset)
        return buffer.subarray(0, bytesRead)
      },
    })
  } catch (error) {
    if (error instanceof NotPlainMp4 || error instanceof TruncatedMp4) return error
    if (error instanceof ImplausibleMp4) {
      throw new MediaError(`${basename(path)} is no clip: ${error.message}`, {}, { cause: error })
    }
    throw error
  } finally {
    await file.close()
  }
}
