import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { makeChain, REDDENING } from '../../support/chain.ts'
import { ffmpeg, testFolder } from '../../support/clips.ts'
import { makePicture } from '../../support/film.ts'
import { compare, pixelsOf } from '../../support/pixels.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const picture = await makePicture(join(folder, 'picture.png'), 320, 180)
const BRIGHTENING = "lutrgb=r='val+12':g='val+12':b='val+12'"

async function chain(drifts: readonly string[], nudged = false) {
  return makeChain(media, await mkdtemp(join(folder, 'chain-')), picture, drifts, nudged)
}

/** What the nudge does to the last frame of a chain: pixels after and before. */
async function nudgeOf(drifts: readonly string[]): Promise<[Buffer, Buffer]> {
  const { first, others, lastFrames } = await chain(drifts)
  const png = join(folder, 'nudged.png')
  await media.nudgedFrame(first, others, png, never)
  return [await pixelsOf(png), await pixelsOf(lastFrames.at(-1) ?? '')]
}

/** How far the last of ten clips has moved from the first one's colours: red in levels, and PSNR in dB. */
async function driftOfTen(nudged: boolean) {
  const { lastFrames } = await chain(Array(10).fill(REDDENING), nudged)
  const [first = '', last = ''] = [lastFrames[0], lastFrames.at(-1)]
  const { shift, psnr } = compare(await pixelsOf(last), await pixelsOf(first))
  return { red: shift[0] ?? 0, psnr }
}

test('ten clips of a model that shifts colours stay near the first one where each opening frame is nudged', async () => {
  const plain = await driftOfTen(false)
  const nudged = await driftOfTen(true)
  expect(plain.red).toBeGreaterThan(5)
  expect(Math.abs(nudged.red)).toBeLessThan(plain.red / 2)
  expect(nudged.psnr).toBeGreaterThan(plain.psnr + 6)
  // a hundred short runs of ffmpeg: seconds on an idle machine
}, 120_000)

test('a nudge goes towards the first clip, and changes no pixel by more than 3 levels', async () => {
  const { shift, largest } = compare(...(await nudgeOf([BRIGHTENING, BRIGHTENING, BRIGHTENING])))
  expect(largest).toBe(3)
  for (const channel of shift) expect(channel).toBeLessThan(-2)
})

test.each([
  { what: 'keeps its colours', drifts: ['null', 'null', 'null'] },
  { what: 'has moved its colours once', drifts: [BRIGHTENING, 'null', BRIGHTENING] },
  { what: 'is only two clips long', drifts: [BRIGHTENING, BRIGHTENING] },
  { what: 'has gone on to another scene', drifts: [BRIGHTENING, BRIGHTENING, `hflip,vflip,${BRIGHTENING}`] },
])('the last frame of a chain that $what is left as it is', async ({ drifts }) => {
  const [after, before] = await nudgeOf(drifts)
  expect(after.equals(before)).toBe(true)
})
