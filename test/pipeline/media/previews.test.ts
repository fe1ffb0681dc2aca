import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { FilmLabel } from '../../../src/core/ports/media.ts'
import { filmFile } from '../../../src/pipeline/media/clip-file.ts'
import { readImageHeader } from '../../../src/pipeline/media/image-header.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { createPreviews } from '../../../src/pipeline/media/previews.ts'
import { B_FRAMES, ffmpeg, makeClip, numbered, testFolder } from '../../support/clips.ts'
import { filmFacts, likenessOfPictures } from '../../support/film.ts'

vi.setConfig({ testTimeout: 60_000 })

const folder = await testFolder()
const media = createMedia(ffmpeg)
const previews = createPreviews(ffmpeg)
const never = new AbortController().signal
const label: FilmLabel = {
  title: 'A fox',
  model: 'Wan 2.7',
  made: new Date('2026-11-01T10:00:00Z'),
  source: 'trainedAlgorithmicMedia',
}

/** Makes a film of half a second of each of ffmpeg's sources. */
async function makeFilm(name: string, sources: readonly string[]): Promise<string> {
  const film = join(folder, name)
  const parts = sources.map((source, i) => `${source},trim=duration=0.5[${i}]`)
  const all = `${sources.map((_, i) => `[${i}]`).join('')}concat=n=${sources.length},format=yuv420p[out]`
  const sound = `sine=frequency=440:sample_rate=48000:duration=${sources.length / 2}`
  await ffmpeg.run({
    inputs: [{ source: sound, options: ['-f', 'lavfi'] }],
    filter: [...parts, all].join(';'),
    options: [
      '-map',
      '[out]',
      '-map',
      '0:a',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-crf',
      '16',
      '-c:a',
      'aac',
    ],
    output: film,
  })
  return film
}

const BARS = 'smptehdbars=s=640x360:r=12'

test('the poster is the sharp frame among black, blurred and empty ones, in the colours that a browser shows', async () => {
  const empty = ['color=black:s=640x360:r=12', 'color=white:s=640x360:r=12']
  const film = await makeFilm('poster.mp4', [...empty, `${BARS},gblur=sigma=20`, ...empty, BARS])
  const jpg = join(folder, 'poster.jpg')
  await previews.poster(film, jpg, never)
  const sharp = join(folder, 'sharp.png')
  await media.lastFrame(filmFile(film), sharp, never)
  expect(await likenessOfPictures(jpg, sharp)).toBeGreaterThan(38)
})

test('a still is a last frame, small and whole, in the same colours', async () => {
  const png = join(folder, 'tall.png')
  const source = { source: 'smptehdbars=s=720x1280', options: ['-f', 'lavfi'] }
  await ffmpeg.run({ inputs: [source], options: ['-frames:v', '1'], output: png })
  const jpg = join(folder, 'tall.jpg')
  await previews.still(png, jpg, never)
  expect(readImageHeader(await readFile(jpg))).toMatchObject({ format: 'jpeg', width: 360, height: 640 })
  expect((await stat(jpg)).size).toBeLessThan(60_000)
  expect(await likenessOfPictures(jpg, png)).toBeGreaterThan(30)
})

test('the contact sheet has a row for each segment, of four frames each', async () => {
  const film = await makeClip(join(folder, 'sheet.mp4'), { numbers: numbered(0, 48), options: B_FRAMES })
  const jpg = join(folder, 'sheet.jpg')
  await previews.contactSheet(film, jpg, [0, 1, 3], never)
  const [width, height] = [4 * 320 + 5 * 8, 3 * 180 + 4 * 8]
  const raw = join(folder, 'sheet.raw')
  const { stderr } = await ffmpeg.run({
    inputs: [{ source: jpg }],
    options: ['-pix_fmt', 'gray', '-c:v', 'rawvideo'],
    output: raw,
  })
  expect(stderr).toContain(`${width}x${height}`)
  const levels = await readFile(raw)
  const numberAt = (row: number, column: number) => {
    const level = levels[(8 + 90 + row * 188) * width + 8 + 160 + column * 328] ?? 0
    return Math.round(((level * 219) / 255 + 16 - 20) / 8)
  }
  const shown = [0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => numberAt(row, column)))
  expect(shown).toEqual([
    [1, 4, 7, 10],
    [15, 21, 27 - 26, 33 - 26],
    [37 - 26, 40 - 26, 43 - 26, 46 - 26],
  ])
})

test('the silent preview is six seconds of moments from the whole film, as an animated WebP of 480 pixels', async () => {
  // each second of the film has one brightness of its own
  const numbers = numbered(0, 144).map((n) => Math.floor(n / 12))
  const film = await makeClip(join(folder, 'preview.mp4'), { numbers, width: 640, height: 360 })
  const webp = join(folder, 'preview.webp')
  await previews.preview(film, webp, never)
  const { width, height, moments, loops } = readWebp(await readFile(webp))
  expect({ width, height, loops }).toEqual({ width: 480, height: 270, loops: 0 })
  expect(moments.reduce((sum, milliseconds) => sum + milliseconds, 0)).toBeCloseTo(6000, -2)
  // equal frames are one: a moment of a second lies in two seconds of the film
  expect(moments.length).toBeGreaterThanOrEqual(12)
  expect((await stat(webp)).size).toBeLessThan(50_000)
})

test('a smaller version has all pictures and the sound in fewer bytes than the limit, and the film’s colours and label', async () => {
  const film = await makeFilm('large.mp4', Array(4).fill(`${BARS},noise=alls=10:allf=t`))
  const maxBytes = 40_000
  expect((await stat(film)).size).toBeGreaterThan(10 * maxBytes)
  const mp4 = join(folder, 'smaller.mp4')
  await previews.smaller(film, mp4, { maxBytes, label }, never)

  const { size } = await stat(mp4)
  expect(size).toBeLessThanOrEqual(maxBytes)
  expect(size).toBeGreaterThan(maxBytes / 2)
  const { errors, frames, soundSeconds, head } = await filmFacts(mp4)
  expect({ errors, frames }).toEqual({ errors: '', frames: 24 })
  expect(soundSeconds).toBeCloseTo(2, 1)
  expect(head).toMatch(/Video: h264.* 426x240/)
  expect(head).toMatch(/comment +: AI-generated \(Wan 2\.7\)/)
  expect(await readFile(mp4, 'latin1')).toContain('/digitalsourcetype/trainedAlgorithmicMedia')
  const [before, after] = [join(folder, 'before.png'), join(folder, 'after.png')]
  await media.lastFrame(filmFile(film), before, never)
  await media.lastFrame(filmFile(mp4), after, never)
  expect(await likenessOfPictures(before, after)).toBeGreaterThan(30)

  // what is small enough is left as it is
  const same = join(folder, 'same.mp4')
  await previews.smaller(mp4, same, { maxBytes, label }, never)
  expect((await readFile(same)).equals(await readFile(mp4))).toBe(true)
})

test('a limit that would leave nothing worth looking at is refused, with the size that is needed', async () => {
  const film = await makeFilm('long.mp4', Array(4).fill(`${BARS},noise=alls=10:allf=t`))
  const mp4 = join(folder, 'refused.mp4')
  const refused = previews.smaller(film, mp4, { maxBytes: 5000, label }, never)
  await expect(refused).rejects.toMatchObject({
    detail: { code: 'size_unreachable', data: { given: 5000, least: expect.any(Number) } },
  })
  expect((await readdir(folder)).filter((name) => name.startsWith('refused'))).toEqual([])
})

/** What an animated WebP says of itself. `moments`: how long each of its frames is shown, in ms. */
function readWebp(file: Buffer) {
  const tag = (at: number) => file.toString('latin1', at, at + 4)
  expect([tag(0), tag(8), tag(12)]).toEqual(['RIFF', 'WEBP', 'VP8X'])
  const moments: number[] = []
  let loops = -1
  for (let at = 12; at < file.length; ) {
    const size = file.readUInt32LE(at + 4)
    if (tag(at) === 'ANIM') loops = file.readUInt16LE(at + 12)
    if (tag(at) === 'ANMF') moments.push(file.readUIntLE(at + 20, 3))
    at += 8 + size + (size % 2)
  }
  return { width: file.readUIntLE(24, 3) + 1, height: file.readUIntLE(27, 3) + 1, moments, loops }
}
