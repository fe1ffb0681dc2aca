import { readFile, rm, writeFile } from 'node:fs/promises'
import type { JoinOrder } from '../src/core/ports/media.ts'
import { clipFiles, ffmpeg, packetHashes } from '../test/support/clips.ts'
import {
  beepsIn,
  beepTimes,
  type ChainRecipe,
  firstNumber,
  HEIGHTS_OF_NUMBER,
  LOUD,
  NUMBER_BITS,
} from '../test/support/numbered-clips.ts'
import { decodeSound } from '../test/support/sound.ts'

/** What a film of numbered clips turned out to be. `held`: how many frames' time the longest lasting number was shown. */
export interface Readings {
  repeated: number
  missing: number
  /** Frames that come after one with a higher number. */
  swapped: number
  held: number
  /** Beeps beside the frames that they belong to, in ms: the farthest, and how much farther the last is than the first. */
  offset: number
  growth: number
  /** Whether the picture's packets are the clips', apart from last frames that come again. */
  copied: boolean
}

/** An order for a film with nothing wished for. */
export function plainOrder(clips: readonly string[]): JoinOrder {
  const label = { title: 'Bench', model: 'local', made: new Date(), source: 'algorithmicMedia' } as const
  return { clips: clipFiles(clips), label, mark: null, crossfadeMs: 0, levelSound: false }
}

/** Joins clips by ffmpeg's own means: copied, or however `codecs` says. */
export async function concat(
  clips: readonly string[],
  film: string,
  codecs: readonly string[] = ['-c', 'copy'],
): Promise<void> {
  const list = `${film}.txt`
  await writeFile(list, clips.map((clip) => `file '${clip}'\n`).join(''))
  const inputs = [{ source: list, options: ['-f', 'concat', '-safe', '0'] }]
  await ffmpeg.run({ inputs, options: codecs, output: film })
  await rm(list)
}

/** Decodes a film of beeping clips to its end and compares what is seen and heard. */
export async function readFilm(
  film: string,
  clips: readonly string[],
  recipe: ChainRecipe,
): Promise<Readings> {
  const frames = (await decodeNumbers(film)).filter(({ seconds }) => seconds > HIDDEN_SECONDS)
  const numbers = frames.map(({ number }) => number)
  const all = firstNumber(recipe, clips.length) + 1
  const pcm = await decodeSound(film)
  const loud = [...pcm.keys()].filter((i) => Math.abs(pcm[i] ?? 0) > LOUD)
  const offsets = beepOffsets(beepsIn(loud), frames, { ...recipe, count: clips.length })
  return {
    repeated: numbers.filter((number, i) => number === numbers[i - 1]).length,
    missing: all - new Set(numbers).size,
    swapped: numbers.filter((number, i) => number < (numbers[i - 1] ?? number)).length,
    held: longestHeld(frames) * recipe.fps,
    offset: Math.max(...offsets.map(Math.abs)),
    growth: (offsets.at(-1) ?? Number.NaN) - (offsets[0] ?? Number.NaN),
    copied: areCopied(
      await packetHashes(film, 'v'),
      await Promise.all(clips.map((clip) => packetHashes(clip, 'v'))),
    ),
  }
}

/** How late each beep is beside the frame that it belongs to, in ms; NaN for one that is missing. Frames in order, `at` in seconds. */
export function beepOffsets(
  beeps: readonly number[],
  frames: readonly { number: number; at: number }[],
  recipe: ChainRecipe,
): number[] {
  return beepTimes(recipe).map((time, i) => {
    const wanted = Math.round(time * recipe.fps)
    // By the frame after it: of one that is shown twice, the second is the next clip's own.
    const after = frames.find(({ number }) => number > wanted) ?? { number: Number.NaN, at: 0 }
    const shown = after.at - (after.number - wanted) / recipe.fps
    return ((beeps[i] ?? Number.NaN) - shown) * 1000
  })
}

/** A frame that stands for less than this is never on a screen: the join hides repeated frames so. */
const HIDDEN_SECONDS = 0.001

interface NumberedFrame {
  number: number
  at: number
  seconds: number
}

/** The number of every frame, and when it is shown. */
async function decodeNumbers(film: string): Promise<NumberedFrame[]> {
  const [bits, times] = [`${film}.raw`, `${film}.times`]
  const small = `crop=iw:ih/${HEIGHTS_OF_NUMBER}:0:0,scale=${NUMBER_BITS}:1:flags=area,format=gray`
  const each = ['-vsync', '0', '-enc_time_base:v', '1/90000', '-c:v', 'rawvideo']
  const options = [
    '-map',
    '[times]',
    ...each,
    '-f',
    'framecrc',
    times,
    '-map',
    '[bits]',
    ...each,
    '-f',
    'rawvideo',
  ]
  const filter = `[0:v]${small},split[times][bits]`
  await ffmpeg.run({ inputs: [{ source: film }], filter, options, output: bits })
  const starts = [...(await readFile(times, 'utf8')).matchAll(/^0, *-?\d+, *(-?\d+),/gm)].map(
    ([, pts]) => Number(pts) / 90_000,
  )
  const bytes = await readFile(bits)
  await Promise.all([bits, times].map((path) => rm(path)))
  return starts.map((at, i) => {
    const row = bytes.subarray(i * NUMBER_BITS, (i + 1) * NUMBER_BITS)
    const number = row.reduce((sum, luma, bit) => sum + (luma > 127 ? 2 ** bit : 0), 0)
    return { number, at, seconds: (starts[i + 1] ?? Number.POSITIVE_INFINITY) - at }
  })
}

function longestHeld(frames: readonly NumberedFrame[]): number {
  let since = 0
  return frames.slice(0, -1).reduce((longest, { number, at, seconds }, i) => {
    if (number !== frames[i - 1]?.number) since = at
    return Math.max(longest, at + seconds - since)
  }, 0)
}

/** A film's packets must be those of its clips, in order; a clip's last one may be left out. */
function areCopied(film: readonly string[], clips: readonly (readonly string[])[]): boolean {
  let next = 0
  for (const clip of clips) {
    const rest = film.slice(next)
    const taken = [clip.length, clip.length - 1].find((count) =>
      clip.slice(0, count).every((hash, i) => hash === rest[i]),
    )
    if (taken === undefined) return false
    next += taken
  }
  return next === film.length
}
