import { readFile } from 'node:fs/promises'
import type { Clip, Scratch } from '../clip-file.ts'
import { fromLastFrame } from '../clip-info.ts'
import { EXACT_SCALING, matrixOf } from '../colour.ts'
import { colourDistance, statisticsOf } from '../colour-statistics.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'
import { type Thumbnail, thumbnailsIn, toThumbnail } from '../thumbnails.ts'
import { twoAtATime } from '../two-at-a-time.ts'

/** How a clip's last frame and the next one's first compare: SSIM 0..1, and the distance of their mean colours in levels of 0..255. */
export interface Comparison {
  repeats: boolean
  ssim: number
  colour: number
}

/**
 * Two frames that are more alike than this (dB, all planes) are taken for the same picture. A guess: a real model's first frame is its
 * opening image after encoding, and how close it comes on real models has not been measured yet.
 */
const REPEAT_PSNR_DB = 28

/**
 * For each pair of neighbours, how the second clip goes on from the first. All clips have one format. `lastFrames` are PNGs of the last
 * frames where they are known. Throws `MediaError`.
 */
export function compareNeighbours(
  ffmpeg: Ffmpeg,
  clips: readonly Clip[],
  lastFrames: readonly string[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Comparison[]> {
  return twoAtATime(clips.slice(1), signal, (after, i, stop) => {
    const before = clips[i]
    if (before === undefined) throw new Error(`no clip ${i}`)
    return compare(ffmpeg, before, lastFrames[i] ?? null, after, scratch, stop)
  })
}

async function compare(
  ffmpeg: Ffmpeg,
  before: Clip,
  lastFrame: string | null,
  after: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Comparison> {
  const output = await scratch('.raw')
  const first = 'trim=end_frame=1,setpts=0'
  const last = lastFrame === null ? first : `${toYuv(before)},setpts=0`
  const graph = [
    `[0:v:0]${last}[last]`,
    `[1:V:0]${first},split=3[first0][first1][first2]`,
    // Both hand on their first input, the last frame.
    '[last][first0]psnr[last1]',
    '[last1][first1]ssim[last2]',
    `[last2]${toThumbnail(before)}[before]`,
    `[first2]${toThumbnail(after)}[after]`,
    '[before][after]vstack[both]',
  ]
  const ending =
    lastFrame === null
      ? { source: before.path, options: fromLastFrame(before.mp4) }
      : { source: lastFrame, options: ['-f', 'png_pipe'] }
  const inputs = [ending, { source: after.path }]
  const options = ['-map', '[both]', '-frames:v', '1', '-c:v', 'rawvideo']
  const { stderr } = await ffmpeg.run({ inputs, filter: graph.join(';'), options, output }, signal)
  const psnr = /PSNR .*average:(\S+)/.exec(stderr)?.[1]
  const ssim = /SSIM .*All:(\S+)/.exec(stderr)?.[1]
  const [ended, opened] = thumbnailsIn(await readFile(output))
  if (psnr === undefined || ssim === undefined || ended === undefined || opened === undefined) {
    throw new MediaError('ffmpeg compared no frames', { stderr })
  }
  const repeats = psnr === 'inf' || Number(psnr) > REPEAT_PSNR_DB
  return { repeats, ssim: Number(ssim), colour: colourDistance(meanColour(ended), meanColour(opened)) }
}

/** Makes a picture in RGB what a clip would have of it. */
function toYuv({ mp4: { video } }: Clip): string {
  const { width, height } = video
  const colours = `out_color_matrix=${matrixOf(video)}:out_range=tv:flags=bicubic+${EXACT_SCALING}`
  return `scale=${width}:${height}:${colours},format=yuv420p`
}

function meanColour(frame: Thumbnail): number[] {
  return statisticsOf([frame]).map(({ mean }) => mean)
}
