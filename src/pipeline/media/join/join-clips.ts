import type { ClipMeasures } from '../../../core/clip-measures.ts'
import type { Continuation, Seam } from '../../../core/film-check.ts'
import type { FilmPiece, JoinedFilm, JoinOrder } from '../../../core/ports/media.ts'
import { type Clip, openClip, type Scratch, withScratch } from '../clip-file.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'
import { writeLastFrame } from '../last-frame.ts'
import { filmHeader } from '../mp4/writer.ts'
import { twoAtATime } from '../two-at-a-time.ts'
import { compareFilm } from './compare-film.ts'
import { crossfade } from './crossfade.ts'
import { type Encode, encodeOnce } from './encode-once.ts'
import { writeFilm } from './film-file.ts'
import { type FilmFormat, filmFormat } from './format.ts'
import { gainsOf } from './loudness.ts'
import { measureClip } from './measure-clip.ts'
import { normalise } from './normalise.ts'
import { markOpening } from './opening.ts'
import { pieceTimes, wholePiece } from './piece.ts'
import { type JoinPlan, planJoin } from './plan.ts'
import { compareFrames } from './seam.ts'
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
    const encode = encodeOnce(ffmpeg, film, signal)
    const known = order.measures ?? []
    const opened = await twoAtATime(order.clips, signal, (file, i, stop) =>
      openClip(ffmpeg, { ...file, untagged: known[i]?.untagged ?? file.untagged }, scratch, stop),
    )
    const { clips: read, measures } = await allMeasured(ffmpeg, opened, known, scratch, signal)
    const { clips, format } = await sameFormat(ffmpeg, read, measures, order, encode, scratch, signal)
    const continuations = measures.slice(1).flatMap(({ continuation }) => continuation ?? [])
    const strip = await stripOf(ffmpeg, clips, order, format, encode, scratch, signal)
    const { pieces } = strip
    const video = pieces[0]?.mp4.video
    if (!video?.avc) throw new MediaError('The first clip could not be made H.264')
    const plan = planJoin(pieces, repeatsAfter(strip, continuations), format.sound)
    const made = measures.map(({ splice }) => splice)
    const came = (i: number, track: 'picture' | 'sound') => measures[i]?.encoded?.[track] === true
    const samples = await smoothSplices(ffmpeg, plan, pieces, made, scratch, signal)
    const { width, height, colour } = format
    const description = { width, height, colour, avcC: video.avc.bytes }
    const header = filmHeader({ ...plan, samples }, description, order.label)
    const sources = pieces.map((piece) => piece.path)
    await writeFilm(film, header, samples, sources, signal)
    return {
      seconds: plan.video.length / plan.video.timescale,
      seams: seamsOf(strip, plan, continuations),
      pieces: piecesOf(strip, plan, order),
      encoded: {
        picture: numbersOf(
          clips,
          (clip, i) => clip.encoded.picture || strip.whole.has(i) || came(i, 'picture'),
        ),
        sound: numbersOf(clips, (clip, i) => clip.encoded.sound || came(i, 'sound')),
      },
      compare: (stop) => compareFilm(film, { ...plan, samples }, sources, stop),
    }
  })
}

/** Measures the clips that have not been measured since they came, and reads each by the matrix that was measured. */
async function allMeasured(
  ffmpeg: Ffmpeg,
  opened: readonly Clip[],
  known: readonly (ClipMeasures | null)[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<{ clips: Clip[]; measures: ClipMeasures[] }> {
  const clips: Clip[] = []
  const measures: ClipMeasures[] = []
  for (const [i, clip] of opened.entries()) {
    const measured = known[i]
    const before = clips[i - 1]
    if (measured && (before === undefined || measured.continuation !== null)) {
      clips.push(clip)
      measures.push(measured)
      continue
    }
    const opening = before === undefined ? null : await openingOf(ffmpeg, before, clip, scratch, signal)
    const read = { ...clip, matrix: opening?.tagged ?? opening?.measured ?? clip.matrix }
    const alone = await measureClip(ffmpeg, read, opening, null, scratch, signal)
    clips.push(read)
    measures.push({ ...alone, continuation: opening?.continuation ?? null })
  }
  return { clips, measures }
}

async function openingOf(ffmpeg: Ffmpeg, before: Clip, clip: Clip, scratch: Scratch, signal: AbortSignal) {
  const png = await scratch('.png')
  await writeLastFrame(ffmpeg, before, png, signal)
  return compareFrames(ffmpeg, png, clip, scratch, signal)
}

/** Brings clips to one format and loudness. Encoding is done one after the other: it takes every core by itself. */
async function sameFormat(
  ffmpeg: Ffmpeg,
  opened: readonly Clip[],
  measures: readonly ClipMeasures[],
  { levelSound, crossfadeMs, mark }: JoinOrder,
  encode: Encode,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<{ clips: Clip[]; format: FilmFormat }> {
  const [first, ...others] = opened
  if (first === undefined) throw new MediaError('No clips to join')
  const format = filmFormat([first, ...others])
  const gains = gainsOf(
    measures.map(({ loudness }) => loudness),
    levelSound,
  )
  const clips: Clip[] = []
  for (const [i, clip] of opened.entries()) {
    // what lies over frames counts them
    const evenly = crossfadeMs > 0 || (mark !== null && i === 0)
    const how = { gain: gains[i] ?? 0, evenly }
    clips.push(await normalise(ffmpeg, clip, format, how, encode, scratch, signal))
  }
  return { clips, format }
}

async function stripOf(
  ffmpeg: Ffmpeg,
  clips: readonly Clip[],
  order: JoinOrder,
  format: FilmFormat,
  encode: Encode,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Strip> {
  let strip: Strip = { pieces: clips.map((clip, i) => ({ ...wholePiece(clip), clip: i })), whole: new Set() }
  if (order.mark !== null) {
    strip = await markOpening(ffmpeg, strip, order.mark, order, format, encode, scratch, signal)
  }
  if (order.crossfadeMs > 0) {
    strip = await crossfade(ffmpeg, strip, order.crossfadeMs, format, encode, scratch, signal)
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

function piecesOf({ pieces }: Strip, plan: JoinPlan, { clips }: JoinOrder): FilmPiece[] {
  const end = plan.video.length / plan.video.timescale
  return pieces.map((piece, i) => {
    const { timescale, firstPts } = piece.mp4.video
    const at = plan.pieces[i]?.at ?? 0
    return {
      path: piece.path,
      matrix: piece.matrix,
      clip: piece.clip,
      copied: clips[piece.clip]?.path === piece.path,
      at,
      from: (pieceTimes(piece).first - firstPts) / timescale,
      seconds: (plan.pieces[i + 1]?.at ?? end) - at,
    }
  })
}

/** The numbers, from 1, of the clips for which something holds. */
function numbersOf<T>(clips: readonly T[], holds: (clip: T, index: number) => boolean): number[] {
  return clips.flatMap((clip, i) => (holds(clip, i) ? [i + 1] : []))
}
