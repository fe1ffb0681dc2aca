import { readFile, rename, writeFile } from 'node:fs/promises'
import type { ClipInspection } from '../../core/clip-measures.ts'
import type { Drift, FilmCheck, Look, Span } from '../../core/film-check.ts'
import type { FilmPiece, JoinedFilm } from '../../core/ports/media.ts'
import { type Clip, filmFile, openClip, openPlainClip, type Scratch, withScratch } from './clip-file.ts'
import { colourDistance } from './colour-statistics.ts'
import { type Ffmpeg, MediaError } from './ffmpeg.ts'
import { complaintOf, inspect, inspectSound, rounded, SPAN_MIN, WITH_LEVELS } from './inspect.ts'

/** Of the black and silent spans of a film only the longest are kept. */
const SPANS_MAX = 20

/** Spans that are no farther apart than this are one: a clip's last window of sound may end before its picture. Seconds. */
const SPAN_GAP = 0.06

/**
 * Checks a joined film. Its clips were decoded when they came (`inspections`, by clip); here that is done for what the join has encoded
 * and for what could not be done before. The film itself is read again: its tables must say what was planned, its packets be those of its
 * clips, and its first frame and all of its sound be decodable. Damage is a result, not a failure. Throws `UserError` `disk_full`, the
 * system's error if there is no film, or the signal's reason.
 */
export function checkFilm(
  ffmpeg: Ffmpeg,
  film: string,
  joined: JoinedFilm,
  inspections: readonly (ClipInspection | null)[],
  signal: AbortSignal,
): Promise<FilmCheck> {
  return withScratch(film, async (scratch) => {
    const parts: InspectedPiece[] = []
    for (const piece of joined.pieces) {
      const known = piece.copied ? inspections[piece.clip] : null
      const inspection = known ?? (await inspectPiece(ffmpeg, piece, scratch, signal))
      parts.push({ piece, inspection })
    }
    const { seconds, complaint } = await checkFile(ffmpeg, film, joined, scratch, signal)
    const spansOf = (kind: 'black' | 'silent') =>
      mergedSpans(parts.flatMap(({ piece, inspection }) => inFilm(piece, inspection[kind])))
    return {
      seconds: { planned: rounded(joined.seconds), ...seconds },
      decodeError:
        [complaint, ...parts.map(({ inspection }) => inspection.decodeError)].find(Boolean) ?? null,
      seams: joined.seams,
      drift: driftOf(looksOf(parts)),
      black: spansOf('black'),
      silent: spansOf('silent'),
      encoded: joined.encoded,
    }
  })
}

interface InspectedPiece {
  piece: FilmPiece
  inspection: ClipInspection
}

/** What the join has encoded is kept until the job ends, and so is what was seen of it. */
async function inspectPiece(
  ffmpeg: Ffmpeg,
  { path, matrix, copied }: FilmPiece,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipInspection> {
  const kept = `${path}.inspection.json`
  const text = copied ? null : await readFile(kept, 'utf8').catch(() => null)
  if (text !== null) return JSON.parse(text)
  const clip = await openClip(ffmpeg, { path, untagged: matrix }, scratch, signal)
  const inspection = await inspect(ffmpeg, clip, scratch, signal)
  if (!copied) {
    await writeFile(`${kept}.part`, JSON.stringify(inspection))
    await rename(`${kept}.part`, kept)
  }
  return inspection
}

async function checkFile(
  ffmpeg: Ffmpeg,
  film: string,
  joined: JoinedFilm,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<{ seconds: { picture: number | null; sound: number | null }; complaint: string | null }> {
  try {
    const clip = await openPlainClip(filmFile(film))
    if (clip === null) throw new MediaError('Its tables are not those of a film')
    const [different, opening, sound] = await Promise.all([
      joined.compare(signal),
      decodeFirstFrame(ffmpeg, clip, signal),
      inspectSound(ffmpeg, clip, scratch, signal),
    ])
    const { shown, timescale } = clip.mp4.video
    const seconds = { picture: rounded(shown / timescale), sound: sound.seconds }
    return { seconds, complaint: different ?? opening ?? sound.complaint }
  } catch (error) {
    if (!(error instanceof MediaError)) throw error
    return {
      seconds: { picture: null, sound: null },
      complaint: complaintOf(error.stderr) ?? error.message,
    }
  }
}

/** Returns what the decoder complains of. */
async function decodeFirstFrame(ffmpeg: Ffmpeg, { path }: Clip, signal: AbortSignal): Promise<string | null> {
  const options = ['-map', '0:V:0', '-frames:v', '1', ...WITH_LEVELS]
  const { stderr } = await ffmpeg.run({ inputs: [{ source: path }], options, output: null }, signal)
  return complaintOf(stderr)
}

/** A file's spans as the film shows them, in seconds from the film's start. */
function inFilm({ at, from, seconds }: FilmPiece, spans: readonly Span[]): Span[] {
  return spans.flatMap((span) => {
    const shown = { from: Math.max(span.from - from, 0), to: Math.min(span.to - from, seconds) }
    return shown.to > shown.from ? [{ from: at + shown.from, to: at + shown.to }] : []
  })
}

/** Spans that go on across a seam are one. */
function mergedSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last !== undefined && span.from - last.to <= SPAN_GAP) last.to = Math.max(last.to, span.to)
    else merged.push({ ...span })
  }
  const long = merged
    .map(({ from, to }) => ({ from: rounded(from), to: rounded(to) }))
    .filter(({ from, to }) => to - from >= SPAN_MIN)
  const longest = long.toSorted((a, b) => b.to - b.from - (a.to - a.from)).slice(0, SPANS_MAX)
  return longest.toSorted((a, b) => a.from - b.from)
}

/** What each clip looks like in the film: the longest of its pieces tells. Clips that can't be decoded are left out. */
function looksOf(parts: readonly InspectedPiece[]): Look[] {
  const clips = [...new Set(parts.map(({ piece }) => piece.clip))]
  return clips.flatMap((clip) => {
    const own = parts.filter(({ piece, inspection }) => piece.clip === clip && inspection.look !== null)
    return own.toSorted((a, b) => b.piece.seconds - a.piece.seconds)[0]?.inspection.look ?? []
  })
}

function driftOf(looks: readonly Look[]): Drift[] {
  const [first] = looks
  if (first === undefined) return []
  return looks.map((look) => ({
    colour: rounded(colourDistance(look.colour, first.colour)),
    contrast: rounded(look.contrast - first.contrast),
  }))
}
