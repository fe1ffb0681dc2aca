import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMedia } from '../src/pipeline/media/media.ts'
import { startBrowser } from '../test/support/browser.ts'
import { ffmpeg, numbered } from '../test/support/clips.ts'
import { type ChainRecipe, firstNumber, makeChain, withTones } from '../test/support/numbered-clips.ts'
import { openFilm, playFilm, seekNumbers } from '../test/support/playback.ts'
import { highBandPeak } from '../test/support/sound.ts'
import { beepOffsets, concat, plainOrder, type Readings, readFilm } from './readings.ts'

/**
 * Whether the join is right, beside ffmpeg's concat: ten clips for 24 and 30 frames a second, with and without B-frames, one GOP and GOPs
 * of 2 s, 720p and 1080p; and 2, 10 and 100 clips of one kind. `--browser` plays two of the films in Chromium instead. `--quick`: few and
 * small clips. Exits with 1 where a limit is broken.
 */
const quick = process.argv.includes('--quick')
const inBrowser = process.argv.includes('--browser')

/** Milliseconds: half an AAC packet, and what a beep's end is heard to. dBFS. Frames' time: one, and what a clock of 10 kHz rounds. */
const LIMITS = { offset: 11, highBand: -45, held: 1.02 }

/** What a clock that is looked at from outside may be wrong by, in ms. */
const BROWSER_OFFSET = 40

interface Film extends Readings {
  highBand: number
}

const folder = await mkdtemp(join(tmpdir(), 'sora-seams-'))
const { signal } = new AbortController()
type Way = readonly [name: string, make: (clips: readonly string[], film: string) => Promise<unknown>]

const media = createMedia(ffmpeg)
const ways: readonly Way[] = [
  ['join', (clips, film) => media.join(plainOrder(clips), film, signal)],
  ['concat copy', concat],
]

let broken = 0
try {
  const small = quick ? 360 : 720
  const large = quick ? 360 : 1080
  if (inBrowser) {
    await play(recipeOf(small, null, 24, false))
    await play(recipeOf(large, 2, 30, true))
  } else {
    printHead()
    for (const recipe of recipes()) await measure(recipe, [recipe.count])
    const counts = quick ? [2, 8] : [2, 10, 100]
    await measure({ ...recipeOf(small, null, 24, true), count: Math.max(...counts) }, counts)
  }
} finally {
  await rm(folder, { recursive: true })
}
console.log(broken === 0 ? '\nEvery limit is kept.' : `\n${broken} films break a limit.`)
process.exitCode = broken === 0 ? 0 : 1

function recipeOf(height: number, gop: number | null, fps: number, bFrames: boolean): ChainRecipe {
  return { count: quick ? 4 : 10, frames: 8 * fps, fps, width: (height * 16) / 9, height, bFrames, gop }
}

function recipes(): ChainRecipe[] {
  return (quick ? [360] : [720, 1080]).flatMap((height) =>
    (quick ? [null] : [null, 2]).flatMap((gop) =>
      [24, 30].flatMap((fps) => [false, true].map((bFrames) => recipeOf(height, gop, fps, bFrames))),
    ),
  )
}

/** Makes one chain and joins its first clips, as many as `counts` says. */
async function measure(recipe: ChainRecipe, counts: readonly number[]): Promise<void> {
  const clips = await makeChain(join(folder, 'clip'), recipe)
  const toned = await withTones(clips, recipe)
  const film = join(folder, 'film.mp4')
  for (const count of counts) {
    for (const [way, make] of ways) {
      await make(toned.slice(0, count), film)
      const highBand = await highBandPeak(film)
      await make(clips.slice(0, count), film)
      const read = { ...(await readFilm(film, clips.slice(0, count), recipe)), highBand }
      const kept = keepsLimits(read)
      if (way === 'join' && !kept) broken += 1
      printRow({ ...recipe, count }, way, read, kept)
    }
  }
}

function keepsLimits({ repeated, missing, swapped, held, offset, highBand, copied }: Film): boolean {
  const exact = repeated === 0 && missing === 0 && swapped === 0 && copied
  return exact && held <= LIMITS.held && offset <= LIMITS.offset && highBand < LIMITS.highBand
}

function printHead(): void {
  console.log(
    `ffmpeg ${ffmpeg.version}. Offset: a beep beside its frame, the farthest; growth: from first to last.\n`,
  )
  console.log(
    '| clips | by | repeated | missing | swapped | longest shown | offset | growth | > 3 kHz | packets | limits |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|---|---|')
}

function nameOf({ count, frames, fps, height, bFrames, gop }: ChainRecipe): string {
  const group = gop === null ? 'one GOP' : `${gop} s GOPs`
  return `${count} × ${frames / fps} s ${height}p${fps}, ${bFrames ? '' : 'no '}B-frames, ${group}`
}

function printRow(recipe: ChainRecipe, way: string, film: Film, kept: boolean): void {
  const { repeated, missing, swapped, held, offset, growth, highBand, copied } = film
  const cells = [
    nameOf(recipe),
    way,
    repeated,
    missing,
    swapped,
    `${held.toFixed(2)} frames`,
    `${offset.toFixed(1)} ms`,
    `${growth.toFixed(1)} ms`,
    `${highBand.toFixed(1)} dBFS`,
    copied ? 'copied' : 'changed',
    kept ? 'kept' : 'broken',
  ]
  console.log(`| ${cells.join(' | ')} |`)
}

/** Plays each way's film in real time, then jumps to every frame around its seams. */
async function play(recipe: ChainRecipe): Promise<void> {
  const clips = await makeChain(join(folder, 'clip'), recipe)
  const browser = await startBrowser(folder)
  console.log(`\nPlayed in Chromium: ${nameOf(recipe)}\n`)
  console.log(
    '| by | frames on the screen | at another time | offset | growth | jumps | to another frame | limits |',
  )
  console.log('|---|---|---|---|---|---|---|---|')
  try {
    for (const [way, make] of ways) {
      await make(clips, join(folder, 'film.mp4'))
      const page = await browser.open()
      await openFilm(page, 'film.mp4')
      const { frames, beeps } = await playFilm(page)
      const jumps = wantedJumps(recipe)
      const found = await seekNumbers(
        page,
        jumps.map((number) => (number + 0.5) / recipe.fps),
      )
      await page.close()
      const offsets = beepOffsets(beeps, frames, recipe)
      const misplaced = frames.filter(({ at, number }) => number !== Math.floor(at * recipe.fps + 0.01))
      const missed = found.filter((number, i) => number !== jumps[i])
      const offset = Math.max(...offsets.map(Math.abs))
      const kept = misplaced.length === 0 && missed.length === 0 && offset < BROWSER_OFFSET
      if (way === 'join' && !kept) broken += 1
      const growth = (offsets.at(-1) ?? Number.NaN) - (offsets[0] ?? Number.NaN)
      const cells = [
        way,
        frames.length,
        misplaced.length,
        ...[offset, growth].map((ms) => `${ms.toFixed(1)} ms`),
      ]
      console.log(`| ${[...cells, jumps.length, missed.length, kept ? 'kept' : 'broken'].join(' | ')} |`)
    }
  } finally {
    await browser.close()
  }
}

/** The frames around each seam. */
function wantedJumps(recipe: ChainRecipe): number[] {
  const clip = recipe.frames - 1
  const atSeam = (number: number) => Math.abs(number - Math.round(number / clip) * clip) < 5
  return numbered(0, firstNumber(recipe, recipe.count) + 1).filter(atSeam)
}
