import { readFile } from 'node:fs/promises'
import type { Continuation } from '../../../core/film-check.ts'
import type { Clip, Scratch } from '../clip-file.ts'
import { EXACT_SCALING, matrixOf } from '../colour.ts'
import { colourDistance, statisticsOf } from '../colour-statistics.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'
import { type Thumbnail, thumbnailsIn, toThumbnail } from '../thumbnails.ts'

/**
 * Two frames that are more alike than this (dB, all planes) are taken for the same picture. A guess: a real model's first frame is its
 * opening image after encoding, and how close it comes on real models has not been measured yet.
 */
const REPEAT_PSNR_DB = 28

/** How a clip goes on from a picture (a PNG of the last frame of the clip before). Throws `MediaError`. */
export async function compareFrames(
  ffmpeg: Ffmpeg,
  lastFrame: string,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Continuation> {
  const output = await scratch('.raw')
  const graph = [
    `[0:v:0]${toYuv(clip)},setpts=0[last]`,
    '[1:V:0]trim=end_frame=1,setpts=0,format=yuv420p,split=3[first0][first1][first2]',
    // Both hand on their first input, the last frame.
    '[last][first0]psnr[last1]',
    '[last1][first1]ssim[last2]',
    `[last2]${toThumbnail(clip)}[before]`,
    `[first2]${toThumbnail(clip)}[after]`,
    '[before][after]vstack[both]',
  ]
  const inputs = [{ source: lastFrame, options: ['-f', 'png_pipe'] }, { source: clip.path }]
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
