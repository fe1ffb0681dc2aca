import { readFile } from 'node:fs/promises'
import type { Drift, FilmCheck, Seam, Span } from '../../core/film-check.ts'
import type { JoinedFilm } from '../../core/ports.ts'
import { type Clip, openClip, type Scratch, withScratch } from './clip-file.ts'
import { frameRate } from './clip-info.ts'
import { colourDistance } from './colour-statistics.ts'
import { type Ffmpeg, MediaError, withoutFolders } from './ffmpeg.ts'
import { decodeThumbnails, type Thumbnail } from './thumbnails.ts'

/** A pixel is black up to this level in each of its colours; a frame is where nearly all of its pixels are. */
const BLACK_LEVEL = 20
const BLACK_SHARE = 0.98

/** At this rate sound is measured: nothing that films are made of sounds above 8 kHz alone. */
const SAMPLE_RATE = 16_000
/** Both are heard: in a sum, sound of opposite phase would be silence. */
const CHANNELS = 2

/** Sound is silent where it stays below −60 dBFS for this many samples (50 ms). */
const SILENT_PEAK = 32_768 / 1000
const WINDOW = SAMPLE_RATE / 20

/** What is shorter isn't kept, in seconds, and of the rest only the longest. */
const SPAN_MIN = 0.25
const SPANS_MAX = 20

/** Makes ffmpeg say of each line how grave it is. */
const WITH_LEVELS = ['-v', 'level+info', '-nostats']

/**
 * A line of ffmpeg's that tells of damage; what a film says of itself is repeated after `[info]` too, but never like this. Much
 * damage makes no error: the decoder only mentions the blocks that it had to make up.
 */
const COMPLAINT = /^(?:\[[^\]]+ @ \w+\] )*\[(?:error|fatal|panic)\] |^\[[^\]]+ @ \w+\] \[info\] concealing /

/** Characters of a complaint that are kept. */
const COMPLAINT_MAX = 200

/**
 * Decodes a finished film from start to end, picture and sound at the same time, and measures it. That a film can't be decoded is
 * a result (`decodeError`), not a failure. Throws `UserError` `disk_full`, the system's error where there is no film, or the
 * signal's reason.
 */
export function checkFilm(
  ffmpeg: Ffmpeg,
  film: string,
  { seconds, seams, encoded }: JoinedFilm,
  signal: AbortSignal,
): Promise<FilmCheck> {
  const planned = rounded(seconds)
  return withScratch(film, async (scratch) => {
    try {
      const clip = await openClip(ffmpeg, film, scratch, signal)
      const { picture, sound } = await decode(ffmpeg, clip, seams, scratch, signal)
      return {
        seconds: { planned, picture: picture.seconds, sound: sound.seconds },
        decodeError: picture.complaint ?? sound.complaint,
        seams,
        drift: picture.drift,
        black: picture.black,
        silent: sound.silent,
        encoded,
      }
    } catch (error) {
      if (!(error instanceof MediaError)) throw error
      return {
        seconds: { planned, picture: null, sound: null },
        decodeError: complaintOf(error.stderr) ?? plain(error.message),
        seams,
        drift: [],
        black: [],
        silent: [],
        encoded,
      }
    }
  })
}

async function decode(
  ffmpeg: Ffmpeg,
  clip: Clip,
  seams: readonly Seam[],
  scratch: Scratch,
  signal: AbortSignal,
) {
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const decoding = [
    decodePicture(ffmpeg, clip, seams, scratch, stop),
    decodeSound(ffmpeg, clip, scratch, stop),
  ] as const
  try {
    const [picture, sound] = await Promise.all(decoding)
    return { picture, sound }
  } catch (error) {
    // No process may still be writing when the scratch files are cleared away.
    failed.abort(error)
    await Promise.allSettled(decoding)
    throw error
  }
}

async function decodePicture(
  ffmpeg: Ffmpeg,
  clip: Clip,
  seams: readonly Seam[],
  scratch: Scratch,
  signal: AbortSignal,
) {
  // At an even rate a frame that a seam has hidden behind the next one is left out, and one that is missing is doubled.
  const rate = frameRate(clip.mp4.video)
  const { frames, stderr } = await decodeThumbnails(ffmpeg, clip, scratch, signal, {
    filter: `setpts=PTS-STARTPTS,fps=${rate}`,
    options: WITH_LEVELS,
  })
  const measured = frames.map(measureFrame)
  const cuts = [0, ...seams.map((seam) => Math.round(seam.at * rate)), frames.length]
  const segments = cuts.slice(1).map((end, i) => measured.slice(cuts[i], end))
  return {
    seconds: rounded(frames.length / rate),
    black: spansOf(
      measured.map((frame) => frame.black),
      1 / rate,
    ),
    drift: driftOf(segments.filter((segment) => segment.length > 0).map(lookOf)),
    complaint: complaintOf(stderr),
  }
}

/** Means over a frame's pixels, in levels; `square` is that of the squared brightness. */
interface FrameMeans {
  red: number
  green: number
  blue: number
  luma: number
  square: number
  black: boolean
}

function measureFrame(pixels: Thumbnail): FrameMeans {
  const sum = { red: 0, green: 0, blue: 0, luma: 0, square: 0, black: 0 }
  const count = pixels.length / 3
  for (let i = 0; i < pixels.length; i += 3) {
    const [red = 0, green = 0, blue = 0] = [pixels[i], pixels[i + 1], pixels[i + 2]]
    const luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    sum.red += red
    sum.green += green
    sum.blue += blue
    sum.luma += luma
    sum.square += luma * luma
    if (Math.max(red, green, blue) <= BLACK_LEVEL) sum.black += 1
  }
  return {
    red: sum.red / count,
    green: sum.green / count,
    blue: sum.blue / count,
    luma: sum.luma / count,
    square: sum.square / count,
    black: sum.black / count >= BLACK_SHARE,
  }
}

/** A segment's mean colour, and how far its brightness deviates from its mean. */
interface Look {
  colour: readonly [number, number, number]
  contrast: number
}

function lookOf(frames: readonly FrameMeans[]): Look {
  const mean = (of: (frame: FrameMeans) => number) =>
    frames.reduce((sum, frame) => sum + of(frame), 0) / frames.length
  const variance = mean((frame) => frame.square) - mean((frame) => frame.luma) ** 2
  return {
    colour: [mean((frame) => frame.red), mean((frame) => frame.green), mean((frame) => frame.blue)],
    contrast: Math.sqrt(Math.max(0, variance)),
  }
}

function driftOf(looks: readonly Look[]): Drift[] {
  const [first] = looks
  if (first === undefined) return []
  return looks.map((look) => ({
    colour: rounded(colourDistance(look.colour, first.colour)),
    contrast: rounded(look.contrast - first.contrast),
  }))
}

async function decodeSound(ffmpeg: Ffmpeg, clip: Clip, scratch: Scratch, signal: AbortSignal) {
  if (clip.mp4.audio === null) return { seconds: null, silent: [], complaint: null }
  const output = await scratch('.raw')
  const options = [
    ...['-map', '0:a:0', '-ac', `${CHANNELS}`, '-ar', `${SAMPLE_RATE}`, '-c:a', 'pcm_s16le', '-f', 's16le'],
    ...WITH_LEVELS,
  ]
  const { stderr } = await ffmpeg.run({ inputs: [{ source: clip.path }], options, output }, signal)
  const bytes = await readFile(output)
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
  const window = WINDOW * CHANNELS
  const silent = Array.from({ length: Math.ceil(samples.length / window) }, (_, i) =>
    samples.subarray(i * window, (i + 1) * window).every((sample) => Math.abs(sample) < SILENT_PEAK),
  )
  return {
    seconds: rounded(samples.length / CHANNELS / SAMPLE_RATE),
    silent: spansOf(silent, WINDOW / SAMPLE_RATE),
    complaint: complaintOf(stderr),
  }
}

/** The spans in which `flags` are set, each flag standing for `step` seconds. */
function spansOf(flags: readonly boolean[], step: number): Span[] {
  const spans: Span[] = []
  let start = 0
  for (let i = 0; i <= flags.length; i++) {
    if (flags[i]) continue
    if ((i - start) * step >= SPAN_MIN) spans.push({ from: rounded(start * step), to: rounded(i * step) })
    start = i + 1
  }
  const longest = spans.toSorted((a, b) => b.to - b.from - (a.to - a.from)).slice(0, SPANS_MAX)
  return longest.toSorted((a, b) => a.from - b.from)
}

/** The first complaint among ffmpeg's words, or null. */
function complaintOf(stderr: string): string | null {
  const complaint = stderr.split('\n').find((line) => COMPLAINT.test(line))
  return complaint === undefined ? null : plain(complaint)
}

/** A line of ffmpeg's without levels, folders and addresses in memory. */
function plain(line: string): string {
  const words = line.replaceAll(/ @ \w+(?=\])|\[(?:info|warning|error|fatal|panic)\] /g, '')
  return withoutFolders(words).trim().slice(0, COMPLAINT_MAX)
}

/** To hundredths, so that what is kept stays small. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
