import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { ClipFile, ClipMeasures } from '../../src/core/clip-measures.ts'
import { UNTAGGED_MATRIX } from '../../src/core/colour.ts'
import { type Ffmpeg, findFfmpeg } from '../../src/pipeline/media/ffmpeg.ts'

/** The ffmpeg that the tests run. */
export const ffmpeg: Ffmpeg = await findFfmpeg(undefined)

/** Clips as the media code takes them, with nothing known of their model. */
export function clipFiles(paths: readonly string[]): ClipFile[] {
  return paths.map((path) => ({ path, untagged: UNTAGGED_MATRIX }))
}

/** What is known of a clip that was not measured. */
export const UNMEASURED: ClipMeasures = {
  untagged: UNTAGGED_MATRIX,
  measured: null,
  encoded: null,
  loudness: null,
  continuation: null,
  splice: null,
}

/** A folder for one test file, removed when its tests have run. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'media-test-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * A clip whose every frame shows its number. Seconds, frames a second; `tone: null` is a clip without a sound track, and `tone.delay`
 * is how much later than the picture it starts.
 */
export interface ClipRecipe {
  numbers: readonly number[]
  fps?: number
  width?: number
  height?: number
  tone?: { seconds?: number; sampleRate?: number; channels?: number; delay?: number } | null
  /** Options for the encoder, after the usual ones. */
  options?: readonly string[]
}

/** Forces B-frames, which x264 would not choose for such even pictures. */
export const B_FRAMES = ['-x264-params', 'bframes=3:b-adapt=0:scenecut=0:keyint=9999']

/** Numbers from `first` on, as many as `count`. */
export function numbered(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

/** The brightness that stands for a frame's number: steps that survive encoding, within a picture's legal range. */
function lumaOf(number: number): number {
  return 20 + ((number * 8) % 208)
}

/** Makes a small H.264 + AAC clip, each frame of one brightness. */
export async function makeClip(path: string, recipe: ClipRecipe): Promise<string> {
  const { numbers, fps = 12, width = 320, height = 180, tone = {}, options = [] } = recipe
  const raw = `${path}.yuv`
  const frames = numbers.map((number) =>
    Buffer.concat([Buffer.alloc(width * height, lumaOf(number)), Buffer.alloc((width * height) / 2, 128)]),
  )
  await writeFile(raw, Buffer.concat(frames))
  const picture = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', `${fps}`]
  const inputs: { source: string; options: string[] }[] = [{ source: raw, options: picture }]
  if (tone !== null) {
    const seconds = tone.seconds ?? numbers.length / fps
    const source = `sine=frequency=440:sample_rate=${tone.sampleRate ?? 48_000}:duration=${seconds}`
    inputs.push({ source, options: ['-itsoffset', `${tone.delay ?? 0}`, '-f', 'lavfi'] })
  }
  const encoders = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  const sound = tone === null ? [] : ['-ac', `${tone.channels ?? 2}`]
  await ffmpeg.run({ inputs, options: [...encoders, ...sound, ...options], output: path })
  await rm(raw)
  return path
}

/**
 * The numbers of the frames that a viewer sees, one for each 1/fps of a second. `width` and `height` are the film's.
 * Numbers count modulo 26.
 */
export async function shownNumbers(
  film: string,
  { fps = 12, width = 320, height = 180 } = {},
): Promise<number[]> {
  const raw = `${film}.shown.raw`
  const options = ['-map', '0:v:0', '-vf', `fps=${fps}`, '-pix_fmt', 'yuv420p', '-an']
  await ffmpeg.run({ inputs: [{ source: film }], options, output: raw })
  const bytes = await readFile(raw)
  await rm(raw)
  const frame = (width * height * 3) / 2
  return Array.from({ length: bytes.length / frame }, (_, i) => {
    const centre = bytes[i * frame + (width * height) / 2 + width / 2] ?? 0
    return Math.round((centre - 20) / 8)
  })
}

/** A number as `shownNumbers` reads it. */
export function asShown(numbers: readonly number[]): number[] {
  return numbers.map((number) => number % 26)
}

/** The MD5 of each packet's bytes of one stream (`v` or `a`), in decode order. */
export async function packetHashes(film: string, stream: 'v' | 'a'): Promise<string[]> {
  const output = `${film}.${stream}.raw`
  const options = ['-map', `0:${stream}:0`, '-c', 'copy', '-f', 'framemd5']
  await ffmpeg.run({ inputs: [{ source: film }], options, output })
  const lines = (await readFile(output, 'utf8')).split('\n').filter((line) => /^\d/.test(line))
  await rm(output)
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '')
}

/** Every error of ffmpeg while it decodes a whole film; empty where there is nothing wrong. */
export async function decodingErrors(film: string): Promise<string> {
  // The usual clock of one tick a frame can't tell a frame that is shown for a moment from the next one.
  const options = ['-v', 'error', '-xerror', '-map', '0', '-enc_time_base:v', '1/90000']
  return (await ffmpeg.run({ inputs: [{ source: film }], options, output: null })).stderr.trim()
}
