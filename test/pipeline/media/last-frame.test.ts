import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { clipFrom } from '../../support/chain.ts'
import { B_FRAMES, ffmpeg, testFolder } from '../../support/clips.ts'
import { compare, pixelsOf } from '../../support/pixels.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const EXACT = 'flags=accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24'
const TAGGED = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709']

/** Two seconds of moving colours; `seconds` is the length of the sound, null for none. */
async function colourClip(name: string, size: string, seconds: number | null, options: readonly string[]) {
  const path = join(folder, name)
  const inputs = [{ source: `testsrc2=size=${size}:rate=12:duration=2`, options: ['-f', 'lavfi'] }]
  if (seconds !== null) inputs.push({ source: `sine=duration=${seconds}`, options: ['-f', 'lavfi'] })
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  await ffmpeg.run({ inputs, options: [...encoder, ...options], output: path })
  return path
}

/** The last of all frames that ffmpeg decodes, in RGB by this matrix. */
async function lastDecoded(clip: string, matrix: string, pixels: number): Promise<Buffer> {
  const output = `${clip}.raw`
  const options = [
    '-map',
    '0:v:0',
    '-r',
    '12',
    '-vf',
    `setpts=N/12/TB,scale=in_color_matrix=${matrix}:${EXACT}`,
  ]
  await ffmpeg.run({ inputs: [{ source: clip }], options, output })
  return (await readFile(output)).subarray(-pixels * 3)
}

test.each([
  { what: 'tagged BT.709', size: '320x180', matrix: 'bt709', seconds: 2, options: TAGGED },
  { what: 'untagged', size: '320x180', matrix: 'bt601', seconds: 2, options: [] },
  { what: 'untagged and upright with 720 lines', size: '406x720', matrix: 'bt601', seconds: 2, options: [] },
  { what: 'B-frames', size: '320x180', matrix: 'bt601', seconds: 2, options: B_FRAMES },
  { what: 'longer sound', size: '320x180', matrix: 'bt601', seconds: 4, options: [] },
  { what: 'no sound, B-frames', size: '320x180', matrix: 'bt601', seconds: null, options: B_FRAMES },
  {
    what: 'no sound, B-frames, no edit list',
    size: '320x180',
    matrix: 'bt601',
    seconds: null,
    options: [...B_FRAMES, '-use_editlist', '0'],
  },
  {
    what: 'a last frame that comes early',
    size: '320x180',
    matrix: 'bt601',
    seconds: 2,
    options: [
      ...['-vf', "settb=1/1000,setpts='if(eq(N,23),PTS-60,PTS)'"],
      ...['-vsync', '2', '-enc_time_base:v', '1/1000', '-use_editlist', '0'],
    ],
  },
  {
    what: 'fragments',
    size: '320x180',
    matrix: 'bt601',
    seconds: 2,
    options: ['-movflags', '+frag_keyframe+empty_moov'],
  },
])('the last frame of a clip ($what) is the one a full decode ends on, bit for bit', async (clip) => {
  const path = await colourClip(`${clip.what}.mp4`, clip.size, clip.seconds, clip.options)
  const png = join(folder, `${clip.what}.png`)
  await media.lastFrame({ path, untagged: 'bt601' }, png, never)
  const pixels = await pixelsOf(png)
  const decoded = await lastDecoded(path, clip.matrix, pixels.length / 3)
  expect(pixels.equals(decoded)).toBe(true)
})

test.each([
  { what: '720 lines, tagged', size: '404x720', matrix: 'bt709', options: TAGGED },
  { what: '720 lines, untagged', size: '404x720', matrix: 'bt601', options: [] },
  { what: '480 lines, tagged', size: '270x480', matrix: 'bt709', options: TAGGED },
  { what: '480 lines, untagged', size: '270x480', matrix: 'bt601', options: [] },
] as const)('a picture keeps its colours over nine clips of a model without loss ($what)', async (film) => {
  const picture = join(folder, `${film.what}.png`)
  // fine lines and strong colours, which 4:2:0 holds worst
  const source = `mandelbrot=size=${film.size}:start_scale=0.02,gblur=sigma=2`
  const inputs = [{ source, options: ['-f', 'lavfi'] }]
  await ffmpeg.run({ inputs, options: ['-frames:v', '1', '-pix_fmt', 'rgb24'], output: picture })
  let opening = picture
  for (let link = 1; link <= 9; link += 1) {
    const clip = await clipFrom(opening, join(folder, `${film.what}-${link}.mp4`), film)
    opening = join(folder, `${film.what}-${link}.png`)
    await media.lastFrame({ path: clip, untagged: 'bt601' }, opening, never)
  }
  const { psnr, shift } = compare(await pixelsOf(opening), await pixelsOf(picture))
  expect(psnr).toBeGreaterThan(30)
  for (const channel of shift) expect(Math.abs(channel)).toBeLessThan(1)
})
