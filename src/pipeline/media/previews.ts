import { readFile } from 'node:fs/promises'
import type { Previews } from '../../core/ports/media.ts'
import { SHEET } from '../../core/preview.ts'
import { type Clip, filmFile, openClip, type Scratch, withScratch } from './clip-file.ts'
import { clipInfo, toRgb } from './clip-info.ts'
import { EXACT_SCALING } from './colour.ts'
import type { Ffmpeg, FfmpegInput } from './ffmpeg.ts'
import { shownTimes } from './mp4/frame-times.ts'
import type { Mp4Video } from './mp4/reader.ts'
import { writeSmaller } from './smaller-film.ts'

/** Frames that a poster is chosen from. */
const CANDIDATES = 6

/** Candidates are compared at this width, in pixels: grain and the encoder's blocks don't count as detail then. */
const COMPARED_WIDTH = 320

/** The silent preview: so many moments of a second at most, and its longer side in pixels. */
const MOMENTS = 6
const PREVIEW_FPS = 12
const PREVIEW_SIDE = 480

/** The longer side of a single frame, in pixels. */
const STILL_SIDE = 640

/** What is made of a film for other places, by ffmpeg. */
export function createPreviews(ffmpeg: Ffmpeg): Previews {
  const opened = (
    film: string,
    output: string,
    signal: AbortSignal,
    work: (clip: Clip, scratch: Scratch) => Promise<void>,
  ) =>
    withScratch(output, async (scratch) =>
      work(await openClip(ffmpeg, filmFile(film), scratch, signal), scratch),
    )

  return {
    poster: (film, jpg, signal) =>
      opened(film, jpg, signal, (clip, scratch) => writePoster(ffmpeg, clip, jpg, scratch, signal)),
    contactSheet: (film, jpg, starts, signal) =>
      opened(film, jpg, signal, (clip) => writeContactSheet(ffmpeg, clip, jpg, starts, signal)),
    preview: (film, webp, signal) =>
      opened(film, webp, signal, (clip) => writePreview(ffmpeg, clip, webp, signal)),
    still: (png, jpg, signal) => writeStill(ffmpeg, png, jpg, signal),
    smaller: (film, mp4, order, signal) =>
      opened(film, mp4, signal, (clip, scratch) => writeSmaller(ffmpeg, clip, mp4, order, scratch, signal)),
  }
}

async function writePoster(
  ffmpeg: Ffmpeg,
  clip: Clip,
  jpg: string,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<void> {
  const { seconds } = clipInfo(clip.mp4)
  let best = { at: 0, detail: -1 }
  for (let i = 0; i < CANDIDATES; i++) {
    const at = ((i + 0.5) * seconds) / CANDIDATES
    const raw = await scratch('.raw')
    const grey = `scale=${COMPARED_WIDTH}:-2:flags=area,format=gray`
    const options = ['-map', '0:V:0', '-frames:v', '1', '-vf', grey]
    await ffmpeg.run({ inputs: [fromSecond(clip, at)], options, output: raw }, signal)
    const detail = detailOf(await readFile(raw))
    if (detail > best.detail) best = { at, detail }
  }
  const filter = [toRgb(clip), ...JPEG_COLOURS].join(',')
  const options = ['-map', '0:V:0', '-frames:v', '1', '-vf', filter, '-q:v', '3']
  await ffmpeg.run({ inputs: [fromSecond(clip, best.at)], options, output: jpg }, signal)
}

/** How much neighbouring pixels differ on average, in levels: little where a frame is black, empty or blurred. */
function detailOf(grey: Uint8Array): number {
  let sum = 0
  for (let i = COMPARED_WIDTH; i < grey.length; i++) {
    const level = grey[i] ?? 0
    sum += Math.abs(level - (grey[i - 1] ?? 0)) + Math.abs(level - (grey[i - COMPARED_WIDTH] ?? 0))
  }
  return sum / grey.length
}

async function writeContactSheet(
  ffmpeg: Ffmpeg,
  clip: Clip,
  jpg: string,
  starts: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const { seconds, width, height } = clipInfo(clip.mp4)
  const times = secondsShown(clip.mp4.video)
  const chosen: number[] = []
  for (const [row, start] of starts.entries()) {
    const length = (starts[row + 1] ?? seconds) - start
    for (let k = 0; k < SHEET.framesARow; k++) {
      const at = start + ((k + 0.5) * length) / SHEET.framesARow
      // never one frame twice, which would push all that follow into other places
      chosen.push(
        Math.max(
          (chosen.at(-1) ?? -1) + 1,
          times.findLastIndex((time) => time <= at),
        ),
      )
    }
  }
  const filter = [
    `select='${chosen.map((n) => `eq(n,${n})`).join('+')}'`,
    scaleTo(SHEET.cell, { width, height }),
    toRgb(clip),
    `tile=${SHEET.framesARow}x${starts.length}:margin=${SHEET.gap}:padding=${SHEET.gap}:color=0x181818`,
    ...JPEG_COLOURS,
  ].join(',')
  const options = ['-map', '0:V:0', '-frames:v', '1', '-vsync', '0', '-vf', filter, '-q:v', '3']
  // one pass over the film: where a clip has one key frame, going to each frame by itself would decode it four times
  await ffmpeg.run({ inputs: [{ source: clip.path }], options, output: jpg }, signal)
}

/** When each frame is shown, in seconds, in the order in which they are. */
function secondsShown({ samples, mediaTime, timescale }: Mp4Video): number[] {
  return Array.from(shownTimes(samples), (pts) => (pts - mediaTime) / timescale)
}

async function writePreview(ffmpeg: Ffmpeg, clip: Clip, webp: string, signal: AbortSignal): Promise<void> {
  const { seconds, width, height } = clipInfo(clip.mp4)
  const length = Math.min(1, seconds / MOMENTS)
  const moments = Array.from({ length: MOMENTS }, (_, i) => ((i + 0.5) * seconds) / MOMENTS - length / 2)
  const cut = moments.map((_, i) => `[${i}:V:0]fps=${PREVIEW_FPS},setpts=N/${PREVIEW_FPS}/TB[m${i}]`)
  const small = [scaleTo(PREVIEW_SIDE, { width, height }), toRgb(clip), ...WEBP_COLOURS].join(',')
  const all = `${moments.map((_, i) => `[m${i}]`).join('')}concat=n=${MOMENTS},${small}[out]`
  await ffmpeg.run(
    {
      inputs: moments.map((at) => fromSecond(clip, at, length)),
      filter: [...cut, all].join(';'),
      options: ['-map', '[out]', '-c:v', 'libwebp_anim', '-quality', '70', '-loop', '0'],
      output: webp,
    },
    signal,
  )
}

function fromSecond({ path }: Clip, at: number, length?: number): FfmpegInput {
  const limit = length === undefined ? [] : ['-t', length.toFixed(6)]
  return { source: path, options: ['-seek_timestamp', '1', '-ss', at.toFixed(6), ...limit] }
}

function scaleTo(side: number, { width, height }: { width: number; height: number }): string {
  const size = width >= height ? `${side}:-2` : `-2:${side}`
  return `scale=${size}:flags=area+accurate_rnd`
}

async function writeStill(ffmpeg: Ffmpeg, png: string, jpg: string, signal: AbortSignal): Promise<void> {
  const scale = `scale=${STILL_SIDE}:${STILL_SIDE}:force_original_aspect_ratio=decrease:flags=area+accurate_rnd`
  const options = ['-frames:v', '1', '-vf', [scale, ...JPEG_COLOURS].join(','), '-q:v', '4']
  await ffmpeg.run({ inputs: [{ source: png }], options, output: jpg }, signal)
}

/** From RGB: JPEG and WebP have BT.601 whatever the film has, JPEG in full range. */
const JPEG_COLOURS = [`scale=out_color_matrix=bt601:out_range=pc:flags=${EXACT_SCALING}`, 'format=yuvj420p']
const WEBP_COLOURS = [`scale=out_color_matrix=bt601:out_range=tv:flags=${EXACT_SCALING}`, 'format=yuv420p']
