import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { userError } from '../../core/errors.ts'
import { IMAGE } from '../../core/request.ts'
import { EXACT_SCALING } from './colour.ts'
import { type Ffmpeg, type FfmpegInput, MediaError } from './ffmpeg.ts'
import { type ImageHeader, readImageHeader } from './image-header.ts'

/** A small file can unpack to very many pixels. */
const IMAGE_PIXELS_MAX = 50_000_000

/** What turns a picture upright, by its EXIF orientation. ffmpeg's own turning differs from release to release. */
const UPRIGHT: Readonly<Record<number, readonly string[]>> = {
  2: ['hflip'],
  3: ['hflip', 'vflip'],
  4: ['vflip'],
  5: ['transpose=cclock_flip'],
  6: ['transpose=clock'],
  7: ['transpose=clock_flip'],
  8: ['transpose=cclock'],
}

/** Checks a picture that somebody gave: its kind, its size, and that it can be decoded. Throws `UserError` `image_…`. */
export async function checkImage(ffmpeg: Ffmpeg, path: string): Promise<void> {
  const file = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (!file.isFile()) throw unreadable(path)
  const { size } = file
  if (size > IMAGE.bytesMax) throw userError('image_too_large', { given: size, max: IMAGE.bytesMax })
  const header = await readHeader(path)
  const { width, height } = header
  if (Math.min(width, height) < IMAGE.sideMin) {
    throw userError('image_too_small', { width, height, min: IMAGE.sideMin })
  }
  try {
    const { stderr } = await ffmpeg.run({
      inputs: [imageInput(path, header)],
      options: ['-map', '0:v:0', '-frames:v', '1'],
      output: null,
    })
    // Some releases exit with 0 though nothing could be decoded.
    if (!/frame= *1\b/.test(stderr)) throw new MediaError('No picture in the file', { stderr })
  } catch (error) {
    if (error instanceof MediaError) throw unreadable(path, error)
    throw error
  }
}

/** Makes a PNG of exactly this size: scaled until it covers it, then cut evenly at both ends. Throws like `checkImage`. */
export async function fitImage(
  ffmpeg: Ffmpeg,
  path: string,
  size: { width: number; height: number },
  png: string,
  signal: AbortSignal,
): Promise<void> {
  const header = await readHeader(path)
  const turned = header.orientation >= 5
  const [width, height] = turned ? [header.height, header.width] : [header.width, header.height]
  const factor = Math.max(size.width / width, size.height / height)
  const scaledWidth = Math.max(size.width, Math.round(width * factor))
  const scaledHeight = Math.max(size.height, Math.round(height * factor))
  const filter = [
    ...(UPRIGHT[header.orientation] ?? []),
    `scale=${scaledWidth}:${scaledHeight}:flags=lanczos+${EXACT_SCALING}`,
    'format=rgb24',
    `crop=${size.width}:${size.height}`,
    'setsar=1',
  ]
  const options = ['-map', '0:v:0', '-frames:v', '1', '-vf', filter.join(',')]
  await ffmpeg.run({ inputs: [imageInput(path, header)], options, output: png }, signal)
}

async function readHeader(path: string): Promise<ImageHeader> {
  const header = readImageHeader(await readFile(path))
  const pixels = header === null ? 0 : header.width * header.height
  if (header === null || pixels === 0 || pixels > IMAGE_PIXELS_MAX) throw unreadable(path)
  return header
}

/** The format is fixed by our own look at the file: nothing in it can make ffmpeg take it for a playlist. */
function imageInput(path: string, { format }: ImageHeader): FfmpegInput {
  return { source: path, options: ['-noautorotate', '-f', `${format}_pipe`] }
}

function unreadable(path: string, cause?: unknown): Error {
  return userError('image_unreadable', { given: basename(path), allowed: IMAGE.kinds }, { cause })
}
