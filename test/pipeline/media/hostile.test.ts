import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MediaError } from '../../../src/pipeline/media/ffmpeg.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { NotPlainMp4, TruncatedMp4 } from '../../../src/pipeline/media/mp4/box.ts'
import { type Mp4, readMp4 } from '../../../src/pipeline/media/mp4/reader.ts'
import { B_FRAMES, ffmpeg, makeClip, numbered, testFolder } from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const clip = await makeClip(join(folder, 'clip.mp4'), {
  numbers: numbered(0, 24),
  options: [...B_FRAMES, '-movflags', '+faststart'],
})
const bytes = await readFile(clip)

function read(file: Buffer): Promise<Mp4> {
  return readMp4({
    size: file.length,
    readAt: async (offset, length) => file.subarray(offset, offset + length),
  })
}

/** What reading it ends in: its tables, or one of the reader's two errors; anything else fails the test. */
async function outcome(file: Buffer): Promise<'read' | 'refused'> {
  try {
    await read(file)
    return 'read'
  } catch (error) {
    if (error instanceof NotPlainMp4 || error instanceof TruncatedMp4) return 'refused'
    throw error
  }
}

test('a clip that was cut short anywhere is refused', async () => {
  for (let length = 0; length < bytes.length; length += 37) {
    expect(await outcome(bytes.subarray(0, length))).toBe('refused')
  }
  for (const share of [0.3, 0.9, 0.999]) {
    const path = join(folder, 'cut.mp4')
    await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * share)))
    await expect(media.probe(path)).rejects.toThrow(/cut\.mp4 is not whole/)
  }
})

test('random damage ends in tables or in a clear error, quickly', async () => {
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const moovEnd = bytes.indexOf('mdat')
  const started = performance.now()
  for (let round = 0; round < 3000; round++) {
    const damaged = Buffer.from(bytes)
    for (let change = 0; change <= random(4); change++) {
      damaged[random(moovEnd)] = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)] ?? 0
    }
    await outcome(damaged)
  }
  expect(performance.now() - started).toBeLessThan(10_000)
})

test.each(['stts', 'ctts', 'stsz', 'stsc', 'stco', 'stss', 'elst', 'stsd'])(
  'a %s box that claims four thousand million entries is refused without taking memory for them',
  async (type) => {
    const lying = Buffer.from(bytes)
    const body = lying.indexOf(type, 0, 'latin1') + 4
    lying.writeUInt32BE(0xffff_fff0, body + (type === 'stsz' ? 8 : 4))
    const before = process.memoryUsage().arrayBuffers
    // stsd has its own boxes to count; the claim is ignored there.
    expect(await outcome(lying)).toBe(type === 'stsd' ? 'read' : 'refused')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
  },
)

test('a box inside itself, an endless box and a size of nothing are refused', async () => {
  const moov = bytes.indexOf('moov') - 4
  for (const size of [1, 4, 7, 0xffff_ffff]) {
    const lying = Buffer.from(bytes)
    lying.writeUInt32BE(size, moov)
    expect(await outcome(lying)).toBe('refused')
  }
})

test('a file that is no video is refused in words, and nothing is left beside it', async () => {
  const path = join(folder, 'letter.mp4')
  await writeFile(path, '{"error":"not found"}')
  await expect(media.probe(path)).rejects.toBeInstanceOf(MediaError)
  await expect(media.probe(path)).rejects.toThrow(/Invalid data found/)
  expect((await readdir(folder)).filter((name) => name.startsWith('letter'))).toEqual(['letter.mp4'])
})
