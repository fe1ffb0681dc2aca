import type { Matrix } from '../../core/colour.ts'
import type { Colour } from './mp4/h264-config.ts'

/** Matrix coefficients of ITU-T H.273. */
const MATRICES: Readonly<Record<number, Matrix>> = {
  1: 'bt709',
  4: 'fcc',
  5: 'bt601',
  6: 'bt601',
  7: 'smpte240m',
  9: 'bt2020',
  10: 'bt2020',
}

/** H.273's code points for "not said". */
const UNSPECIFIED = 2

/** The matrix that a file names; null if it names none. */
export function taggedMatrix(colour: Colour | null): Matrix | null {
  return MATRICES[colour?.matrix ?? UNSPECIFIED] ?? null
}

/** How a film says that its colours are meant: as its clips say, and in BT.709's primaries and transfer where they say nothing. */
export function filmColour(colour: Colour | null, matrix: Matrix): Colour {
  const said = (value: number | undefined) => (value === undefined || value === UNSPECIFIED ? 1 : value)
  const coefficients = taggedMatrix(colour) === null ? (matrix === 'bt709' ? 1 : 6) : (colour?.matrix ?? 6)
  return {
    primaries: said(colour?.primaries),
    transfer: said(colour?.transfer),
    matrix: coefficients,
    fullRange: false,
  }
}

/** Code points of H.273 for light that a screen of usual brightness can't show: PQ and HLG. */
const HDR_TRANSFERS: ReadonlySet<number> = new Set([16, 18])

/** BT.2020's primaries in H.273. */
const WIDE_PRIMARIES = 9

/** Whether a picture must be brought to BT.709's range of light and colours before any screen shows it right. */
export function isWide(colour: Colour | null): boolean {
  return colour !== null && (HDR_TRANSFERS.has(colour.transfer) || colour.primaries === WIDE_PRIMARIES)
}

/** swscale's exact paths; without them it darkens every picture a little, which adds up from clip to clip. */
export const EXACT_SCALING = 'accurate_rnd+full_chroma_int+full_chroma_inp'
