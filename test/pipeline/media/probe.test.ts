import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ClipInfo } from '../../../src/core/ports/media.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { B_FRAMES, type ClipRecipe, ffmpeg, makeClip, numbered, testFolder } from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const TAGGED = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709']

const PLAIN: ClipInfo = {
  width: 320,
  height: 180,
  fps: 12,
  seconds: 2,
  audioSeconds: expect.closeTo(2, 1),
  codec: 'avc1',
  audioCodec: 'mp4a',
  bFrames: false,
  syncFrames: 1,
  matrix: null,
  firstFrame: 0,
  lastFrame: expect.closeTo(23 / 12, 3),
}

const CLIPS: readonly [what: string, recipe: Partial<ClipRecipe>, differs: Partial<ClipInfo>][] = [
  ['plain', {}, {}],
  ['B-frames', { options: B_FRAMES }, { bFrames: true }],
  ['several sync frames', { options: ['-g', '6'] }, { syncFrames: 4 }],
  ['colours tagged', { options: TAGGED }, { matrix: 'bt709' }],
  ['no sound', { tone: null }, { audioSeconds: null, audioCodec: null }],
  ['HEVC', { options: ['-c:v', 'libx265', '-x265-params', 'log-level=error:bframes=0'] }, { codec: 'hev1' }],
  [
    // ffmpeg writes their first frame 21 ms longer, to make room for the sound's priming
    'fragments',
    { options: ['-movflags', '+frag_keyframe+empty_moov'] },
    { fps: expect.closeTo(11.87, 2), seconds: expect.closeTo(2.02, 2), lastFrame: expect.closeTo(1.938, 2) },
  ],
]

test.each(CLIPS)('a clip is read by its tables (%s)', async (what, recipe, differs) => {
  const clip = await makeClip(join(folder, `${what}.mp4`), { numbers: numbered(0, 24), ...recipe })
  expect(await media.probe(clip)).toEqual({ ...PLAIN, ...differs })
})
