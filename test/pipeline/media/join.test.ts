import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FilmLabel, JoinedFilm, JoinOrder } from '../../../src/core/ports/media.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { measureChain } from '../../support/chain.ts'
import {
  asShown,
  B_FRAMES,
  type ClipRecipe,
  clipFiles,
  decodingErrors,
  ffmpeg,
  makeClip,
  numbered,
  packetHashes,
  shownNumbers,
  testFolder,
  UNMEASURED,
} from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const label: FilmLabel = {
  title: 'Fox & <hounds>\u0007',
  model: 'local',
  made: new Date('2026-11-01T10:00:00Z'),
  source: 'trainedAlgorithmicMedia',
}

/** A chain of clips of 24 frames, each opening on the last frame of the one before: 0–23, 23–46, … */
function chain(name: string, recipes: readonly Partial<ClipRecipe>[]): Promise<string[]> {
  return Promise.all(
    recipes.map((recipe, i) =>
      makeClip(join(folder, `${name}-${i}.mp4`), { numbers: numbered(i * 23, 24), ...recipe }),
    ),
  )
}

function orderOf(clips: readonly string[], wishes: Partial<JoinOrder> = {}): JoinOrder {
  return { clips: clipFiles(clips), label, mark: null, crossfadeMs: 0, levelSound: false, ...wishes }
}

async function joined(name: string, clips: readonly string[], wishes: Partial<JoinOrder> = {}) {
  const film = join(folder, `${name}.mp4`)
  const report = await media.join(orderOf(clips, wishes), film, never)
  const info = await media.probe(film)
  expect(info.seconds).toBeCloseTo(report.seconds, 6)
  return { film, info, report }
}

test('a film of three clips shows each frame once and copies every packet as it is', async () => {
  const clips = await chain('plain', [{}, {}, {}])
  const { film, info } = await joined('plain', clips)
  expect(await shownNumbers(film)).toEqual(asShown(numbered(0, 70)))
  expect(await decodingErrors(film)).toBe('')
  const sources = await Promise.all(clips.map((clip) => packetHashes(clip, 'v')))
  const kept = sources.flatMap((hashes, i) => (i < 2 ? hashes.slice(0, -1) : hashes))
  expect(await packetHashes(film, 'v')).toEqual(kept)
  expect(info).toMatchObject({ width: 320, height: 180, fps: 12 })
  expect(info.seconds).toBeCloseTo(70 / 12, 6)
})

test('a film of clips that were measured when they came is the one of clips that were not', async () => {
  const clips = [
    ...(await chain('known', [{ options: B_FRAMES }, { width: 160, height: 90 }])),
    await makeClip(join(folder, 'known-cut.mp4'), { numbers: numbered(60, 12) }),
  ]
  const measures = await measureChain(media, clips)
  const measured = await joined('measured', clips, { measures })
  const plain = await joined('not-measured', clips)
  expect(factsOf(measured.report)).toEqual(factsOf(plain.report))
  expect(measured.report.seams.map(({ repeats }) => repeats)).toEqual([true, false])
  expect(await readFile(measured.film)).toEqual(await readFile(plain.film))
})

/** What a join reports, but for where its files lie. */
function factsOf({ seconds, seams, encoded }: JoinedFilm) {
  return { seconds, seams, encoded }
}

test('nothing of clips that were measured when they came is decoded again', async () => {
  const clips = await chain('told', [{}, {}])
  const continuation = { repeats: false, ssim: 0.25, colour: 77 }
  const loudness = { lufs: -20, peak: -3 }
  const measures = [
    { ...UNMEASURED, loudness },
    { ...UNMEASURED, loudness, continuation },
  ]
  const { report, info } = await joined('told', clips, { measures })
  expect(report.seams).toMatchObject([continuation])
  expect(info.seconds).toBeCloseTo(48 / 12, 6)
})

test('clips with B-frames make a film without a repeated or a missing frame', async () => {
  const clips = await chain('b', [{ options: B_FRAMES }, { options: B_FRAMES }, {}, { options: B_FRAMES }])
  const { film, info } = await joined('b', clips)
  expect(await shownNumbers(film)).toEqual(asShown(numbered(0, 93)))
  expect(await decodingErrors(film)).toBe('')
  expect(info.seconds).toBeCloseTo(93 / 12, 6)
})

test('clips that do not go on from one another keep all their frames', async () => {
  const clips = await chain('cuts', [{ numbers: numbered(0, 12) }, { numbers: numbered(20, 12) }])
  const { film } = await joined('cuts', clips)
  expect(await shownNumbers(film)).toEqual(asShown([...numbered(0, 12), ...numbered(20, 12)]))
})

test.each([2, 10])('sound and picture of %i clips end together', async (count) => {
  const clips = await chain(`length${count}`, Array<Partial<ClipRecipe>>(count).fill({}))
  const { info } = await joined(`length${count}`, clips)
  expect(info.seconds).toBeCloseTo((count * 23 + 1) / 12, 3)
  expect(info.audioSeconds).toBeCloseTo(info.seconds, 3)
})

test('sound stays in step with the picture to the end of ten clips', async () => {
  // Each clip's tone starts half way through it: the film must be loud where the picture's second half is.
  const half = ['-af', "aeval=exprs='val(0)*gt(t,1)':c=same"]
  const clips = await chain('drift', Array<Partial<ClipRecipe>>(10).fill({ options: half }))
  const { film, report } = await joined('drift', clips)
  for (const { soundOffsetMs } of report.seams) expect(Math.abs(soundOffsetMs)).toBeLessThan(10.7)
  for (const seconds of await lateness(film, 10)) expect(Math.abs(seconds)).toBeLessThan(0.0125)
})

test.each([
  ['later', 0.08],
  ['much later', 0.3],
  ['earlier', -0.08],
])('sound that starts %s than its picture does so in every clip of the film', async (name, delay) => {
  const half = ['-af', "aeval=exprs='val(0)*gt(t,1)':c=same"]
  const clips = await chain(
    `start-${name}`,
    Array<Partial<ClipRecipe>>(4).fill({ options: half, tone: { delay } }),
  )
  const late = await lateness((await joined(`start-${name}`, clips)).film, 4)
  for (const seconds of late) expect(Math.abs(seconds)).toBeLessThan(0.0125)
})

test('a chain of unlike clips becomes one film in the format of the first', async () => {
  const clips = await chain('mixed', [
    { fps: 24 },
    { fps: 24, width: 640, height: 360 },
    { fps: 24, width: 160, height: 90 },
    { fps: 24, tone: null },
    { fps: 24, tone: { seconds: 1.6 } },
    { fps: 24, tone: { seconds: 0.4 } },
    { fps: 24, options: ['-video_track_timescale', '90000'] },
    { fps: 24, options: ['-c:v', 'libx265', '-x265-params', 'log-level=error'] },
    { fps: 24, options: ['-c:v', 'mpeg4', '-q:v', '2'] },
    { fps: 24, options: ['-movflags', '+frag_keyframe+delay_moov'] },
    { fps: 24, tone: { sampleRate: 44_100, channels: 1 } },
    { fps: 24, options: ['-pix_fmt', 'yuv444p'] },
    { fps: 24, options: ['-profile:v', 'main', ...B_FRAMES] },
  ])
  const { film, info, report } = await joined('mixed', clips)
  expect(await decodingErrors(film)).toBe('')
  expect(await shownNumbers(film, { fps: 24 })).toEqual(asShown(numbered(0, 300)))
  expect(info).toMatchObject({ width: 320, height: 180, fps: 24 })
  expect(info.audioSeconds).toBeCloseTo(info.seconds, 3)
  for (const { repeats, ssim, colour } of report.seams) {
    expect(repeats).toBe(true)
    expect(ssim).toBeGreaterThan(0.98)
    expect(colour).toBeLessThan(2)
  }
  for (const { soundOffsetMs } of report.seams) expect(Math.abs(soundOffsetMs)).toBeLessThan(10.7)
})

test('sound of a rate at which packets are long is brought to 48 kHz: it is as near to its picture as any', async () => {
  const clips = await chain('slow', Array<Partial<ClipRecipe>>(4).fill({ tone: { sampleRate: 16_000 } }))
  const { film, report } = await joined('slow', clips)
  for (const { soundOffsetMs } of report.seams) expect(Math.abs(soundOffsetMs)).toBeLessThan(10.7)
  expect(report.encoded).toEqual({ picture: [], sound: [1, 2, 3, 4] })
  expect(await decodingErrors(film)).toBe('')
})

test('what had to be encoded before it could be joined is told of', async () => {
  const clips = await chain('told-of', [
    {},
    { options: ['-c:v', 'mpeg4', '-c:a', 'libmp3lame', '-f', 'avi'] },
  ])
  const { report } = await joined('told-of', clips)
  expect(report.encoded).toEqual({ picture: [2], sound: [2] })
})

test('a clip of 30 frames a second among 24 keeps its length', async () => {
  const clips = await chain('rates', [
    { fps: 24 },
    { fps: 30, numbers: numbered(23, 30) },
    { fps: 24, numbers: numbered(52, 24) },
  ])
  const { film, info } = await joined('rates', clips)
  expect(await decodingErrors(film)).toBe('')
  expect(Math.abs(info.seconds - (1 + 1 + 1 - 2 / 24))).toBeLessThan(0.045)
})

test('in a film of unlike clips each is heard where it is seen', async () => {
  // silent for a quarter of a second, then a tone to the end
  const quarter = ['-af', "aeval=exprs='val(0)*gt(t,0.25)':c=same"]
  const recipes: Partial<ClipRecipe>[] = [
    {},
    { width: 160, height: 90 },
    { options: ['-c:v', 'mpeg4', '-c:a', 'libmp3lame'] },
    { options: ['-movflags', '+frag_keyframe+delay_moov'] },
    { tone: { sampleRate: 44_100, channels: 1 } },
    { tone: null },
    { tone: { delay: 0.08 }, options: B_FRAMES },
    { tone: { seconds: 0.8 } },
    {},
  ]
  const toned = recipes.map(({ tone, options = [], ...recipe }) => {
    const heard = tone === null ? [] : quarter
    return { ...recipe, fps: 24, options: [...heard, ...options], ...(tone === undefined ? {} : { tone }) }
  })
  const { film } = await joined('heard', await chain('heard', toned))
  const pcm = await decodeSound(film)
  const peak = (from: number, to: number) =>
    pcm
      .subarray(from * 48_000, to * 48_000)
      .reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0)
  for (const [i, { tone }] of recipes.entries()) {
    const start = (i * 23) / 24
    const sounds = start + 0.25
    if (tone === null) {
      expect(peak(start + 0.05, start + 0.9)).toBeLessThan(0.01)
      continue
    }
    expect(Math.abs(firstLoud(pcm, start + 0.05) - sounds)).toBeLessThan(0.0125)
    const end = start + (tone?.seconds ?? 23 / 24)
    // no hole in it; 10 ms are four of its periods
    for (let at = sounds + 0.02; at < end - 0.05; at += 0.01)
      expect(peak(at, at + 0.01)).toBeGreaterThan(0.08)
    if (end < start + 0.9) expect(peak(end + 0.05, start + 0.93)).toBeLessThan(0.01)
  }
})

test('a film says how its colours are meant: as its clips say, and BT.601 if they say nothing', async () => {
  const tags = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709']
  const tagged = { options: [...tags, '-color_range', 'tv', '-movflags', '+write_colr'] }
  const { film } = await joined('tagged', await chain('tagged', [tagged, tagged]))
  const bytes = await readFile(film)
  const at = bytes.indexOf('colrnclx')
  expect([...bytes.subarray(at + 8, at + 15)]).toEqual([0, 1, 0, 1, 0, 1, 0])
  // nothing said means BT.601, whatever a browser makes of 720 lines
  for (const recipe of [{}, { width: 1280, height: 720 }]) {
    const name = `untagged-${recipe.width ?? ''}`
    const { film: plain, report } = await joined(name, await chain(name, [recipe, recipe]))
    const untagged = await readFile(plain)
    const place = untagged.indexOf('colrnclx')
    expect([...untagged.subarray(place + 8, place + 15)]).toEqual([0, 1, 0, 1, 0, 6, 0])
    expect(report.encoded.picture).toEqual([])
  }
})

test('clips whose clock is too fine for a film of their length are joined all the same', async () => {
  const fine = { options: ['-video_track_timescale', '1000000000'] }
  const clips = await chain('fine', [fine, fine, {}])
  const { film, info, report } = await joined('fine', clips)
  expect(report.encoded.picture).toEqual([])
  expect(await shownNumbers(film)).toEqual(asShown(numbered(0, 70)))
  expect(info.seconds).toBeCloseTo(70 / 12, 6)
})

test('clips without any sound become a film with a silent track', async () => {
  const clips = await chain('silent', [{ tone: null }, { tone: null }])
  const { film, info } = await joined('silent', clips)
  expect(await decodingErrors(film)).toBe('')
  expect((await decodeSound(film)).every((sample) => sample === 0)).toBe(true)
  expect(Math.abs((info.audioSeconds ?? 0) - info.seconds)).toBeLessThan(0.05)
})

test('sound that is shorter or longer than its picture does not push the next clip away', async () => {
  const clips = await chain('uneven', [{ tone: { seconds: 1 } }, { tone: { seconds: 3 } }, {}])
  const { film, info } = await joined('uneven', clips)
  expect(await decodingErrors(film)).toBe('')
  expect(await shownNumbers(film)).toEqual(asShown(numbered(0, 70)))
  expect(Math.abs((info.audioSeconds ?? 0) - info.seconds)).toBeLessThan(0.05)
  const pcm = await decodeSound(film)
  expect(Math.abs(firstLoud(pcm, 1.2) - 23 / 12)).toBeLessThan(0.03)
})

test('a first clip that is not H.264 sets size and rate, and the film is H.264 with AAC', async () => {
  const other = ['-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'libmp3lame']
  const clips = await chain('foreign', [{ options: other }, {}])
  const { film, info } = await joined('foreign', clips)
  expect(await shownNumbers(film)).toEqual(asShown(numbered(0, 47)))
  expect(info).toMatchObject({ width: 320, height: 180, fps: 12 })
  const { stderr } = await ffmpeg.run({ inputs: [{ source: film }], options: ['-c', 'copy'], output: null })
  expect(stderr).toMatch(/Video: h264.*yuv420p/)
  expect(stderr).toMatch(/Audio: aac \(LC\)/)
})

test('the film says what it is: title, model, day, and that a trained model made it', async () => {
  const { film } = await joined('label', await chain('label', [{}, {}]))
  const bytes = (await readFile(film)).toString('utf8')
  expect(bytes).toContain('http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia')
  expect(bytes).toContain('>Fox &#38; &#60;hounds&#62;<')
  const { stderr } = await ffmpeg.run({ inputs: [{ source: film }], options: ['-c', 'copy'], output: null })
  expect(stderr).toMatch(/title +: Fox & <hounds>$/m)
  expect(stderr).toMatch(/comment +: AI-generated \(local\)/)
  expect(stderr).toMatch(/date +: 2026-11-01/)
})

test('a join that is stopped or fails leaves nothing behind', async () => {
  const clips = await chain('stopped', [{}, {}])
  const film = join(folder, 'stopped-film.mp4')
  await expect(media.join(orderOf(clips), film, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
    'enough',
  )
  await expect(media.join(orderOf([...clips, join(folder, 'none.mp4')]), film, never)).rejects.toThrow(
    'ENOENT',
  )
  expect((await readdir(folder)).filter((name) => name.startsWith('stopped-film'))).toEqual([])
})

/** The film's sound as mono samples at 48 kHz, −1 to 1. */
async function decodeSound(film: string): Promise<Float32Array> {
  const raw = `${film}.pcm.raw`
  const options = ['-map', '0:a:0', '-ac', '1', '-ar', '48000', '-c:a', 'pcm_f32le', '-f', 'f32le']
  await ffmpeg.run({ inputs: [{ source: film }], options, output: raw })
  const bytes = await readFile(raw)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

/** How much later than the middle of each clip of 23 frames its tone begins in the film, in seconds. */
async function lateness(film: string, clips: number): Promise<number[]> {
  const pcm = await decodeSound(film)
  return Array.from({ length: clips }, (_, clip) => {
    const middle = (clip * 23) / 12 + 1
    return firstLoud(pcm, middle - 0.5) - middle
  })
}

/** The first second after `from` at which a tone sounds. */
function firstLoud(pcm: Float32Array, from: number): number {
  const start = Math.round(from * 48_000)
  return (start + pcm.subarray(start).findIndex((sample) => Math.abs(sample) > 0.05)) / 48_000
}
