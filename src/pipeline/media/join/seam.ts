import { readFile } from 'node:fs/promises'
import { type Matrix, UNTAGGED_MATRICES } from '../../../core/colour.ts'
import type { ClipOpening } from '../../../core/ports/media.ts'
import type { Clip, Scratch } from '../clip-file.ts'
import { EXACT_SCALING, taggedMatrix } from '../colour.ts'
import { farthestPatch, meanDistance } from '../colour-statistics.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'
import { measureMatrix } from '../measure-matrix.ts'
import { type Thumbnail, thumbnailsIn, toThumbnail } from '../thumbnails.ts'

/**
 * Two frames that are more alike than this (dB, all planes) are taken for the same picture. First frames of Veo, Kling, Hailuo and Seedance
 * came within 33 to 49 dB of their input, once within 27.6.
 */
const REPEAT_PSNR_DB = 28

/**
 * Compares a clip's first frame with the picture that was sent (a PNG, such as the last frame of the clip before). The picture is the
 * measure of the colours, so a clip that is read by a wrong matrix differs from it. Throws `MediaError`.
 */
export async function compareFrames(
  ffmpeg: Ffmpeg,
  sent: string,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipOpening> {
  const matrices = [...new Set<Matrix>([...UNTAGGED_MATRICES, clip.matrix])]
  const output = await scratch('.raw')
  const inputs = [{ source: sent, options: ['-f', 'png_pipe'] }, { source: clip.path }]
  const options = ['-map', '[all]', '-frames:v', '1', '-c:v', 'rawvideo']
  const filter = comparison(clip, matrices)
  const { stderr } = await ffmpeg.run({ inputs, filter, options, output }, signal)
  const [picture, ...frames] = thumbnailsIn(await readFile(output))
  const by = new Map(matrices.map((matrix, i) => [matrix, frames[i]]))
  const read = (matrix: Matrix): Thumbnail => {
    const frame = by.get(matrix)
    if (frame === undefined) throw new MediaError('ffmpeg compared no frames', { stderr })
    return frame
  }
  if (picture === undefined) throw new MediaError('ffmpeg compared no frames', { stderr })
  const likely = measureMatrix(picture, { bt601: read('bt601'), bt709: read('bt709') })
  // A clip that doesn't open on the picture says nothing about it.
  const measured = likely !== null && likenessIn(stderr, likely).psnr > REPEAT_PSNR_DB ? likely : null
  const tagged = taggedMatrix(clip.mp4.video.colour)
  const matrix = tagged ?? measured ?? clip.matrix
  const { psnr, ssim } = likenessIn(stderr, matrix)
  const continuation = {
    repeats: psnr > REPEAT_PSNR_DB,
    ssim,
    colour: meanDistance(picture, read(matrix)),
    patch: farthestPatch(picture, read(matrix)),
  }
  return { measured, tagged, continuation }
}

/** One pass: the picture made YUV by each matrix against the frame as it is, and the frame made RGB by each against the picture. */
function comparison(clip: Clip, matrices: readonly Matrix[]): string {
  const numbers = matrices.map((_, i) => i)
  return [
    `[0:v]format=rgb24,split=${matrices.length + 1}[picture]${numbers.map((i) => `[sent${i}]`).join('')}`,
    `[1:V:0]trim=end_frame=1,setpts=0,format=yuv420p,split=${3 * matrices.length}` +
      numbers.map((i) => `[psnr${i}][ssim${i}][frame${i}]`).join(''),
    `[picture]${toThumbnail('rgb')}[small]`,
    ...matrices.flatMap((matrix, i) => [
      `[sent${i}]${toYuv(clip, matrix)},setpts=0[yuv${i}]`,
      // Both hand on their first input. The name is what ffmpeg's words begin with.
      `[yuv${i}][psnr${i}]psnr@${matrix}[same${i}]`,
      `[same${i}][ssim${i}]ssim@${matrix},nullsink`,
      `[frame${i}]${toThumbnail(matrix)}[small${i}]`,
    ]),
    `[small]${numbers.map((i) => `[small${i}]`).join('')}vstack=inputs=${matrices.length + 1}[all]`,
  ].join(';')
}

/** What a clip would have of a picture in RGB. */
function toYuv({ mp4: { video } }: Clip, matrix: Matrix): string {
  const { width, height } = video
  const colours = `out_color_matrix=${matrix}:out_range=tv:flags=bicubic+${EXACT_SCALING}`
  return `scale=${width}:${height}:${colours},format=yuv420p`
}

function likenessIn(stderr: string, matrix: Matrix): { psnr: number; ssim: number } {
  const psnr = new RegExp(`psnr@${matrix} .*average:(\\S+)`).exec(stderr)?.[1]
  const ssim = Number(new RegExp(`ssim@${matrix} .*All:(\\S+)`).exec(stderr)?.[1])
  if (psnr === undefined || Number.isNaN(ssim)) throw new MediaError('ffmpeg compared no frames', { stderr })
  return { psnr: psnr === 'inf' ? Number.POSITIVE_INFINITY : Number(psnr), ssim }
}
