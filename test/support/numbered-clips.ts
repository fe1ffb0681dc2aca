import { ffmpeg } from './clips.ts'

/** A chain of clips, each opening on the last frame of the one before. Pixels, frames a second, frames in a clip. */
export interface ChainRecipe {
  count: number
  frames: number
  fps: number
  width: number
  height: number
  bFrames: boolean
  /** Seconds between frames that can be decoded alone; null: only the first one can. */
  gop: number | null
  /** Megabits a second, for clips as large as a video model's, with grain in them; null: what the encoder finds enough. */
  rate?: number | null
}

/** One clip such as video models deliver, of 8.4 MB. */
export const MODEL_CLIP: ChainRecipe = {
  count: 1,
  frames: 192,
  fps: 24,
  width: 1280,
  height: 720,
  bFrames: true,
  gop: null,
  rate: 7.2,
}

/** A frame's number stands over its upper sixth as this many blocks, white for a set bit, the lowest bit at the left. */
export const NUMBER_BITS = 16

/** How many times a frame is as high as its numbers. */
export const HEIGHTS_OF_NUMBER = 6

/** How long a beep lasts, in seconds. */
export const BEEP_SECONDS = 0.05

/** The number that a clip opens on; clips count from 0. */
export function firstNumber({ frames }: ChainRecipe, clip: number): number {
  return clip * (frames - 1)
}

/**
 * Makes the clips of a chain, H.264 High in BT.709 with AAC at 48 kHz. Every frame shows its number in the chain over a picture that
 * moves; each clip beeps at each whole second of its own. Returns their paths: `name` and `-0.mp4`, `-1.mp4`, …
 */
export async function makeChain(name: string, recipe: ChainRecipe): Promise<string[]> {
  const paths = Array.from({ length: recipe.count }, (_, clip) => `${name}-${clip}.mp4`)
  for (const [clip, path] of paths.entries()) await makeNumbered(path, recipe, clip)
  return paths
}

/** Gives each clip a steady tone instead of its beeps, another one than its neighbours have. The picture is copied. */
export async function withTones(clips: readonly string[], recipe: ChainRecipe): Promise<string[]> {
  const paths: string[] = []
  for (const [clip, path] of clips.entries()) {
    const toned = path.replace(/\.mp4$/, '-tone.mp4')
    const hertz = 220 * 2 ** ((clip % 12) / 12)
    const inputs = [{ source: path }, soundOf(`0.5*sin(2*PI*${hertz}*t)`, recipe)]
    const options = ['-map', '0:v', '-c:v', 'copy', '-map', '1:a', ...AAC]
    await ffmpeg.run({ inputs, options, output: toned })
    paths.push(toned)
  }
  return paths
}

const AAC = ['-c:a', 'aac', '-b:a', '128k']

const BT709 = 'colorprim=bt709:transfer=bt709:colormatrix=bt709'

async function makeNumbered(path: string, recipe: ChainRecipe, clip: number): Promise<void> {
  const { frames, fps, width, height, bFrames, gop, rate = null } = recipe
  const number = `(n+${firstNumber(recipe, clip)})`
  const pattern = `testsrc2=size=${width * 2}x${height}:rate=${fps},trim=end_frame=1`
  const bit = `mod(floor(${number.toUpperCase()}/pow(2,X)),2)`
  const bits = `color=black:size=${NUMBER_BITS}x2:rate=${fps},geq=lum='16+219*${bit}':cb=128:cr=128`
  const inputs = [
    { source: `${pattern},loop=loop=-1:size=1,setpts=N`, options: ['-f', 'lavfi'] },
    { source: `${bits},trim=end_frame=${frames}`, options: ['-f', 'lavfi'] },
    soundOf(`0.5*sin(2*PI*1000*t)*lt(mod(t,1),${BEEP_SECONDS})`, recipe),
  ]
  const grain = rate === null ? '' : 'noise=alls=14:allf=t,'
  const filter =
    `[0:v]${grain}crop=${width}:${height}:x='mod(${number}*8,${width})':y=0[picture];` +
    `[1:v]scale=${width}:${height / HEIGHTS_OF_NUMBER}:flags=neighbor[number];` +
    '[picture][number]overlay=shortest=1,format=yuv420p[v]'
  const keyint = gop === null ? 9999 : gop * fps
  const frameTypes = `keyint=${keyint}:min-keyint=${keyint}:scenecut=0:bframes=${bFrames ? 3 : 0}:b-adapt=0`
  const size = rate === null ? ['-crf', '23'] : ['-b:v', `${rate}M`]
  const picture = ['-c:v', 'libx264', '-preset', 'superfast', '-profile:v', 'high', ...size]
  const options = ['-map', '[v]', ...picture, '-x264-params', `${frameTypes}:${BT709}`, '-map', '2:a', ...AAC]
  await ffmpeg.run({ inputs, filter, options, output: path })
}

function soundOf(expression: string, { frames, fps }: ChainRecipe) {
  const source = `aevalsrc=exprs='${expression}':sample_rate=48000:duration=${frames / fps}`
  return { source, options: ['-f', 'lavfi'] }
}

/** When a film of such clips beeps, in seconds. Neighbours share a frame. */
export function beepTimes(recipe: ChainRecipe): number[] {
  const { count, frames, fps } = recipe
  return Array.from({ length: count }, (_, clip) => firstNumber(recipe, clip) / fps).flatMap((start) =>
    Array.from({ length: Math.ceil(frames / fps) }, (_, second) => start + second),
  )
}

/** A sample that is louder than this, of 1, belongs to a beep. */
export const LOUD = 0.15

/**
 * Where beeps begin, in seconds, given the loud samples' places. Told by their ends: a beep that opens a clip is faded in by the splice
 * before it.
 */
export function beepsIn(loud: readonly number[], sampleRate = 48_000): number[] {
  const beeps: number[] = []
  let begun = loud[0] ?? 0
  for (const [i, sample] of loud.entries()) {
    const next = loud[i + 1] ?? Number.POSITIVE_INFINITY
    // two periods of the beep at least
    if ((next - sample) / sampleRate < 0.002) continue
    // a click is no beep
    if ((sample - begun) / sampleRate > BEEP_SECONDS / 2) beeps.push(sample / sampleRate - BEEP_SECONDS)
    begun = next
  }
  return beeps
}
