import { copyFile, rename, stat } from 'node:fs/promises'
import { userError } from '../../core/errors.ts'
import type { FilmLabel } from '../../core/ports/media.ts'
import { type Clip, filmFile, type Scratch } from './clip-file.ts'
import { clipInfo } from './clip-info.ts'
import { EXACT_SCALING } from './colour.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import { joinClips } from './join/join-clips.ts'

/** Short sides that a picture is scaled down to, in pixels, while there are too few bits for it. */
const SHORT_SIDES = [1080, 720, 540, 480, 360, 240]

/** Bits a pixel of a frame: with fewer a smaller picture looks better, and below the least no picture is worth looking at. */
const BITS_A_PIXEL = 0.05
const LEAST_BITS_A_PIXEL = 0.02

/** The sound's share of all bits, and what it needs and can use, in bits a second. */
const SOUND_SHARE = 0.1
const SOUND_MIN = 32_000
const SOUND_MAX = 128_000

/** What is left for pictures and sound when the file's own tables have theirs. */
const PAYLOAD = 0.96

/** An encoder comes close to a rate, and now and then above it. */
const TRIES = 4

interface Rates {
  width: number
  height: number
  /** In bits a second. */
  picture: number
  sound: number
}

/**
 * Writes a whole film as an MP4 of at most `maxBytes`: the film itself where it is small enough, else a version with a smaller picture
 * and fewer bits, encoded in two passes. Throws `UserError` `size_unreachable`, `MediaError`.
 */
export async function writeSmaller(
  ffmpeg: Ffmpeg,
  film: Clip,
  mp4: string,
  { maxBytes, label }: { maxBytes: number; label: FilmLabel },
  scratch: Scratch,
  signal: AbortSignal,
): Promise<void> {
  const whole = await scratch()
  let size = (await stat(film.path)).size
  if (size <= maxBytes) await copyFile(film.path, whole)
  let aim = maxBytes
  for (let tries = 0; size > maxBytes; tries++) {
    const rates = ratesFor(film, aim)
    if (rates === null || tries === TRIES) {
      const least = Math.max(leastBytes(film), tries === 0 ? 0 : size)
      throw userError('size_unreachable', { given: maxBytes, least })
    }
    const encoded = await encode(ffmpeg, film, rates, scratch, signal)
    const order = { clips: [filmFile(encoded)], label, mark: null, crossfadeMs: 0, levelSound: false }
    await joinClips(ffmpeg, order, whole, signal)
    size = (await stat(whole)).size
    aim *= Math.min(0.95, maxBytes / size)
  }
  await rename(whole, mp4)
}

/** How a film's bits are best spent on so many bytes; null where they are too few. */
function ratesFor({ mp4 }: Clip, bytes: number): Rates | null {
  const { width, height, fps, seconds } = clipInfo(mp4)
  const all = (bytes * 8 * PAYLOAD) / seconds
  const sound = Math.min(SOUND_MAX, Math.max(SOUND_MIN, all * SOUND_SHARE))
  const picture = all - sound
  const sizes = sizesOf(width, height)
  const bitsAPixel = (size: { width: number; height: number }) => picture / (size.width * size.height * fps)
  const fitting = sizes.find((size) => bitsAPixel(size) >= BITS_A_PIXEL) ?? sizes.at(-1)
  if (fitting === undefined || bitsAPixel(fitting) < LEAST_BITS_A_PIXEL) return null
  return { ...fitting, picture: Math.floor(picture), sound: Math.floor(sound) }
}

function leastBytes({ mp4 }: Clip): number {
  const { width, height, fps, seconds } = clipInfo(mp4)
  const smallest = sizesOf(width, height).at(-1) ?? { width, height }
  const picture = smallest.width * smallest.height * fps * LEAST_BITS_A_PIXEL
  return Math.ceil(((picture + SOUND_MIN) * seconds) / 8 / PAYLOAD)
}

/** The picture's own size and the smaller ones, in its shape, with even sides. */
function sizesOf(width: number, height: number): { width: number; height: number }[] {
  const short = Math.min(width, height)
  const even = (pixels: number) => Math.round(pixels / 2) * 2
  return [short, ...SHORT_SIDES.filter((side) => side < short)].map((side) => ({
    width: even((width * side) / short),
    height: even((height * side) / short),
  }))
}

async function encode(
  ffmpeg: Ffmpeg,
  film: Clip,
  { width, height, picture, sound }: Rates,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<string> {
  const passes = await scratch('.passes')
  const encoded = await scratch()
  const filter = [
    // a frame that the join has hidden is hidden here too
    `fps=${clipInfo(film.mp4).fps}`,
    `scale=${width}:${height}:in_color_matrix=${film.matrix}:out_color_matrix=bt709:out_range=tv` +
      `:flags=bicubic+${EXACT_SCALING}`,
    'format=yuv420p',
    'setsar=1',
  ]
  const toPicture = [
    ...['-map', '0:V:0', '-vf', filter.join(','), '-c:v', 'libx264', '-preset', 'fast', '-b:v', `${picture}`],
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
    ...['-passlogfile', passes],
  ]
  const toSound = ['-map', '0:a:0?', '-c:a', 'aac', '-b:a', `${sound}`]
  const inputs = [{ source: film.path }]
  await ffmpeg.run({ inputs, options: [...toPicture, '-pass', '1', '-an'], output: null }, signal)
  const options = [...toPicture, '-pass', '2', ...toSound, '-movflags', '+write_colr']
  await ffmpeg.run({ inputs, options, output: encoded }, signal)
  return encoded
}
