import type { ClipMeasures } from '../../../core/clip-measures.ts'
import type { Continuation, Seam } from '../../../core/film-check.ts'
import type { JoinedFilm, JoinOrder } from '../../../core/ports.ts'
import { type Clip, openClip, type Scratch, withScratch } from '../clip-file.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'
import { writeLastFrame } from '../last-frame.ts'
import { filmHeader } from '../mp4/writer.ts'
import { twoAtATime } from '../two-at-a-time.ts'
import { crossfade } from './crossfade.ts'
import { writeFilm } from './film-file.ts'
import { type FilmFormat, filmFormat } from './format.ts'
import { gainsOf } from './loudness.ts'
import { measureClip } from './measure-clip.ts'
import { type NormalisedClip, normalise } from './normalise.ts'
import { markOpening } from './opening.ts'
import { wholePiece } from './piece.ts'
import { type JoinPlan, planJoin } from './plan.ts'
import { smoothSplices } from './splice.ts'
import type { Strip } from './strip.ts'

/**
 * Joins clips into one film at the level of the container: packets are copied, not encoded, apart from clips whose format differs from
 * the first one's or whose loudness jumps, and from what the order asks for. The film appears under its name only when it is whole and
 * on disk. Throws `MediaError`, `UserError` `disk_full`.
 */
export function joinClips(
  ffmpeg: Ffmpeg,
  order: JoinOrder,
  film: string,
  signal: AbortSignal,
): Promise<JoinedFilm> {
  return withScratch(film, async (scratch) => {
    const opened = await twoAtATime(order.clips, signal, (path, _, stop) =>
      openClip(ffmpeg, path, scratch, stop),
    )
    const measures = await allMeasures(ffmpeg, opened, order.measures ?? [], scratch, signal)
    const sounds = measures.map(({ loudness }) => loudness)
    const gains = gainsOf(sounds, order.levelSound)
    const { clips, format } = await sameFormat(ffmpeg, opened, gains, scratch, signal)
    const continuations = measures.slice(1).flatMap(({ continuation }) => continuation ?? [])
    const strip = await stripOf(ffmpeg, clips, order, format, scratch, signal)
    const { pieces } = strip
    const video = pieces[0]?.mp4.video
    if (!video?.avc) throw new MediaError('The first clip could not be made H.264')
    const plan = planJoin(pieces, repeatsAfter(strip, continuations), format.sound)
    const made = measures.map(({ splice }) => splice)
    const samples = await smoothSplices(ffmpeg, plan, pieces, made, scratch, signal)
    const header = filmHeader({ ...plan, samples }, { ...video, avcC: video.avc.bytes }, order.label)
    const sources = pieces.map((piece) => piece.path)
    await writeFilm(film, header, samples, sources, signal)
    return {
      seconds: plan.video.length / plan.video.timescale,
      seams: seamsOf(strip, plan, continuations),
      encoded: {
        picture: numbersOf(clips, (clip, i) => clip.encoded.picture || strip.whole.has(i)),
        sound: numbersOf(clips, (clip) => clip.encoded.sound),
      },
    }
  })
}

/** Measures the clips that have not been measured since they came. */
function allMeasures(
  ffmpeg: Ffmpeg,
  clips: readonly Clip[],
  known: readonly (ClipMeasures | null)[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipMeasures[]> {
  return twoAtATime(clips, signal, async (clip, i, stop) => {
    const measured = known[i]
    const before = clips[i - 1]
    if (measured && (before === undefined || measured.continuation !== null)) return measured
    if (before === undefined) return measureClip(ffmpeg, clip, null, scratch, stop)
    const png = await scratch('.png')
    await writeLastFrame(ffmpeg, before, png, stop)
    return measureClip(ffmpeg, clip, png, scratch, stop)
  })
}

/** Brings clips to one format and loudness. Encoding is done one after the other: it takes every core by itself. */
async function sameFormat(
  ffmpeg: Ffmpeg,
  opened: readonly Clip[],
  gains: readonly number[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<{ clips: NormalisedClip[]; format: FilmFormat }> {
  const [first, ...others] = opened
  if (first === undefined) throw new MediaError('No clips to join')
  const format = filmFormat([first.mp4, ...others.map((clip) => clip.mp4)])
  const clips: NormalisedClip[] = []
  for (const [i, clip] of opened.entries()) {
    clips.push(await normalise(ffmpeg, clip, format, gains[i] ?? 0, scratch, signal))
  }
  return { clips, format }
}

async function stripOf(
  ffmpeg: Ffmpeg,
  clips: readonly NormalisedClip[],
  order: JoinOrder,
  format: FilmFormat,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Strip> {
  let strip: Strip = { pieces: clips.map((clip, i) => ({ ...wholePiece(clip), clip: i })), whole: new Set() }
  if (order.mark !== null) {
    strip = await markOpening(ffmpeg, strip, order.mark, order, format, scratch, signal)
  }
  if (order.crossfadeMs > 0) {
    strip = await crossfade(ffmpeg, strip, order.crossfadeMs, format, scratch, signal)
  }
  return strip
}

/** After which pieces the last frame comes again: never within a clip, nor where clips dissolve into each other. */
function repeatsAfter({ pieces }: Strip, continuations: readonly Continuation[]): boolean[] {
  return pieces.map((piece, i) => {
    const next = pieces[i + 1]
    const meets = next !== undefined && next.clip !== piece.clip && next.seam === undefined
    return meets && continuations[piece.clip]?.repeats === true
  })
}

function seamsOf({ pieces }: Strip, plan: JoinPlan, continuations: readonly Continuation[]): Seam[] {
  return continuations.map((continuation, i): Seam => {
    const index = pieces.findIndex((piece) => piece.clip === i + 1)
    const { at, soundOffsetMs } = plan.pieces[index] ?? { at: 0, soundOffsetMs: 0 }
    const dissolve = pieces[index]?.seam
    return { ...continuation, dissolves: dissolve !== undefined, at: at + (dissolve ?? 0), soundOffsetMs }
  })
}

/** The numbers, from 1, of the clips for which something holds. */
function numbersOf<T>(clips: readonly T[], holds: (clip: T, index: number) => boolean): number[] {
  return clips.flatMap((clip, i) => (holds(clip, i) ? [i + 1] : []))
}
