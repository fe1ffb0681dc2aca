import type { ClipMeasures, ClipsBefore, MadeSplice } from '../../../core/clip-measures.ts'
import type { ClipOpening } from '../../../core/ports/media.ts'
import { type Clip, openPlainClip, type Scratch } from '../clip-file.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import { audioFits, filmFormat, videoFits } from './format.ts'
import { measureLoudness } from './loudness.ts'
import { wholePiece } from './piece.ts'
import { planJoin } from './plan.ts'
import { encodeSplice, findSplices } from './splice.ts'

/**
 * Decodes what the join must know of a clip's sound, and adds what was seen of its opening (null for a film's first clip): 8 s take 0.1 s.
 * The splice with the clip before is made too, so that the join finds it. Throws `MediaError`.
 */
export async function measureClip(
  ffmpeg: Ffmpeg,
  clip: Clip,
  opening: ClipOpening | null,
  before: ClipsBefore | null,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipMeasures> {
  const measures: ClipMeasures = {
    untagged: clip.matrix,
    measured: opening?.measured ?? null,
    encoded: clip.encoded,
    loudness: await measureLoudness(ffmpeg, clip, signal),
    continuation: before === null ? null : (opening?.continuation ?? null),
    splice: null,
  }
  if (before === null) return measures
  const all = [...before.measures, measures]
  return { ...measures, splice: await makeSplice(ffmpeg, before, clip, all, scratch, signal) }
}

/**
 * The place where the sound of a chain's last two clips meets depends on the clips before them, and on nothing that comes later unless one
 * of them is encoded. Null if one is already, or not enough is known of the clips.
 */
async function makeSplice(
  ffmpeg: Ffmpeg,
  before: ClipsBefore,
  clip: Clip,
  measures: readonly (ClipMeasures | null)[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<MadeSplice | null> {
  const opened = [...(await Promise.all(before.clips.map(openPlainClip))), clip]
  const [first, ...others] = opened.flatMap((one) => one ?? [])
  if (first === undefined || others.length + 1 < opened.length) return null
  const clips = [first, ...others]
  const format = filmFormat([first, ...others])
  if (!clips.every((one) => videoFits(one, format) && audioFits(one.mp4.audio, format))) return null
  const continuations = measures.slice(1).map((measured) => measured?.continuation)
  if (!continuations.every((continuation) => continuation)) return null
  const pieces = clips.map(wholePiece)
  const repeats = [...continuations.map((continuation) => continuation?.repeats === true), false]
  const plan = planJoin(pieces, repeats, format.sound)
  const splice = findSplices(plan, pieces).findLast(({ right }) => right.path === clip.path)
  return splice ? encodeSplice(ffmpeg, splice, plan.audio, scratch, signal) : null
}
