import { readFile } from 'node:fs/promises'
import type { Matrix } from '../../core/colour.ts'
import type { Clip, Scratch } from './clip-file.ts'
import { toRgb } from './clip-info.ts'
import type { Ffmpeg } from './ffmpeg.ts'

/** The side of a thumbnail in pixels, whatever the picture's shape: enough to tell colours and where they are. */
const SIDE = 32

/** A frame made small: 32 × 32 pixels, each red, green and blue (0..255), row by row. */
export type Thumbnail = Uint8Array

const BYTES = SIDE * SIDE * 3

/** The filter that makes thumbnails of frames whose colours are meant by this matrix, or of pictures in RGB. */
export function toThumbnail(matrix: Matrix | 'rgb'): string {
  // 4:2:0 would leave a quarter of the colours
  const colours = matrix === 'rgb' ? 'format=rgb24' : `format=yuv444p,${toRgb({ matrix })}`
  return `scale=${SIDE}:${SIDE}:flags=area+accurate_rnd,${colours}`
}

/** The thumbnails in raw video as ffmpeg writes it. */
export function thumbnailsIn(bytes: Uint8Array): Thumbnail[] {
  return Array.from({ length: Math.floor(bytes.length / BYTES) }, (_, i) =>
    bytes.subarray(i * BYTES, (i + 1) * BYTES),
  )
}

/**
 * Every frame of a clip as a thumbnail (an 8 s clip of 24 frames a second: 0.6 MB). `filter` chooses among the frames.
 * Throws `MediaError`.
 */
export async function thumbnails(
  ffmpeg: Ffmpeg,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
  filter = 'null',
): Promise<Thumbnail[]> {
  return (await decodeThumbnails(ffmpeg, clip, scratch, signal, { filter, options: [] })).frames
}

/** The same with more options for ffmpeg, and with what it said. */
export async function decodeThumbnails(
  ffmpeg: Ffmpeg,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
  { filter, options }: { filter: string; options: readonly string[] },
): Promise<{ frames: Thumbnail[]; stderr: string }> {
  const output = await scratch('.raw')
  const picture = [
    '-map',
    '0:V:0',
    '-vf',
    `${filter},${toThumbnail(clip.matrix)}`,
    '-vsync',
    '0',
    '-c:v',
    'rawvideo',
  ]
  const inputs = [{ source: clip.path }]
  const { stderr } = await ffmpeg.run({ inputs, options: [...picture, ...options], output }, signal)
  return { frames: thumbnailsIn(await readFile(output)), stderr }
}
