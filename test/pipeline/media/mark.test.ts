import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MARK_SECONDS, markFilter } from '../../../src/pipeline/media/join/mark.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import {
  asShown,
  clipFiles,
  decodingErrors,
  ffmpeg,
  makeClip,
  numbered,
  packetHashes,
  shownNumbers,
  testFolder,
} from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const FPS = 4
const GREY = 13 // as a frame's number: a luma of 124

/** The brightness of each pixel of each frame, 0..255, row by row. */
async function lumaOf(
  clip: string,
  size: { width: number; height: number },
  mark?: ReturnType<typeof markFilter>,
) {
  const output = `${clip}.${mark ? 'marked' : 'bare'}.raw`
  const raw = ['-pix_fmt', 'yuv420p', '-c:v', 'rawvideo']
  await ffmpeg.run(
    mark
      ? {
          inputs: [{ source: clip }, mark.input],
          filter: mark.filter,
          options: ['-map', '[marked]', ...raw],
          output,
        }
      : { inputs: [{ source: clip }], options: ['-map', '0:V:0', ...raw], output },
  )
  const bytes = await readFile(output)
  const pixels = size.width * size.height
  return Array.from({ length: bytes.length / (pixels * 1.5) }, (_, n) =>
    bytes.subarray(n * pixels * 1.5, n * pixels * 1.5 + pixels),
  )
}

test.each([
  ['16:9', 640, 360],
  ['9:16', 360, 640],
  ['1:1', 360, 360],
])(
  'a picture of %s carries the mark at its bottom left for three seconds and is then as it was',
  async (_, width, height) => {
    const path = join(folder, `${width}x${height}.mp4`)
    const clip = await makeClip(path, { numbers: Array(14).fill(GREY), fps: FPS, width, height, tone: null })
    const picture = { width, height, matrix: 'bt709', fps: FPS } as const
    const marked = await lumaOf(clip, { width, height }, markFilter(picture, 'trainedAlgorithmicMedia', 'ko'))
    const bare = await lumaOf(clip, { width, height })
    expect(marked).toHaveLength(bare.length)

    const changed = (n: number) =>
      [...(marked[n] ?? [])].flatMap((luma, i) =>
        luma === bare[n]?.[i] ? [] : [{ luma, x: i % width, y: Math.floor(i / width) }],
      )
    for (const frame of [0, 4, 9]) {
      const mark = changed(frame)
      expect(Math.max(...mark.map(({ luma }) => luma))).toBeGreaterThan(225)
      expect(Math.min(...mark.map(({ luma }) => luma))).toBeLessThan(70)
      expect(Math.min(...mark.map(({ x }) => x))).toBeGreaterThanOrEqual(14)
      expect(Math.max(...mark.map(({ x }) => x))).toBeLessThan(width / 2)
      expect(Math.min(...mark.map(({ y }) => y))).toBeGreaterThanOrEqual(height - 14 - 18)
      expect(Math.max(...mark.map(({ y }) => y))).toBeLessThan(height - 14)
    }
    // half faded
    const fading = changed(11).map(({ luma }) => luma)
    expect(Math.max(...fading)).toBeLessThan(210)
    expect(Math.min(...fading)).toBeGreaterThan(80)
    const gone = MARK_SECONDS * FPS
    for (const frame of [gone, gone + 1]) expect(changed(frame)).toEqual([])
  },
)

test('each language and each kind of maker has a mark of its own', async () => {
  const picture = { width: 640, height: 360, matrix: 'bt709', fps: FPS } as const
  const marks = (['ko', 'en'] as const).flatMap((locale) =>
    (['trainedAlgorithmicMedia', 'algorithmicMedia'] as const).map((source) =>
      markFilter(picture, source, locale),
    ),
  )
  const files = await Promise.all(marks.map((mark) => readFile(mark.input.source, 'base64')))
  expect(new Set(files).size).toBe(4)
})

test.each([
  ['two clips meet', 0, 60 + 23],
  ['one dissolves into the other', 500, 60 + 24 - 6],
])(
  'a film whose mark was asked for carries it, and is copied as soon as it can be, where %s',
  async (_, crossfadeMs, frames) => {
    const clips = await Promise.all(
      [numbered(0, 60), numbered(59, 24)].map((numbers, i) =>
        makeClip(join(folder, `film-${crossfadeMs}-${i}.mp4`), { numbers, options: ['-g', '12'] }),
      ),
    )
    const film = join(folder, `film-${crossfadeMs}.mp4`)
    const label = { title: '', model: 'x', made: new Date(0), source: 'trainedAlgorithmicMedia' } as const
    const order = { clips: clipFiles(clips), label, mark: 'en' as const, crossfadeMs, levelSound: false }
    const report = await media.join(order, film, new AbortController().signal)
    expect(report.encoded).toEqual({ picture: [], sound: [] })
    expect(await decodingErrors(film)).toBe('')
    const shown = await shownNumbers(film)
    expect(shown).toHaveLength(frames)
    expect(shown.slice(0, 54)).toEqual(asShown(numbered(0, 54)))
    const [first] = await Promise.all(clips.map((clip) => packetHashes(clip, 'v')))
    const kept = await packetHashes(film, 'v')
    // three seconds of twelve frames, then as it was; the sync samples 36 and 48 have parameter sets put in front of them
    expect(kept.slice(37, 48)).toEqual(first?.slice(37, 48))
    expect(kept.slice(49, 52)).toEqual(first?.slice(49, 52))
    expect(kept.slice(0, 36).filter((hash) => first?.includes(hash))).toEqual([])
    const size = { width: 320, height: 180 }
    const [marked, bare] = await Promise.all([film, clips[0] ?? ''].map((path) => lumaOf(path, size)))
    const corner = (frame: Buffer | undefined) =>
      Math.max(...(frame ?? []).filter((_, i) => i % 320 < 160 && i > 320 * 160))
    expect(corner(marked?.[12])).toBeGreaterThan(corner(bare?.[12]) + 60)
    expect(Math.abs(corner(marked?.[36]) - corner(bare?.[36]))).toBeLessThan(3)
  },
)
