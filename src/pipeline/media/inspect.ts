import { readFile } from 'node:fs/promises'
import type { ClipInspection } from '../../core/clip-measures.ts'
import type { Look, Span } from '../../core/film-check.ts'
import type { Clip, Scratch } from './clip-file.ts'
import { frameRate } from './clip-info.ts'
import { type Ffmpeg, MediaError, withoutFolders } from './ffmpeg.ts'
import { decodeThumbnails, type Thumbnail } from './thumbnails.ts'

/** A pixel is black up to this level in each of its colours; a frame is black if nearly all of its pixels are. */
const BLACK_LEVEL = 20
const BLACK_SHARE = 0.98

/** Sound is measured at this rate: no film's sound lies above 8 kHz only. */
const SAMPLE_RATE = 16_000
/** Both channels are decoded: in a sum, sound of opposite phase would be silence. */
const CHANNELS = 2

/** Sound is silent while it stays below −60 dBFS for this many samples (50 ms). */
const SILENT_PEAK = 32_768 / 1000
const WINDOW = SAMPLE_RATE / 20

/** Shorter spans are kept only at a clip's ends, where they may go on in the next clip. Seconds. */
export const SPAN_MIN = 0.25

/** Makes ffmpeg say of each line how grave it is. */
export const WITH_LEVELS = ['-v', 'level+info', '-nostats']

/**
 * A line of ffmpeg's that reports damage; what a film says of itself is repeated after `[info]` too, but never like this. Much
 * damage makes no error: the decoder only mentions the blocks that it had to make up.
 */
const COMPLAINT = /^(?:\[[^\]]+ @ \w+\] )*\[(?:error|fatal|panic)\] |^\[[^\]]+ @ \w+\] \[info\] concealing /

/** Characters of a complaint that are kept. */
const COMPLAINT_MAX = 200

/**
 * Decodes a clip from start to end, picture and sound at the same time (8 s of 720p: 1.1 s of CPU). That it can't be decoded is a result
 * (`decodeError`), not a failure. Throws `UserError` `disk_full`, or the signal's reason.
 */
export async function inspect(
  ffmpeg: Ffmpeg,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipInspection> {
  const [picture, sound] = await bothDone(signal, (stop) => [
    inspectPicture(ffmpeg, clip, scratch, stop).catch(undecodable),
    inspectSound(ffmpeg, clip, scratch, stop).catch(undecodable),
  ])
  return {
    seconds: { picture: picture.seconds, sound: sound.seconds },
    decodeError: picture.complaint ?? sound.complaint,
    look: 'look' in picture ? picture.look : null,
    black: picture.spans,
    silent: sound.spans,
  }
}

/** Waits for both: at the first failure the other is stopped, and no process writes when scratch files are cleared away. */
async function bothDone<A, B>(
  signal: AbortSignal,
  start: (stop: AbortSignal) => [Promise<A>, Promise<B>],
): Promise<[A, B]> {
  const failed = new AbortController()
  const work = start(AbortSignal.any([signal, failed.signal]))
  try {
    return await Promise.all(work)
  } catch (error) {
    failed.abort(error)
    await Promise.allSettled(work)
    throw error
  }
}

interface TrackInspection {
  seconds: number | null
  spans: readonly Span[]
  complaint: string | null
}

function undecodable(error: unknown): TrackInspection {
  if (!(error instanceof MediaError)) throw error
  return { seconds: null, spans: [], complaint: complaintOf(error.stderr) ?? plain(error.message) }
}

async function inspectPicture(
  ffmpeg: Ffmpeg,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<TrackInspection & { look: Look | null }> {
  // At an even rate a frame that a seam has hidden behind the next one is left out, and one that is missing is doubled.
  const rate = frameRate(clip.mp4.video)
  const { frames, stderr } = await decodeThumbnails(ffmpeg, clip, scratch, signal, {
    filter: `setpts=PTS-STARTPTS,fps=${rate}`,
    options: WITH_LEVELS,
  })
  const measured = frames.map(measureFrame)
  return {
    seconds: rounded(frames.length / rate),
    look: measured.length === 0 ? null : lookOf(measured),
    spans: spansOf(
      measured.map((frame) => frame.black),
      1 / rate,
    ),
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

function lookOf(frames: readonly FrameMeans[]): Look {
  const mean = (of: (frame: FrameMeans) => number) =>
    frames.reduce((sum, frame) => sum + of(frame), 0) / frames.length
  const variance = mean((frame) => frame.square) - mean((frame) => frame.luma) ** 2
  return {
    colour: [mean((frame) => frame.red), mean((frame) => frame.green), mean((frame) => frame.blue)],
    contrast: Math.sqrt(Math.max(0, variance)),
  }
}

/** Decodes a file's sound from start to end. Throws `MediaError`. */
export async function inspectSound(
  ffmpeg: Ffmpeg,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<TrackInspection> {
  if (clip.mp4.audio === null) return { seconds: null, spans: [], complaint: null }
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
    spans: spansOf(silent, WINDOW / SAMPLE_RATE),
    complaint: complaintOf(stderr),
  }
}

/** The spans in which `flags` are set, each flag standing for `step` seconds: long ones, and those that touch either end. */
function spansOf(flags: readonly boolean[], step: number): Span[] {
  const spans: Span[] = []
  let start = 0
  for (let i = 0; i <= flags.length; i++) {
    if (flags[i]) continue
    const touches = i > start && (start === 0 || i === flags.length)
    if (touches || (i - start) * step >= SPAN_MIN) {
      spans.push({ from: rounded(start * step), to: rounded(i * step) })
    }
    start = i + 1
  }
  return spans
}

/** The first complaint among ffmpeg's words, or null. */
export function complaintOf(stderr: string): string | null {
  const complaint = stderr.split('\n').find((line) => COMPLAINT.test(line))
  return complaint === undefined ? null : plain(complaint)
}

/** A line of ffmpeg's without levels, folders and addresses in memory. */
function plain(line: string): string {
  const words = line.replaceAll(/ @ \w+(?=\])|\[(?:info|warning|error|fatal|panic)\] /g, '')
  return withoutFolders(words).trim().slice(0, COMPLAINT_MAX)
}

/** To hundredths, so that what is kept stays small. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
