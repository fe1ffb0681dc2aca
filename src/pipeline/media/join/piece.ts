import type { Matrix } from '../../../core/colour.ts'
import type { Mp4, Mp4Video } from '../mp4/reader.ts'

/** Samples `from` up to, not including, `to` of one file, in decode order. The first can be decoded alone, and is the first shown. */
export interface Piece {
  path: string
  mp4: Mp4
  matrix: Matrix
  from: number
  to: number
}

/** A whole file as one piece. */
export function wholePiece({ path, mp4, matrix }: Omit<Piece, 'from' | 'to'>): Piece {
  return { path, mp4, matrix, from: 0, to: mp4.video.samples.count }
}

/** When a sample is shown, in the track's timescale. */
export function ptsOf({ samples }: Mp4Video, sample: number): number {
  return (samples.dts[sample] ?? 0) + (samples.compositionOffsets[sample] ?? 0)
}

/** When a piece's first and last frame are shown, and when what comes after it would be, in its file's timescale. */
export function pieceTimes({ mp4: { video }, from, to }: Piece): {
  first: number
  last: number
  end: number
} {
  const first = ptsOf(video, from)
  let last = first
  for (let sample = from + 1; sample < to; sample++) last = Math.max(last, ptsOf(video, sample))
  let end = video.firstPts + video.shown
  for (let sample = to; sample < video.samples.count; sample++) end = Math.min(end, ptsOf(video, sample))
  return { first, last, end }
}

/**
 * The latest place at which a file can be cut in two without encoding, so that what comes after it is shown at or before `pts`: the
 * number of samples in front of the cut. 0 where there is none.
 */
export function cutBefore(video: Mp4Video, pts: number): number {
  return cuts(video).findLast((cut) => cut.shown <= pts)?.sample ?? 0
}

/** The first sample shown at or after `pts` from which on a file can be decoded by itself; null where there is none. */
export function entryFrom(video: Mp4Video, pts: number): number | null {
  const alone = ({ sample, shown }: Cut) => video.samples.sync[sample] === 1 && ptsOf(video, sample) === shown
  return cuts(video).find((cut) => cut.shown >= pts && alone(cut))?.sample ?? null
}

/** A sample before which a file can be cut: all in front of it is shown before all else, which is shown from `shown` on. */
export interface Cut {
  sample: number
  shown: number
}

/** Every place at which a file can be cut in two without encoding. */
export function cuts(video: Mp4Video): Cut[] {
  const { count } = video.samples
  const earliestFrom = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY)
  for (let i = count - 1; i >= 0; i--) earliestFrom[i] = Math.min(earliestFrom[i + 1] ?? 0, ptsOf(video, i))
  const found: Cut[] = []
  let latest = Number.NEGATIVE_INFINITY
  for (let sample = 0; sample < count; sample++) {
    const shown = earliestFrom[sample] ?? 0
    if (latest < shown) found.push({ sample, shown })
    latest = Math.max(latest, ptsOf(video, sample))
  }
  return found
}
