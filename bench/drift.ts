import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFfmpeg } from '../src/pipeline/media/ffmpeg.ts'
import { createMedia } from '../src/pipeline/media/media.ts'
import { type MadeChain, makeChain, REDDENING } from '../test/support/chain.ts'
import { compare, pixelsOf } from '../test/support/pixels.ts'
import { median } from './median.ts'

/**
 * How far the colours of ten clips move away from the first one's, with a model that makes each clip a little redder and adds a
 * little contrast: where each clip opens on the last frame as it is, and where that frame is nudged; and what a nudge costs.
 */
const CLIPS = 10
const ROUNDS = 5

const ffmpeg = await findFfmpeg(undefined)
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const folder = await mkdtemp(join(tmpdir(), 'sora-bench-'))
try {
  const picture = join(folder, 'picture.png')
  // no colour so strong that it can't drift any farther
  const softer = ['r', 'g', 'b'].map((channel) => `${channel}='val*0.6+51'`).join(':')
  const source = `testsrc2=size=640x360:rate=1,gblur=sigma=6,format=rgb24,lutrgb=${softer}`
  const inputs = [{ source, options: ['-f', 'lavfi'] }]
  await ffmpeg.run({ inputs, options: ['-frames:v', '1'], output: picture })
  const plain = await chain('plain', picture, false)
  const nudged = await chain('nudged', picture, true)
  const drifts = [await driftOf(plain), await driftOf(nudged)] as const
  console.log(`\nThe last frame of each clip against that of the first one, in levels of 0..255\n`)
  console.log('| clip | red, as it comes | red, nudged | RMS, as it comes | RMS, nudged |')
  console.log('|---|---|---|---|---|')
  for (let i = 1; i < CLIPS; i += 1) {
    const [without, and] = [drifts[0][i], drifts[1][i]]
    const cells = [without?.red, and?.red, without?.rms, and?.rms].map((levels) => levels?.toFixed(1))
    console.log(`| ${i + 1} | ${cells.join(' | ')} |`)
  }
  const [far = Number.NaN, near = Number.NaN] = drifts.map((drift) => drift.at(-1)?.rms)
  console.log(`\nRMS of clip ${CLIPS}, as it comes to nudged: ${(far / near).toFixed(1)}`)
  console.log(`Time for the frame after clip ${CLIPS}, nudged to as it is: ${(await cost(plain)).toFixed(1)}`)
} finally {
  await rm(folder, { recursive: true })
}

async function chain(name: string, picture: string, nudged: boolean): Promise<MadeChain> {
  const place = join(folder, name)
  await mkdir(place)
  return makeChain(media, place, picture, Array(CLIPS).fill(REDDENING), nudged)
}

async function driftOf({ lastFrames }: MadeChain): Promise<{ red: number; rms: number }[]> {
  const [first = '', ...others] = lastFrames
  const before = await pixelsOf(first)
  const drift = [{ red: 0, rms: 0 }]
  for (const frame of others) {
    const { shift, psnr } = compare(await pixelsOf(frame), before)
    drift.push({ red: shift[0] ?? 0, rms: 255 / 10 ** (psnr / 20) })
  }
  return drift
}

async function cost({ first, others }: MadeChain): Promise<number> {
  const png = join(folder, 'timed.png')
  const last = others.at(-1)?.clip ?? first
  const ratios: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const plain = await timed(() => media.lastFrame(last, png, never))
    const nudged = await timed(() => media.nudgedFrame(first, others, png, never))
    ratios.push(nudged / plain)
  }
  return median(ratios)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
