import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RenderOrder, VideoModel } from '../../../src/core/ports.ts'
import { type Ffmpeg, findFfmpeg } from '../../../src/pipeline/media/ffmpeg.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { chooseClip, LOCAL_COMMENT } from '../../../src/pipeline/video/local/clip.ts'
import { createLocalModel } from '../../../src/pipeline/video/local.ts'

const never = new AbortController().signal
const EXACT = 'scale=in_color_matrix=bt601:flags=accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24'
const FRAMES = 96

let ffmpeg: Ffmpeg
let folder: string
let model: VideoModel
const clips: string[] = []
const lastFrames: string[] = []

beforeAll(async () => {
  ffmpeg = await findFfmpeg(undefined)
  folder = await mkdtemp(join(tmpdir(), 'local-'))
  model = createLocalModel({ ffmpeg, dir: queue() })
  for (let segment = 1; segment <= 2; segment += 1) {
    const order = orderOf({ key: `film:${segment}`, firstFrame: lastFrames.at(-1) ?? null })
    const clip = join(folder, `clip-${segment}.mp4`)
    const { url } = await model.wait(order, await model.submit(order), never)
    await model.download(url, clip, never)
    clips.push(clip)
    lastFrames.push(await frameOf(clip, FRAMES - 1))
  }
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a clip of the local model', () => {
  it('opens on exactly the frame it was given', async () => {
    const first = await frameOf(at(clips, 1), 0)
    expect(await ssim(first, at(lastFrames, 0))).toBeGreaterThanOrEqual(0.98)
    const [given, shown] = await Promise.all([meanColour(at(lastFrames, 0)), meanColour(first)])
    for (let c = 0; c < 3; c += 1) expect(Math.abs(at(given, c) - at(shown, c))).toBeLessThanOrEqual(1)
  })

  it('keeps the colours of a frame that is handed on three times without moving on', async () => {
    const opening = await squareOf(at(lastFrames, 0))
    const before = await meanColour(opening)
    let frame = opening
    for (let link = 1; link <= 3; link += 1) {
      const order = orderOf({ key: `still:${link}`, firstFrame: frame, aspect: '1:1' })
      const { url } = await model.wait(order, await model.submit(order), never)
      const clip = join(folder, `still-${link}.mp4`)
      await model.download(url, clip, never)
      frame = await frameOf(clip, 0)
    }
    const after = await meanColour(frame)
    for (let c = 0; c < 3; c += 1) expect(Math.abs(at(before, c) - at(after, c))).toBeLessThanOrEqual(1)
    expect(await ssim(frame, opening)).toBeGreaterThanOrEqual(0.98)
  }, 30_000)

  it('has the length, size, rate, colours and sound that were asked for', async () => {
    const { stderr } = await ffmpeg.run(
      { inputs: [{ source: at(clips, 1) }], options: ['-map', '0:v', '-c:v', 'rawvideo'], output: null },
      never,
    )
    // no tag, as with nearly every model's clips
    expect(stderr).toMatch(/Video: h264 \(High\).*yuv420p(\((tv, )?progressive\))?, 1280x720.*24 fps/)
    const info = await createMedia(ffmpeg).probe(at(clips, 1))
    expect(info).toMatchObject({ matrix: null, bFrames: true, syncFrames: 1, seconds: 4 })
    expect(stderr).toMatch(/Audio: aac \(LC\).*48000 Hz, stereo/)
    expect(stderr).toContain(LOCAL_COMMENT)
    expect(stderr).toMatch(new RegExp(`frame=\\s*${FRAMES} .*time=00:00:04\\.00`, 's'))
    const samples = join(folder, 'sound.raw')
    const options = ['-map', '0:a', '-c:a', 'pcm_s16le', '-f', 's16le']
    await ffmpeg.run({ inputs: [{ source: at(clips, 1) }], options, output: samples }, never)
    const sound = new Int16Array((await readFile(samples)).buffer)
    expect(Math.abs(sound.length / 2 - 4 * 48_000)).toBeLessThan(1024)
    const decibels =
      20 * Math.log10(Math.sqrt(sound.reduce((sum, s) => sum + s * s, 0) / sound.length) / 32768)
    expect(decibels).toBeGreaterThan(-24)
    expect(decibels).toBeLessThan(-17)
  })

  it('goes somewhere: it ends on another picture than it began, and no two end alike', async () => {
    expect(await ssim(await frameOf(at(clips, 1), 0), at(lastFrames, 1))).toBeLessThan(0.8)
    expect(await ssim(at(lastFrames, 0), at(lastFrames, 1))).toBeLessThan(0.8)
  })

  it('differs from its neighbours in scene, light and sound, and is the same for the same order', () => {
    const choices = Array.from({ length: 10 }, (_, i) =>
      chooseClip(orderOf({ key: `a-film/${i + 1}/1`, firstFrame: 'frame.png' })),
    )
    for (const [i, choice] of choices.slice(1).entries()) {
      expect(choice.kind).not.toBe(choices[i]?.kind)
      expect(choice.palette.name).not.toBe(choices[i]?.palette.name)
      expect(choice.chord).not.toBe(choices[i]?.chord)
    }
    expect(chooseClip(orderOf({ key: 'a-film/1/1', firstFrame: 'frame.png' }))).toEqual(choices[0])
  })
})

describe('the queue of the local model', () => {
  it('finds a request after a crash, and knows one that never came', async () => {
    const order = orderOf({ key: 'found:1' })
    expect(await model.find(order, never)).toBe('absent')
    const request = await model.submit(order)
    expect(await createLocalModel({ ffmpeg, dir: queue() }).find(order, never)).toEqual(request)
    expect(await model.submit(order)).toEqual(request)
  })

  it('renders once, however often it is asked', async () => {
    const order = orderOf({ key: 'once:1' })
    const request = await model.submit(order)
    const clip = join(queue(), `${request.id}.mp4`)
    await model.wait(order, request, never)
    const before = await stat(clip)
    expect(await model.wait(order, request, never)).toEqual({ url: pathToFileURL(clip).href, costUsd: 0 })
    const after = await stat(clip)
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs])
  })

  it('leaves no half a clip when it is stopped, and finishes when it is asked again', async () => {
    const order = orderOf({ key: 'stopped:1' })
    const request = await model.submit(order)
    for (const afterMs of [60, 700]) {
      const stop = new AbortController()
      setTimeout(() => stop.abort(new Error('stopped')), afterMs)
      await expect(model.wait(order, request, stop.signal)).rejects.toThrow('stopped')
      expect(await filesOf(request.id)).toEqual([`${request.id}.json`])
    }
    await model.wait(order, request, never)
    expect(await filesOf(request.id)).toEqual([`${request.id}.json`, `${request.id}.mp4`])
  }, 20_000)

  it('hands a clip over once, over what was there, and keeps nothing of it', async () => {
    const order = orderOf({ key: 'handed-over:1' })
    const request = await model.submit(order)
    const { url } = await model.wait(order, request, never)
    const path = join(folder, 'again.mp4')
    await writeFile(path, 'what was there')
    await model.download(url, path, never)
    expect((await stat(path)).size).toBeGreaterThan(100_000)
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
    expect(await filesOf(request.id)).toEqual([])
    await expect(model.download(url, path, never)).rejects.toMatchObject({ kind: 'rejected' })
  }, 20_000)

  it('hands over nothing but its own clips', async () => {
    const own = pathToFileURL(join(queue(), `local-${'0'.repeat(24)}.mp4`)).href
    const others = [
      'https://example.com/local.mp4',
      'file:///etc/passwd',
      own.replace('.mp4', '.json'),
      `${own}/../x`,
    ]
    for (const other of others) {
      await expect(model.download(other, join(folder, 'other.mp4'), never)).rejects.toMatchObject({
        kind: 'rejected',
        message: expect.stringContaining('Not a clip'),
      })
    }
  })

  it('removes everything of a request that is cancelled', async () => {
    const order = orderOf({ key: 'gone:1', firstFrame: at(lastFrames, 0) })
    const request = await model.submit(order)
    expect(await filesOf(request.id)).toHaveLength(2)
    await model.cancel(order, request)
    await model.cancel(order, request)
    expect(await filesOf(request.id)).toEqual([])
    expect(await model.find(order, never)).toBe('absent')
    await expect(model.wait(order, request, never)).rejects.toMatchObject({ kind: 'rejected' })
  })

  it('refuses a first frame that is missing, no picture, or cut off', async () => {
    const half = join(folder, 'half.png')
    const whole = await readFile(at(lastFrames, 0))
    await writeFile(half, whole.subarray(0, whole.length / 2))
    const text = join(folder, 'text.png')
    await writeFile(text, 'no picture')
    for (const firstFrame of [join(folder, 'none.png'), text, half]) {
      const order = orderOf({ key: `bad:${firstFrame}`, firstFrame })
      await expect(model.submit(order)).rejects.toMatchObject({ kind: 'rejected' })
      expect(await model.find(order, never)).toBe('absent')
    }
  })

  it('says that trying again may help when ffmpeg fails', async () => {
    const broken = createLocalModel({
      ffmpeg: { ...ffmpeg, run: () => Promise.reject(new Error('killed')) },
      dir: join(folder, 'other'),
    })
    const order = orderOf({ key: 'killed:1' })
    const request = await broken.submit(order)
    await expect(broken.wait(order, request, never)).rejects.toMatchObject({
      kind: 'transient',
      message: 'killed',
    })
  })
})

function queue(): string {
  return join(folder, 'queue')
}

function orderOf(order: Partial<RenderOrder>): RenderOrder {
  const rest = {
    model: 'local',
    prompt: 'A city wakes',
    seconds: 4,
    resolution: '720p',
    aspect: '16:9',
  } as const
  return { key: 'film:1', firstFrame: null, ...rest, ...order }
}

function at<T>(list: readonly T[], i: number): T {
  const item = list[i]
  if (item === undefined) throw new Error(`nothing at ${i}`)
  return item
}

async function filesOf(id: string): Promise<string[]> {
  return (await readdir(queue())).filter((name) => name.startsWith(id)).sort()
}

async function frameOf(clip: string, n: number): Promise<string> {
  const png = `${clip}.${n}.png`
  const options = ['-map', '[out]', '-frames:v', '1', '-vsync', '0']
  const filter = `[0:v]select='eq(n,${n})',${EXACT}[out]`
  await ffmpeg.run({ inputs: [{ source: clip }], filter, options, output: png }, never)
  return png
}

async function squareOf(png: string): Promise<string> {
  const square = `${png}.square.png`
  const filter = '[0:v]crop=720:720[out]'
  await ffmpeg.run({ inputs: [{ source: png }], filter, options: ['-map', '[out]'], output: square }, never)
  return square
}

async function ssim(a: string, b: string): Promise<number> {
  const inputs = [{ source: a }, { source: b }]
  const { stderr } = await ffmpeg.run({ inputs, filter: '[0:v][1:v]ssim', options: [], output: null }, never)
  return Number(/All:([\d.]+)/.exec(stderr)?.[1])
}

async function meanColour(png: string): Promise<number[]> {
  const args = ['-v', 'error', '-i', png, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-']
  const run = promisify(execFile)
  const { stdout } = await run(ffmpeg.path, args, { encoding: 'buffer', maxBuffer: 1e8 })
  const sums = [0, 0, 0]
  for (let i = 0; i < stdout.length; i += 1) sums[i % 3] = (sums[i % 3] ?? 0) + (stdout[i] ?? 0)
  return sums.map((sum) => sum / (stdout.length / 3))
}
