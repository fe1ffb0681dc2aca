import { fileURLToPath } from 'node:url'
import type { FilmLabel } from '../../../core/ports/media.ts'
import type { Locale } from '../../../core/request.ts'
import { EXACT_SCALING } from '../colour.ts'
import type { FfmpegInput } from '../ffmpeg.ts'
import type { FilmFormat } from './format.ts'

/** How long the mark is seen, in seconds. */
export const MARK_SECONDS = 3

/** It is gone by the end, fading over its last moments. */
const FADE_SECONDS = 0.5

/** Its height and its distance from the edges, of the picture's short side. */
const HEIGHT = 0.05
const MARGIN = 0.04

/**
 * The mark that says on the picture how a film was made, at the bottom left. `input` is the second input of an ffmpeg run whose first
 * is the film's first seconds; `filter` takes `[0:V:0]` and `[1:v]` and gives `[marked]`. Frames from `MARK_SECONDS` on go through
 * untouched.
 */
export function markFilter(
  { width, height, matrix, fps }: Pick<FilmFormat, 'width' | 'height' | 'matrix' | 'fps'>,
  source: FilmLabel['source'],
  locale: Locale,
): { input: FfmpegInput; filter: string } {
  const maker = source === 'trainedAlgorithmicMedia' ? 'ai' : 'program'
  const path = fileURLToPath(new URL(`../marks/${maker}-${locale}.png`, import.meta.url))
  const short = Math.min(width, height)
  // 4:2:0 has colours for every second pixel alone
  const even = (pixels: number) => Math.round(pixels / 2) * 2
  const margin = even(short * MARGIN)
  const tall = even(short * HEIGHT)
  const frames = Math.ceil(MARK_SECONDS * fps)
  const mark = [
    `scale=-2:${tall}:flags=lanczos+${EXACT_SCALING}:out_color_matrix=${matrix}:out_range=tv`,
    'format=yuva420p',
    // decoded once: an input that loops would be decoded for each frame
    `loop=${frames - 1}:1:0`,
    `setpts=N/${fps}/TB`,
    `fade=out:st=${MARK_SECONDS - FADE_SECONDS}:d=${FADE_SECONDS}:alpha=1`,
  ]
  const place = `x=${margin}:y=H-h-${margin}:eof_action=pass:enable='lt(t,${MARK_SECONDS})'`
  return {
    input: { source: path, options: ['-f', 'png_pipe', '-framerate', `${fps}`] },
    filter: `[1:v]${mark.join(',')}[mark];[0:V:0][mark]overlay=${place}[marked]`,
  }
}
