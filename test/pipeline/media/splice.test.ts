import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JoinOrder } from '../../../src/core/ports/media.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { measureChain } from '../../support/chain.ts'
import {
  type ClipRecipe,
  clipFiles,
  decodingErrors,
  ffmpeg,
  makeClip,
  numbered,
  packetHashes,
  testFolder,
} from '../../support/clips.ts'
import { decodeSound, highBandPeak } from '../../support/sound.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal

const FRAMES = 24
const CLIPS = 4

const order: Omit<JoinOrder, 'clips'> = {
  label: { title: '', model: '', made: new Date(0), source: 'algorithmicMedia' },
  mark: null,
  crossfadeMs: 0,
  levelSound: false,
}

/** A film of clips of 2 s, each with a steady tone of its own as loud as speech can be; its sound, and its clips. */
async function filmOf(name: string, recipe: Partial<ClipRecipe>, between = FRAMES - 1) {
  const clips: string[] = []
  for (let i = 0; i < CLIPS; i++) {
    const tone = `aeval=exprs='0.5*sin(2*PI*${220 * 2 ** ((5 * i) / 12)}*t)'`
    const options = ['-af', tone, '-b:a', '192k', ...(recipe.options ?? [])]
    const clip = { numbers: numbered(i * between, FRAMES), ...recipe, options }
    clips.push(await makeClip(join(folder, `${name}-${i}.mp4`), clip))
  }
  const film = join(folder, `${name}.mp4`)
  await media.join({ ...order, clips: clipFiles(clips) }, film, never)
  return { film, clips }
}

test.for<[string, Partial<ClipRecipe>, number?]>([
  ['go on from one another', {}],
  ['are mono', { tone: { channels: 1 } }],
  ['sound at 44.1 kHz', { tone: { sampleRate: 44_100 } }],
  ['have nothing in common', {}, FRAMES],
  ['sound a little shorter than they last', { tone: { seconds: 1.97 } }, FRAMES],
  ['sound a little longer than they last', { tone: { seconds: 2.1 } }, FRAMES],
  ['sound a little before they begin', { tone: { delay: -0.03 } }],
])('nothing cracks where clips meet that %s', async ([name, recipe, between]) => {
  const { film } = await filmOf(name.replaceAll(' ', '-'), recipe, between)
  // as for a whole film: -45 dBFS above 3 kHz, where a hard cut of these tones has -28
  expect(await highBandPeak(film)).toBeLessThan(-45)
  expect(await decodingErrors(film)).toBe('')
})

test('one sound fades into the other without a hole, and all but a few packets are the clips’ own', async () => {
  const { film, clips } = await filmOf('faded', {})
  const sound = await decodeSound(film)
  const loudest = (from: number, to: number) =>
    sound.subarray(from, to).reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)
  // 5 ms are longer than a period of the lowest tone
  for (let at = 4800; at < sound.length - 4800; at += 240) {
    expect(loudest(at, at + 240)).toBeGreaterThan(0.2)
    expect(loudest(at, at + 240)).toBeLessThan(0.8)
  }
  const own = new Set((await Promise.all(clips.map((clip) => packetHashes(clip, 'a')))).flat())
  const anew = (await packetHashes(film, 'a')).filter((hash) => !own.has(hash))
  expect(anew.length).toBeGreaterThan(0)
  expect(anew.length).toBeLessThanOrEqual((CLIPS - 1) * 5)
})

test('a film of the same clips is the same to the byte', async () => {
  const [first, second] = [await filmOf('twice-a', {}), await filmOf('twice-b', {})]
  expect((await readFile(first.film)).equals(await readFile(second.film))).toBe(true)
})

test('clips that came one after the other are joined without decoding or encoding anything, to the same film', async () => {
  const { film, clips } = await filmOf('afterwards', {})
  const measures = await measureChain(media, clips)
  const idle = createMedia({ ...ffmpeg, run: () => Promise.reject(new Error('ffmpeg was started')) })
  const joined = join(folder, 'as-they-came.mp4')
  await idle.join({ ...order, clips: clipFiles(clips), measures }, joined, never)
  expect((await readFile(joined)).equals(await readFile(film))).toBe(true)
})
