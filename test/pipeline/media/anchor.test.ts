import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { decodingErrors, ffmpeg, packetHashes, testFolder } from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const FRAMES = 24
const FPS = 12
/** A frame that can be shown last where three B-frames come before each other one. */
const AFTER_B_FRAMES = 20
const REGULAR_B_FRAMES = ['-x264-params', 'bframes=3:b-adapt=0:b-pyramid=0:scenecut=0:keyint=99']

/** Two seconds with sound in which each frame but those of `sharp` (from 0) is blurred. */
async function clipWithSharp(name: string, sharp: readonly number[], options: readonly string[] = []) {
  const path = join(folder, name)
  const blurred = `not(${sharp.map((frame) => `eq(n,${frame})`).join('+')})`
  const inputs = [
    { source: `testsrc2=size=320x180:rate=${FPS}:duration=2`, options: ['-f', 'lavfi'] },
    { source: 'sine=sample_rate=48000:duration=2', options: ['-f', 'lavfi'] },
  ]
  const filter = `[0:v]gblur=sigma=3:enable='${blurred}'[v]`
  const encoder = [
    '-map',
    '[v]',
    '-map',
    '1:a',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
  ]
  await ffmpeg.run({ inputs, filter, options: [...encoder, '-c:a', 'aac', ...options], output: path })
  return path
}

/** What became of a clip: its frames, seconds of picture and sound, and whether its packets are the clip's own. */
async function cut(clip: string) {
  const [whole, output] = [`${clip}-whole.mp4`, `${clip}-cut.mp4`]
  await copyFile(clip, whole)
  await media.receive(whole, output, { anchor: 'sharpest', salvage: false }, never)
  const { seconds, audioSeconds, fps } = await media.probe(output)
  const pictures = await packetHashes(output, 'v')
  const sounds = await packetHashes(output, 'a')
  expect(pictures).toEqual((await packetHashes(clip, 'v')).slice(0, pictures.length))
  expect(sounds).toEqual((await packetHashes(clip, 'a')).slice(0, sounds.length))
  expect(await decodingErrors(output)).toBe('')
  expect((await readdir(folder)).filter((name) => /whole|scratch|part/.test(name))).toEqual([])
  return { frames: pictures.length, fps, seconds, lead: (audioSeconds ?? 0) - seconds }
}

test.each([
  { what: 'without B-frames', sharp: 18, options: [] },
  { what: 'with B-frames', sharp: AFTER_B_FRAMES, options: REGULAR_B_FRAMES },
])(
  'a clip $what is cut after a far sharper frame near its end, its sound with it, nothing encoded anew',
  async (clip) => {
    const found = await cut(await clipWithSharp(`${clip.what}.mp4`, [clip.sharp], clip.options))
    const seconds = (clip.sharp + 1) / FPS
    expect(found).toEqual({ frames: clip.sharp + 1, fps: FPS, seconds, lead: expect.any(Number) })
    expect(found.lead).toBeGreaterThanOrEqual(0)
    expect(found.lead).toBeLessThan(1024 / 48_000)
  },
)

test('of several far sharper frames the sharpest is taken', async () => {
  // after a key frame every other one is made of it, and a little less sharp
  const key = ['-force_key_frames', 'expr:eq(n,19)']
  const found = await cut(await clipWithSharp('several.mp4', [19, 20, 21], key))
  expect(found.frames).toBe(20)
})

test.each([
  { what: 'is as sharp at its end', sharp: [18, 23], options: [] },
  { what: 'was sharp only long before its end', sharp: [10], options: [] },
  { what: 'can not end on its sharp frame', sharp: [AFTER_B_FRAMES - 1], options: REGULAR_B_FRAMES },
])('a clip that $what is left whole', async ({ what, sharp, options }) => {
  const found = await cut(await clipWithSharp(`${what}.mp4`, sharp, options))
  expect(found).toMatchObject({ frames: FRAMES, seconds: 2 })
})

test('the colour tag stays with a cut clip, also where the container alone has it', async () => {
  const untagged = 'colorprim=undef:transfer=undef:colormatrix=undef'
  const tagged = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709']
  const options = ['-x264-params', untagged, ...tagged, '-movflags', '+write_colr']
  const clip = await clipWithSharp('tagged.mp4', [20], options)
  await cut(clip)
  const { stderr } = await ffmpeg.run({ inputs: [{ source: `${clip}-cut.mp4` }], options: [], output: null })
  expect(stderr).toMatch(/Video: h264.*yuv420p\(tv, bt709/)
})
