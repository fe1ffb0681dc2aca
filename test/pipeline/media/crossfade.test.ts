import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JoinOrder } from '../../../src/core/ports/media.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import {
  asShown,
  B_FRAMES,
  clipFiles,
  decodingErrors,
  ffmpeg,
  makeClip,
  numbered,
  packetHashes,
  shownNumbers,
  testFolder,
} from '../../support/clips.ts'
import { decodeSound } from '../../support/sound.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const FPS = 12

/** Clips of 36 frames (3 s): 0–35, 36–71, … Each number differs from its neighbours by 8 levels of brightness. */
function chain(name: string, count: number, options: readonly string[]): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      makeClip(join(folder, `${name}-${i}.mp4`), { numbers: numbered(i * 36, 36), options }),
    ),
  )
}

async function dissolved(name: string, clips: readonly string[], crossfadeMs: number) {
  const film = join(folder, `${name}.mp4`)
  const label = { title: '', model: 'local', made: new Date(0), source: 'algorithmicMedia' } as const
  const order: JoinOrder = { clips: clipFiles(clips), label, mark: null, crossfadeMs, levelSound: false }
  const report = await media.join(order, film, never)
  expect(await decodingErrors(film)).toBe('')
  const info = await media.probe(film)
  expect(info.seconds).toBeCloseTo(report.seconds, 6)
  expect(Math.abs((info.audioSeconds ?? 0) - info.seconds)).toBeLessThan(0.001)
  return { film, report, shown: await shownNumbers(film) }
}

/** Frames that half a second takes. */
const OVERLAP = 6

test.each([
  ['without B-frames', ['-g', '12']],
  ['with B-frames', ['-x264-params', 'bframes=3:b-adapt=0:scenecut=0:keyint=12:open-gop=0']],
])('a dissolve of clips %s encodes only the seconds around it and copies the rest', async (name, options) => {
  const clips = await chain(name, 3, options)
  const { film, report, shown } = await dissolved(name, clips, 500)
  expect(shown).toHaveLength(3 * 36 - 2 * OVERLAP)
  expect(report.encoded).toEqual({ picture: [], sound: [] })
  const alone = (from: number, to: number) => shown.slice(from, to)
  expect(alone(0, 30)).toEqual(asShown(numbered(0, 30)))
  expect(alone(36, 60)).toEqual(asShown(numbered(36 + OVERLAP, 24)))
  expect(alone(66, 96)).toEqual(asShown(numbered(72 + OVERLAP, 30)))
  const kept = new Set(await packetHashes(film, 'v'))
  const copied = await Promise.all(
    clips.map(async (clip) => (await packetHashes(clip, 'v')).filter((hash) => kept.has(hash)).length),
  )
  // of the second clip, what lies between its second sync sample and the second dissolve
  for (const [i, least] of [24, 12, 24].entries()) expect(copied[i]).toBeGreaterThanOrEqual(least)
  expect(report.seams.map(({ at }) => at)).toEqual([33 / FPS, 63 / FPS])
})

test('within a dissolve one picture gives way to the next, step by step', async () => {
  const dark = await makeClip(join(folder, 'dark.mp4'), { numbers: Array(12).fill(0) })
  const bright = await makeClip(join(folder, 'bright.mp4'), { numbers: Array(12).fill(24) })
  const { shown } = await dissolved('steps', [dark, bright], 400)
  // 0 and 24 stand for brightnesses 192 levels apart: five frames lie evenly between them
  expect(shown).toEqual([...Array(7).fill(0), 4, 8, 12, 16, 20, ...Array(7).fill(24)])
})

test('clips without a place to go on from are encoded whole, and the report says so', async () => {
  const clips = await chain('one-gop', 3, B_FRAMES)
  const { report, shown } = await dissolved('one-gop', clips, 500)
  expect(shown).toHaveLength(3 * 36 - 2 * OVERLAP)
  expect(report.encoded.picture).toEqual([2, 3])
})

test('a dissolve longer than half a clip is cut to what there is', async () => {
  const short = { numbers: numbered(0, 9) }
  const clips = await Promise.all([0, 1, 2].map((i) => makeClip(join(folder, `short-${i}.mp4`), short)))
  const { shown } = await dissolved('short', clips, 2000)
  expect(shown).toHaveLength(3 * 9 - 2 * 4)
})

test('sound dissolves with the picture, and a clip without any fades to silence', async () => {
  const loud = await makeClip(join(folder, 'loud.mp4'), { numbers: numbered(0, 36) })
  const mute = await makeClip(join(folder, 'mute.mp4'), { numbers: numbered(36, 36), tone: null })
  const { film } = await dissolved('fade', [loud, mute], 1000)
  const { stderr } = await ffmpeg.run({
    inputs: [{ source: film }],
    options: ['-vn', '-af', 'silencedetect=noise=-50dB:d=0.2'],
    output: null,
  })
  const silent = Number(/silence_start: (\S+)/.exec(stderr)?.[1])
  expect(silent).toBeGreaterThan(2.7)
  expect(silent).toBeLessThan(3.1)
})

test.each([
  ['later than', 0.08],
  ['earlier than', -0.08],
])('sound that starts %s its picture is in step with it where clips dissolve, too', async (name, delay) => {
  // Each clip is silent for its first 0.75 s, and sounds until 1.5 s.
  const sounding = "aeval=exprs='val(0)*between(t,0.75,1.5)':c=same"
  const recipe = { tone: { delay }, options: ['-af', sounding, '-g', '12'] }
  const clips = await Promise.all(
    [0, 1, 2].map((i) =>
      makeClip(join(folder, `${name}-${i}.mp4`), { numbers: numbered(i * 36, 36), ...recipe }),
    ),
  )
  const { film } = await dissolved(`step-${delay}`, clips, 500)
  const pcm = await decodeSound(film)
  for (const start of [0, 2.5, 5]) {
    const heard = Math.round((start + 0.1) * 48_000)
    const tone = pcm.subarray(heard).findIndex((sample) => Math.abs(sample) > 0.05)
    expect(Math.abs((heard + tone) / 48_000 - start - 0.75)).toBeLessThan(0.0125)
  }
})
