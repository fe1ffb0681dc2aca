import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ClipMeasures } from '../../../src/core/clip-measures.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import {
  clipFiles,
  ffmpeg,
  makeClip,
  numbered,
  packetHashes,
  testFolder,
  UNMEASURED,
} from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal

/** Clips of one second whose tones are made this much quieter or louder, in dB. */
function chain(name: string, gains: readonly number[]): Promise<string[]> {
  return Promise.all(
    gains.map((gain, i) =>
      makeClip(join(folder, `${name}-${i}.mp4`), {
        numbers: numbered(i * 11, 12),
        options: ['-af', `volume=${gain}dB`],
      }),
    ),
  )
}

async function joined(
  name: string,
  clips: readonly string[],
  levelSound: boolean,
  measures: readonly ClipMeasures[] = [],
) {
  const film = join(folder, `${name}.mp4`)
  const label = { title: '', model: 'local', made: new Date(0), source: 'algorithmicMedia' } as const
  const order = { clips: clipFiles(clips), label, mark: null, crossfadeMs: 0, levelSound, measures }
  const { encoded } = await media.join(order, film, never)
  const seconds = clips.map((_, i) => (i * 11) / 12 + 0.1)
  return { film, encoded, levels: await Promise.all(seconds.map((from) => levelAt(film, from))) }
}

/** The mean level in dBFS of 0.7 s from here on. */
async function levelAt(film: string, from: number): Promise<number> {
  const options = ['-vn', '-af', `atrim=start=${from}:end=${from + 0.7},volumedetect`]
  const { stderr } = await ffmpeg.run({ inputs: [{ source: film }], options, output: null })
  return Number(/mean_volume: (\S+) dB/.exec(stderr)?.[1])
}

test('clips that are nearly as loud as each other keep their sound, packet by packet, but for where they meet', async () => {
  const clips = await chain('even', [0, -2, 0])
  const { film, encoded } = await joined('even', clips, false)
  expect(encoded).toEqual({ picture: [], sound: [] })
  const kept = new Set((await Promise.all(clips.map((clip) => packetHashes(clip, 'a')))).flat())
  const anew = (await packetHashes(film, 'a')).filter((hash) => !kept.has(hash))
  expect(anew.length).toBeLessThanOrEqual(2 * 5)
})

test('a jump of loudness is evened out, and only the clip that jumped is encoded anew', async () => {
  const clips = await chain('jump', [0, -9, 0])
  const { film, encoded, levels } = await joined('jump', clips, false)
  expect(encoded).toEqual({ picture: [], sound: [2] })
  expect(Math.max(...levels) - Math.min(...levels)).toBeLessThan(1)
  const [before] = await Promise.all(clips.map((clip) => packetHashes(clip, 'v')))
  expect((await packetHashes(film, 'v')).slice(0, 11)).toEqual(before?.slice(0, -1))
})

test('a clip that is as good as silent is not raised to noise', async () => {
  const clips = await chain('hush', [0, -45, 0])
  const { encoded, levels } = await joined('hush', clips, false)
  expect(encoded.sound).toEqual([])
  expect(levels[1]).toBeLessThan((levels[0] ?? 0) - 30)
})

test('a quiet clip that could not be louder without distortion is left as it is, not made quieter still', async () => {
  const clips = await chain('knock', [0, -9, 0])
  const continuation = { repeats: true, ssim: 1, colour: 0 }
  const measures = [
    { lufs: -20, peak: -6 },
    { lufs: -30, peak: 0 },
    { lufs: -20, peak: -6 },
  ].map((loudness, i) => ({ ...UNMEASURED, loudness, continuation: i === 0 ? null : continuation }))
  const { encoded } = await joined('knocked', clips, false, measures)
  expect(encoded.sound).toEqual([])
})

test('with level sound all clips are equally loud, and none is louder than it can be without distortion', async () => {
  const clips = await chain('level', [-2, 1, 0])
  const { encoded, levels } = await joined('level', clips, true)
  expect(encoded.sound).toEqual([1, 2, 3])
  expect(Math.max(...levels) - Math.min(...levels)).toBeLessThan(1)
  const loud = await chain('loud', [17.5, 17.5])
  const { film } = await joined('loud', loud, true)
  const { stderr } = await ffmpeg.run({
    inputs: [{ source: film }],
    options: ['-vn', '-af', 'volumedetect'],
    output: null,
  })
  expect(Number(/max_volume: (\S+) dB/.exec(stderr)?.[1])).toBeLessThan(0)
})
