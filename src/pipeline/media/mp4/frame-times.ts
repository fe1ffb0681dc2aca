import type { SampleTable } from './sample-table.ts'

/** A gap between frames that is shorter than this part of the usual one is no frame's time. */
const MOMENT = 0.1

/** Gaps that differ from the usual one by no more than this part of it are one frame long: two frames' time is a frame left out. */
const ONE_FRAME = 0.5

/** When each frame is shown, in the track's timescale, in the order of showing. */
export function shownTimes({ dts, compositionOffsets }: SampleTable): Float64Array {
  return dts.map((time, i) => time + (compositionOffsets[i] ?? 0)).sort()
}

/** Ticks from one frame to the next, as a viewer sees them. */
export interface FrameGaps {
  /** How long a frame usually lasts; 0 for a single frame. */
  usual: number
  /** Every frame lasts as long as the others: none is left out, held or shown for a moment. */
  even: boolean
}

/**
 * How long frames last, from the gaps between the times at which they are shown. Decoding times say nothing of it: recorders write them in
 * bunches. A frame that is shown for a moment is hidden behind the next one, and frames that were left out or held are no measure either.
 */
export function frameGaps(samples: SampleTable): FrameGaps {
  const times = shownTimes(samples)
  const middle = median(gapsOf(times))
  const seen = times.filter((time, i) => (times[i + 1] ?? Number.POSITIVE_INFINITY) - time > MOMENT * middle)
  const gaps = gapsOf(seen)
  const single = gaps.filter((gap) => Math.abs(gap / middle - 1) < ONE_FRAME)
  if (single.length === 0) return { usual: samples.durations[0] ?? 0, even: true }
  const usual = single.reduce((sum, gap) => sum + gap, 0) / single.length
  return { usual, even: single.length === times.length - 1 }
}

function gapsOf(times: Float64Array): Float64Array {
  return times.subarray(1).map((time, i) => time - (times[i] ?? 0))
}

function median(values: Float64Array): number {
  return values.toSorted()[Math.floor(values.length / 2)] ?? 0
}
