import type { ClipMeasures, ClipsBefore, MadeSplice } from '../../../core/clip-measures.ts'
import { type Clip, openPlainClip, type Scratch } from '../clip-file.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import { audioFits, filmFormat, videoFits } from './format.ts'
import { measureLoudness } from './loudness.ts'
import { wholePiece } from './piece.ts'
import { planJoin } from './plan.ts'
import { compareFrames } from './seam.ts'
import { encodeSplice, findSplices } from './splice.ts'

/**
 * Decodes what the join must know of a clip: how loud it is, and how it goes on from `opensOn`, a PNG of the last frame of the clip before
 * (null for a film's first). 8 s: 0.3 s. Throws `MediaError`.
 */
export async function measureClip(
  ffmpeg: Ffmpeg,
  clip: Clip,
  opensOn: string | null,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipMeasures> {
  const continuation = opensOn === null ? null : await compareFrames(ffmpeg, opensOn, clip, scratch, signal)
  return { loudness: await measureLoudness(ffmpeg, clip, signal), continuation, splice: null }
}

/** The same for the next clip of a chain, and the splice between it and the clip before, so that the join finds it made. */
export async function measureNext(
  ffmpeg: Ffmpeg,
  clip: Clip,
  before: ClipsBefore | null,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipMeasures> {
  const measures = await measureClip(ffmpeg, clip, before?.lastFrame ?? null, scratch, signal)
  if (before === null) return measures
  const all = [...before.measures, measures]
  return { ...measures, splice: await makeSplice(ffmpeg, before.clips, clip, all, scratch, signal) }
}

/**
 * Where the sound of a chain's last two clips meets depends on the clips before them, and on nothing that comes later unless one of them
 * is encoded anew. Null where that is so already, or not enough is known of the clips.
 */
async function makeSplice(
  ffmpeg: Ffmpeg,
  before: readonly string[],
  clip: Clip,
  measures: readonly (ClipMeasures | null)[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<MadeSplice | null> {
  const [first, ...others] = [...(await Promise.all(before.map(openPlainClip))), clip]
  if (!first || others.includes(null)) return null
  const clips = [first, ...others.flatMap((other) => other ?? [])]
  const format = filmFormat([first.mp4, ...clips.slice(1).map(({ mp4 }) => mp4)])
  if (!clips.every(({ mp4 }) => videoFits(mp4.video, format) && audioFits(mp4.audio, format))) return null
  const continuations = measures.slice(1).map((measured) => measured?.continuation)
  if (!continuations.every((continuation) => continuation)) return null
  const pieces = clips.map(wholePiece)
  const repeats = [...continuations.map((continuation) => continuation?.repeats === true), false]
  const plan = planJoin(pieces, repeats, format.sound)
  const splice = findSplices(plan, pieces).findLast(({ right }) => right.path === clip.path)
  return splice ? encodeSplice(ffmpeg, splice, plan.audio, scratch, signal) : null
}
