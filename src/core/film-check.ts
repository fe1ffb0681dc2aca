/** How a segment's first frame goes on from the last one of the segment before. */
export interface Continuation {
  /** They are the same picture, and the film shows it once. */
  repeats: boolean
  /** How alike the two are: SSIM, 0..1. */
  ssim: number
  /** How far apart their mean colours are, in levels of 0..255. */
  colour: number
  /** The same for the sixteenth of the picture in which they differ most; films of earlier versions have none. */
  patch?: number
}

/** A place where two segments of a film meet. */
export interface Seam extends Continuation {
  /** Seconds from the film's start. */
  at: number
  /** The first segment dissolves into the second. */
  dissolves: boolean
  /** How far the second segment's sound is from its picture, in ms; later is positive. */
  soundOffsetMs: number
}

/** The segments, counted from 1, of which something had to be encoded anew; all else is a copy. */
export interface Encoded {
  picture: readonly number[]
  sound: readonly number[]
}

/** A part of a film, in seconds from its start. */
export interface Span {
  from: number
  to: number
}

/** What a clip looks like on average: its mean red, green and blue, and how far its brightness deviates from its mean, in levels of 0..255. */
export interface Look {
  colour: readonly number[]
  contrast: number
}

/** How long a segment's clip was asked to be, and how long it is, in seconds. */
export interface ClipLength {
  asked: number
  delivered: number
}

/** How far a segment's picture is from that of the first segment, in levels of 0..255. */
export interface Drift {
  /** Between their mean colours. */
  colour: number
  /** Between the deviations of their brightness: above 0 where the contrast has grown. */
  contrast: number
}

/** What was measured of a finished film. A few KB of plain data, which are kept with its job. */
export interface FilmCheck {
  /** As planned, and as decoded: null where there is no such track, or it can't be decoded at all. */
  seconds: { planned: number; picture: number | null; sound: number | null }
  /** What a decoder complained of; null: nothing. */
  decodeError: string | null
  seams: readonly Seam[]
  /** Of each segment, the first one included; of those alone that could be decoded. */
  drift: readonly Drift[]
  black: readonly Span[]
  silent: readonly Span[]
  encoded: Encoded
  /** Of each segment; films of earlier versions have none. */
  lengths?: readonly ClipLength[]
}

/** Where segment `before` (counted from 1) and the next one meet, `at` seconds from the start. */
export interface SeamPlace {
  before: number
  at: number
}

/** Everything that can be off with a film, with the data its wording needs. Lengths in seconds, segments counted from 1. */
export interface FindingData {
  undecodable: { reason: string }
  /** The model delivered much less than it was asked for. */
  short_segment: { segment: number; asked: number; delivered: number }
  picture_length: { planned: number; measured: number }
  sound_length: { planned: number; measured: number }
  /** `ms` is the largest distance. */
  sound_offset: { seams: readonly SeamPlace[]; ms: number }
  /** The segments don't go on from one another. */
  cut: { seams: readonly SeamPlace[] }
  /** They do, but not closely enough. */
  visible_seam: { seams: readonly SeamPlace[] }
  /** `segment` is the last one that was measured; its distances are in levels of 0..255. */
  drift: { segment: number; colour: number; contrast: number }
  black: Span & { segments: readonly number[] }
  silence: Span & { segments: readonly number[] }
}

export type FindingCode = keyof FindingData

/** One thing that is off with a film; it is worded by `i18n`. */
export type FilmFinding = { [C in FindingCode]: { code: C; data: FindingData[C] } }[FindingCode]

/** Two frames of the slowest usual rate (24 a second) and an AAC packet (21 ms) at either end stay below it, in seconds. */
export const LENGTH_TOLERANCE = 0.1

/** Models deliver a little more or less than they are asked for. Below this share of it something is missing. */
const CLIP_LENGTH_MIN = 0.8

/** Sound is spliced between AAC packets, at most half of one off: 10.7 ms at 48 kHz, 11.6 ms at 44.1 kHz. */
export const SOUND_OFFSET_MAX_MS = 12

/** A frame that was only encoded once more has over 0.9. A guess: real models' first frames have not been measured yet. */
export const SEAM_SSIM_MIN = 0.85

/** The eye sees steps of 1 to 2 % of brightness between one frame and the next: 2.5 levels of a middle grey. */
export const SEAM_COLOUR_MAX = 3

/**
 * A wrong matrix moves strong colours by 10 levels and more, though hardly the picture's mean. First frames of eight models on one picture differ
 * by 2.4 levels in the median and by 5.8 at the most, in the patch where they differ most.
 */
const SEAM_PATCH_MAX = 6

/** What a chain of ten loses to a conversion that darkens each link by 1.2 levels. A guess as to what bothers people. */
export const DRIFT_MAX = 10

/** A segment may come closer to the first one by as many levels and still drift away with the others. */
const DRIFT_SLACK = 1

/** Levels from one segment to the next. The worst conversion in use loses 5 a link; where it is more, the scene has changed. */
export const DRIFT_STEP_MAX = 8

/** With fewer segments any change of scene looks like drift. */
export const DRIFT_SEGMENTS_MIN = 4

/** A fade through black is all black for less, in seconds. */
export const BLACK_MAX = 0.5

/** Even quiet scenes have some noise; the shortest segment lasts 4 s. In seconds. */
export const SILENCE_MAX = 2

/** A film that sounds for less than this has no sound to miss, in seconds. */
const SOUND_MIN = 0.5

/** What reaches into a segment for less is the neighbour's, in seconds. */
const OVERLAP_MIN = 0.1

/** Everything that is off with a film; empty where all is well. */
export function findingsOf(check: FilmCheck): FilmFinding[] {
  return [
    ...decodingFindings(check),
    ...lengthFindings(check.lengths ?? []),
    ...seamFindings(check.seams),
    ...driftFindings(check.drift),
    ...spanFindings(check),
  ]
}

function* decodingFindings({ decodeError, seconds }: FilmCheck): Generator<FilmFinding> {
  const { planned, picture, sound } = seconds
  const isOff = (measured: number) => Math.abs(measured - planned) > LENGTH_TOLERANCE
  if (decodeError !== null) yield { code: 'undecodable', data: { reason: decodeError } }
  if (picture !== null && isOff(picture))
    yield { code: 'picture_length', data: { planned, measured: picture } }
  if (sound !== null && isOff(sound)) yield { code: 'sound_length', data: { planned, measured: sound } }
}

function* lengthFindings(lengths: readonly ClipLength[]): Generator<FilmFinding> {
  for (const [i, { asked, delivered }] of lengths.entries()) {
    if (delivered >= CLIP_LENGTH_MIN * asked) continue
    yield { code: 'short_segment', data: { segment: i + 1, asked, delivered } }
  }
}

function* seamFindings(seams: readonly Seam[]): Generator<FilmFinding> {
  const placesOf = (isOff: (seam: Seam) => boolean): SeamPlace[] =>
    seams.flatMap((seam, i) => (isOff(seam) ? [{ before: i + 1, at: seam.at }] : []))
  const late = placesOf((seam) => Math.abs(seam.soundOffsetMs) > SOUND_OFFSET_MAX_MS)
  const cut = placesOf(({ repeats, dissolves }) => !repeats && !dissolves)
  const visible = placesOf(
    ({ repeats, dissolves, ssim, colour, patch = 0 }) =>
      repeats && !dissolves && (ssim < SEAM_SSIM_MIN || colour > SEAM_COLOUR_MAX || patch > SEAM_PATCH_MAX),
  )
  if (late.length > 0) {
    const ms = Math.max(...seams.map((seam) => Math.abs(seam.soundOffsetMs)))
    yield { code: 'sound_offset', data: { seams: late, ms } }
  }
  if (cut.length > 0) yield { code: 'cut', data: { seams: cut } }
  if (visible.length > 0) yield { code: 'visible_seam', data: { seams: visible } }
}

function* driftFindings(drift: readonly Drift[]): Generator<FilmFinding> {
  const last = drift.at(-1)
  if (last === undefined) return
  const colours = drift.map(({ colour }) => colour)
  const contrasts = drift.map(({ contrast }) => Math.abs(contrast))
  if (drifts(colours) || drifts(contrasts)) yield { code: 'drift', data: { segment: drift.length, ...last } }
}

/** Whether distances from the first segment grow beyond the bound, and by and by: a film may well change its scene. */
function drifts(levels: readonly number[]): boolean {
  const steps = levels.slice(1).map((level, i) => level - (levels[i] ?? 0))
  return (
    levels.length >= DRIFT_SEGMENTS_MIN &&
    (levels.at(-1) ?? 0) > DRIFT_MAX &&
    steps.every((step) => step >= -DRIFT_SLACK && step <= DRIFT_STEP_MAX)
  )
}

function* spanFindings({ black, silent, seconds, seams }: FilmCheck): Generator<FilmFinding> {
  for (const span of black) {
    if (lengthOf(span) > BLACK_MAX)
      yield { code: 'black', data: { ...span, segments: segmentsIn(span, seams) } }
  }
  const sounding = (seconds.sound ?? 0) - silent.reduce((sum, span) => sum + lengthOf(span), 0)
  if (sounding < SOUND_MIN) return
  for (const span of silent) {
    if (lengthOf(span) > SILENCE_MAX) {
      yield { code: 'silence', data: { ...span, segments: segmentsIn(span, seams) } }
    }
  }
}

function lengthOf({ from, to }: Span): number {
  return to - from
}

function segmentsIn({ from, to }: Span, seams: readonly Seam[]): number[] {
  const starts = [0, ...seams.map((seam) => seam.at)]
  return starts.flatMap((start, i) => {
    const end = starts[i + 1] ?? Number.POSITIVE_INFINITY
    return Math.min(to, end) - Math.max(from, start) >= OVERLAP_MIN ? [i + 1] : []
  })
}
