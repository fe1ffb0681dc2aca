import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findingsOf, type Seam } from '../../../src/core/film-check.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { ffmpeg, testFolder } from '../../support/clips.ts'
import { stillModel } from '../../support/still-clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const ORDER = { width: 640, height: 360, seconds: 1, fps: 12, sound: false }

/** A picture that is sent, with patches of strong colours in it. */
async function pictureSent(filter = 'null'): Promise<string> {
  const clip = join(folder, 'card.mp4')
  await writeFile(clip, await stillModel({ matrix: 'bt601' })({ ...ORDER, opening: null }))
  const plain = join(folder, 'card.png')
  await media.lastFrame({ path: clip, untagged: 'bt601' }, plain, never)
  const png = join(folder, 'sent.png')
  await ffmpeg.run({ inputs: [{ source: plain }], options: ['-vf', filter], output: png })
  return png
}

/** How the clip of a model opens on the picture. */
async function openingOf(
  model: Parameters<typeof stillModel>[0],
  sent: string,
  change = (bytes: Buffer) => bytes,
) {
  const path = join(folder, 'clip.mp4')
  const bytes = await stillModel(model)({ ...ORDER, opening: await readFile(sent) })
  await writeFile(path, change(bytes))
  return media.compareOpening({ path, untagged: 'bt601' }, sent, never)
}

const seamOf = (continuation: Omit<Seam, 'at' | 'dissolves' | 'soundOffsetMs'>): Seam => ({
  ...continuation,
  ...{ at: 4, dissolves: false, soundOffsetMs: 0 },
})

const codesOf = (seam: Seam) =>
  findingsOf({
    seconds: { planned: 8, picture: 8, sound: 8 },
    ...{ decodeError: null, seams: [seam], drift: [], black: [], silent: [] },
    encoded: { picture: [], sound: [] },
  }).map(({ code }) => code)

test.each(['bt601', 'bt709'] as const)(
  'a clip’s own first frame shows that it was encoded by %s',
  async (matrix) => {
    const { measured, tagged, continuation } = await openingOf({ matrix }, await pictureSent())
    expect({ measured, tagged }).toEqual({ measured: matrix, tagged: null })
    expect(continuation.patch).toBeLessThan(1.5)
    expect(codesOf(seamOf(continuation))).toEqual([])
  },
)

test('a clip that is tagged by another matrix than it was encoded by is a visible seam', async () => {
  const tagged = await openingOf({ matrix: 'bt709', tagged: true }, await pictureSent())
  expect(tagged).toMatchObject({ measured: 'bt709', tagged: 'bt709' })
  expect(codesOf(seamOf(tagged.continuation))).toEqual([])
  // the tag of BT.601 in place of BT.709, in the container
  const lying = await openingOf({ matrix: 'bt709', tagged: true }, await pictureSent(), (bytes) => {
    const at = bytes.indexOf('colrnclx')
    bytes.writeUInt16BE(6, at + 12)
    return bytes
  })
  expect(lying).toMatchObject({ measured: 'bt709', tagged: 'bt601' })
  expect(lying.continuation.patch).toBeGreaterThan(6)
  expect(codesOf(seamOf(lying.continuation))).toEqual(['visible_seam'])
})

test('a grey picture tells no matrix', async () => {
  const { measured, continuation } = await openingOf({ matrix: 'bt709' }, await pictureSent('hue=s=0'))
  expect(measured).toBeNull()
  expect(continuation.repeats).toBe(true)
})

test('a clip that opens on something else tells no matrix', async () => {
  const sent = await pictureSent()
  const flipped = join(folder, 'flipped.png')
  await ffmpeg.run({ inputs: [{ source: sent }], options: ['-vf', 'hflip'], output: flipped })
  const path = join(folder, 'other.mp4')
  await writeFile(path, await stillModel({ matrix: 'bt709' })({ ...ORDER, opening: await readFile(flipped) }))
  const { measured, continuation } = await media.compareOpening({ path, untagged: 'bt601' }, sent, never)
  expect(measured).toBeNull()
  expect(continuation.repeats).toBe(false)
})
