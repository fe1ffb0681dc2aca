import { mkdtemp, open, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Ffmpeg, MediaError } from './ffmpeg.ts'
import { ImplausibleMp4, NotPlainMp4, TruncatedMp4 } from './mp4/box.ts'
import { type Mp4, readMp4, SECONDS_MAX } from './mp4/reader.ts'

/** A clip's file with its tables. */
export interface Clip {
  path: string
  mp4: Mp4
  /** It had to be encoded to become a plain MP4. */
  encoded: boolean
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

/**
 * Reads a clip; where it is no plain MP4, a plain one is made of it: with its packets as they are if that is enough, else encoded
 * anew. Throws `MediaError` where it is no video, or not whole.
 */
export async function openClip(
  ffmpeg: Ffmpeg,
  path: string,
  scratch: Scratch,
  signal?: AbortSignal,
): Promise<Clip> {
  const asItIs = await readPlain(path)
  if (!(asItIs instanceof NotPlainMp4)) return { path, mp4: asItIs, encoded: false }
  const plain = await scratch()
  const streams = ['-map', '0:V:0', '-map', '0:a:0?', '-dn', '-sn']
  try {
    await ffmpeg.run(
      { inputs: [{ source: path }], options: [...streams, '-c', 'copy'], output: plain },
      signal,
    )
    const copied = await readPlain(plain)
    if (!(copied instanceof NotPlainMp4)) return { path: plain, mp4: copied, encoded: false }
  } catch (error) {
    if (!(error instanceof MediaError)) throw error
    // MP4 can't hold every codec.
  }
  const anew = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-crf',
    '16',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
    '-ac',
    '2',
    '-t',
    `${SECONDS_MAX}`,
  ]
  const even = ['-vf', "scale=w='trunc(iw*sar/2+0.5)*2':h='trunc(ih/2+0.5)*2',setsar=1"]
  await ffmpeg.run(
    { inputs: [{ source: path }], options: [...streams, ...even, ...anew], output: plain },
    signal,
  )
  const encoded = await readPlain(plain)
  if (encoded instanceof NotPlainMp4) throw new MediaError(`${basename(path)}: ${encoded.message}`)
  return { path: plain, mp4: encoded, encoded: true }
}

/** Reads a clip that is a plain MP4; null for any other. Throws `MediaError` where it is not whole. */
export async function openPlainClip(path: string): Promise<Clip | null> {
  const mp4 = await readPlain(path)
  return mp4 instanceof NotPlainMp4 ? null : { path, mp4, encoded: false }
}

async function readPlain(path: string): Promise<Mp4 | NotPlainMp4> {
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
    if (error instanceof NotPlainMp4) return error
    if (error instanceof TruncatedMp4) {
      throw new MediaError(`${basename(path)} is not whole: ${error.message}`, {}, { cause: error })
    }
    if (error instanceof ImplausibleMp4) {
      throw new MediaError(`${basename(path)} is no clip: ${error.message}`, {}, { cause: error })
    }
    throw error
  } finally {
    await file.close()
  }
}
