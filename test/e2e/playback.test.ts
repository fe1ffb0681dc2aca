import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createMedia } from '../../src/pipeline/media/media.ts'
import { startBrowser } from '../support/browser.ts'
import { clipFiles, ffmpeg, numbered, testFolder } from '../support/clips.ts'
import { beepTimes, type ChainRecipe, firstNumber, makeChain } from '../support/numbered-clips.ts'
import { decodedBeeps, openFilm, playFilm, seekNumbers } from '../support/playback.ts'

const FPS = 24
const RECIPE: ChainRecipe = {
  count: 10,
  frames: FPS,
  fps: FPS,
  width: 640,
  height: 360,
  bFrames: false,
  gop: null,
}

/** Sound is cut between packets of 21.3 ms, so at most half of one away from the picture's cut; and 0.3 ms to tell a beep's end. */
const SPLICE_SECONDS = 0.011

/** What a clock that is looked at from outside may be wrong by, in seconds. */
const CLOCK_SECONDS = 0.04

/** The film's ten seconds can't be hurried, and a busy machine takes its time for all around them. */
const PATIENCE_MS = 180_000

const folder = await testFolder()
const browser = await startBrowser(folder)
afterAll(() => browser.close())

/** Joins ten clips of a second and opens the film in a page. */
async function openJoined(bFrames: boolean) {
  const recipe = { ...RECIPE, bFrames }
  const name = `film-${bFrames}.mp4`
  const clips = await makeChain(join(folder, `clip-${bFrames}`), recipe)
  const made = new Date('2026-11-01T10:00:00Z')
  const label = { title: 'Film', model: 'local', made, source: 'algorithmicMedia' } as const
  const order = { clips: clipFiles(clips), label, mark: null, crossfadeMs: 0, levelSound: false }
  await createMedia(ffmpeg).join(order, join(folder, name), new AbortController().signal)
  const page = await browser.open()
  await openFilm(page, name)
  return { page, name, beeps: beepTimes(recipe), frames: firstNumber(recipe, RECIPE.count) + 1 }
}

/** How far the beeps are from their places, in seconds. */
function offsets(heard: readonly number[], expected: readonly number[]): number[] {
  return heard.map((time, i) => time - (expected[i] ?? Number.NaN))
}

// both at the same time: a film plays no faster than it lasts
describe.concurrent.each([
  { kind: 'without B-frames', bFrames: false },
  { kind: 'with B-frames', bFrames: true },
])('in a browser, a film of ten clips $kind', ({ bFrames }) => {
  test(
    'plays every frame in its time and its sound in step, and jumps to any frame',
    async () => {
      const { page, name, beeps, frames } = await openJoined(bFrames)

      const decoded = offsets(await decodedBeeps(page, name), beeps)
      expect(decoded).toHaveLength(beeps.length)
      expect(Math.max(...decoded.map(Math.abs))).toBeLessThan(SPLICE_SECONDS)

      const played = await playFilm(page)
      const heard = offsets(played.beeps, beeps)
      expect(heard).toHaveLength(beeps.length)
      expect(Math.max(...heard.map(Math.abs))).toBeLessThan(CLOCK_SECONDS)

      // A busy machine leaves frames out; whatever it shows must be right for its time.
      const numbers = played.frames.map((frame) => frame.number)
      expect(numbers).toEqual(played.frames.map(({ at }) => Math.floor(at * FPS + 0.01)))
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))

      const seam = (number: number) => Math.abs(number - Math.round(number / (FPS - 1)) * (FPS - 1)) < 2
      const wanted = numbered(0, frames).filter((number) => seam(number) || !numbers.includes(number))
      const middles = wanted.map((number) => (number + 0.5) / FPS)
      expect(await seekNumbers(page, middles)).toEqual(wanted)
    },
    PATIENCE_MS,
  )
})
