import { readFile } from 'node:fs/promises'
import type { Clip, Scratch } from './clip-file.ts'
import { fromLastFrame } from './clip-info.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import { type Cut, cuts } from './join/piece.ts'

/** How far before its end a clip may be cut, in seconds: little of a segment of 4 s and more. */
const ANCHOR_SECONDS = 0.5

/**
 * How many times as sharp as the last frame another one must be to take its place. Encoding moves a frame's sharpness by a few percent, and
 * a blur that can just be seen makes it a third or less; what lies between is a guess until real models are measured.
 */
const FAR_SHARPER = 2

/** Less than this is noise: an even picture has 2 or 3 once it is encoded, one out of focus 6 and more, a sharp one hundreds. */
const SHARPNESS_MIN = 4

/** Frames are compared at this width, in pixels, so that grain counts for little and every resolution for the same. */
const WIDTH = 640

/** Brightness of one frame, a byte a pixel. */
interface Luma {
  width: number
  height: number
  pixels: Uint8Array
}

/**
 * Writes `clip`, a copy of a clip that ends on a frame of the last half second that is far sharper than the last one, so that the next
 * segment opens on that. The picture's packets are copied; sound goes on for less than a packet more. False if the last frame is as
 * sharp as any: nothing is written then. Throws `MediaError`.
 */
export async function cutToAnchor(
  ffmpeg: Ffmpeg,
  opened: Clip,
  clip: string,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<boolean> {
  const cut = await findAnchor(ffmpeg, opened, scratch, signal)
  if (cut === null) return false
  await writeCut(ffmpeg, opened, cut, clip, scratch, signal)
  return true
}

/** Where the clip is cut after its anchor; null where the last frame is the anchor. */
async function findAnchor(
  ffmpeg: Ffmpeg,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Cut | null> {
  const { video } = clip.mp4
  const possible = new Map(cuts(video).map((cut) => [cut.sample, cut]))
  const sharpnesses = (await lastFrames(ffmpeg, clip, scratch, signal)).map(sharpness)
  const first = video.samples.count - sharpnesses.length
  let sharpest = FAR_SHARPER * Math.max(SHARPNESS_MIN, sharpnesses.pop() ?? 0)
  let anchor: Cut | null = null
  for (const [i, found] of sharpnesses.entries()) {
    const cut = possible.get(first + i + 1)
    if (found <= sharpest || cut === undefined) continue
    sharpest = found
    anchor = cut
  }
  return anchor
}

/** The frames of the last half second. Exact arithmetic: another machine must find the same anchor in the same clip. */
async function lastFrames(
  ffmpeg: Ffmpeg,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Luma[]> {
  const { video } = clip.mp4
  const width = Math.min(WIDTH, video.width)
  const height = Math.max(1, Math.round((video.height * width) / video.width))
  const small = `extractplanes=y,scale=${width}:${height}:flags=area+accurate_rnd+bitexact,format=gray`
  const output = await scratch('.raw')
  const inputs = [{ source: clip.path, options: fromLastFrame(clip.mp4, ANCHOR_SECONDS) }]
  const options = ['-map', '0:V:0', '-vf', small, '-vsync', '0', '-c:v', 'rawvideo']
  await ffmpeg.run({ inputs, options, output }, signal)
  const bytes = await readFile(output)
  const size = width * height
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => ({
    width,
    height,
    pixels: bytes.subarray(i * size, (i + 1) * size),
  }))
}

/** The variance of the Laplacian: how much each pixel differs from its neighbours, which a blur evens out. */
function sharpness({ width, height, pixels }: Luma): number {
  let sum = 0
  let squares = 0
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * width + 1; i < (y + 1) * width - 1; i++) {
      const at = (offset: number) => pixels[i + offset] ?? 0
      const value = 4 * at(0) - at(-1) - at(1) - at(-width) - at(width)
      sum += value
      squares += value * value
    }
  }
  const count = Math.max(1, (width - 2) * (height - 2))
  return squares / count - (sum / count) ** 2
}

/** Cuts the picture first: a stream that has all its frames ends the whole file, with sound missing that belongs to them. */
async function writeCut(
  ffmpeg: Ffmpeg,
  { path, mp4: { video } }: Clip,
  { sample, shown }: Cut,
  output: string,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<void> {
  const picture = await scratch()
  // Releases before 4.3 leave the tag out by themselves; asked for one where there is none, they make one up.
  const copy = ['-c', 'copy', ...(video.colour === null ? [] : ['-movflags', '+write_colr'])]
  const frames = ['-map', '0:V:0', '-frames:v', `${sample}`]
  await ffmpeg.run({ inputs: [{ source: path }], options: [...frames, ...copy], output: picture }, signal)
  const seconds = (shown - video.firstPts) / video.timescale
  const both = ['-map', '0:V:0', '-map', '1:a:0?', '-t', seconds.toFixed(6)]
  const inputs = [{ source: picture }, { source: path }]
  await ffmpeg.run({ inputs, options: [...both, ...copy], output }, signal)
}
