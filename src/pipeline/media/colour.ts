import type { Colour } from './mp4/h264-config.ts'

/** Matrix coefficients of ITU-T H.273 by the names that ffmpeg's `scale` filter knows. */
const MATRICES: Readonly<Record<number, Matrix>> = {
  1: 'bt709',
  4: 'fcc',
  5: 'bt601',
  6: 'bt601',
  7: 'smpte240m',
  9: 'bt2020',
  10: 'bt2020',
}

/** How YUV becomes RGB. */
export type Matrix = 'bt709' | 'bt601' | 'fcc' | 'smpte240m' | 'bt2020'

/**
 * The matrix that a viewer's browser uses for this picture. Without a tag, Chromium and Firefox go by the height alone,
 * also for an upright picture: 720 lines and more are BT.709, fewer BT.601.
 */
export function matrixOf(picture: { height: number; colour: Colour | null }): Matrix {
  return MATRICES[picture.colour?.matrix ?? 0] ?? (picture.height >= 720 ? 'bt709' : 'bt601')
}

/** swscale's exact paths; without them it darkens every picture a little, which adds up from clip to clip. */
export const EXACT_SCALING = 'accurate_rnd+full_chroma_int+full_chroma_inp'
