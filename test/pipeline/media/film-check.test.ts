import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type FilmCheck, findingsOf } from '../../../src/core/film-check.ts'
import type { JoinedFilm, JoinOrder } from '../../../src/core/ports/media.ts'
import { findFfmpeg } from '../../../src/pipeline/media/ffmpeg.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { B_FRAMES, clipFiles, ffmpeg, makeClip, numbered, testFolder } from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const FPS = 12

const LABEL = { title: '', model: 'local', made: new Date(0), source: 'algorithmicMedia' } as const

/** A film of no clips, as a join would report it. */
const JOINED: JoinedFilm = {
  seconds: 1,
  seams: [],
  pieces: [],
  encoded: { picture: [], sound: [] },
  compare: async () => null,
}

/** Joins clips, each inspected as when it comes. `damage` is what happens to the film before it is checked. */
async function joinAndCheck(
  name: string,
  paths: readonly string[],
  { damage, ...order }: Partial<JoinOrder> & { damage?: (film: Buffer) => Buffer } = {},
) {
  const clips = clipFiles(paths)
  const film = join(folder, `${name}.mp4`)
  const plain = { clips, label: LABEL, mark: null, crossfadeMs: 0, levelSound: false }
  const joined = await media.join({ ...plain, ...order }, film, never)
  if (damage) await writeFile(film, damage(await readFile(film)))
  const inspections = await Promise.all(clips.map((clip) => media.inspect(clip, never)))
  return { joined, film, inspections, check: await media.check(film, joined, inspections, never) }
}

const codesOf = (check: FilmCheck) => findingsOf(check).map((finding) => finding.code)

/** A grey that stays the same. */
const grey = (seconds: number) => Array<number>(seconds * FPS).fill(10)

test('a film that was joined well has nothing to be told of', async () => {
  const clips = await Promise.all(
    [0, 23, 46].map((first) =>
      makeClip(join(folder, `good-${first}.mp4`), { numbers: numbered(first, 24), options: B_FRAMES }),
    ),
  )
  // what a film says of itself is no complaint
  const label = { ...LABEL, title: '[error] concealing 1 DC' }
  const { check, joined } = await joinAndCheck('good', clips, { label })
  expect(check.seconds.picture).toBeCloseTo(70 / FPS, 2)
  expect(check).toMatchObject({ decodeError: null, black: [], silent: [], seams: joined.seams })
  expect(findingsOf(check)).toEqual([])
  expect((await readdir(folder)).filter((name) => name.includes('scratch'))).toEqual([])
})

test('nothing of clips that were inspected when they came is decoded again', async () => {
  const clips = await Promise.all(
    [0, 23].map((first) => makeClip(join(folder, `once-${first}.mp4`), { numbers: numbered(first, 24) })),
  )
  const { film, joined, inspections, check } = await joinAndCheck('once', clips)
  const decoded: string[] = []
  const watched = createMedia({
    ...ffmpeg,
    run: (command, signal) => {
      decoded.push(...command.inputs.map(({ source }) => source))
      return ffmpeg.run(command, signal)
    },
  })
  expect(await watched.check(film, joined, inspections, never)).toEqual(check)
  expect(new Set(decoded)).toEqual(new Set([film]))
})

describe('a film with a black second, a segment of other colours and one without sound', () => {
  let check: FilmCheck
  let joined: JoinedFilm

  beforeAll(async () => {
    const black = Array<number>(FPS).fill(0)
    const made = await joinAndCheck('off', [
      await makeClip(join(folder, 'off-1.mp4'), { numbers: grey(3) }),
      await makeClip(join(folder, 'off-2.mp4'), {
        numbers: [...grey(1), ...black, ...grey(1)],
        options: ['-af', 'volume=0'],
      }),
      await makeClip(join(folder, 'off-3.mp4'), {
        numbers: grey(3),
        options: ['-vf', 'lutyuv=u=val+20'],
      }),
    ])
    check = made.check
    joined = made.joined
  })

  test('is reported with the places of all of them', () => {
    expect(check.black).toHaveLength(1)
    // segments share a frame
    expect(check.black[0]?.from).toBeCloseTo(4 - 1 / FPS, 1)
    expect(check.black[0]?.to).toBeCloseTo(5 - 1 / FPS, 1)
    expect(check.silent).toHaveLength(1)
    expect(check.silent[0]?.from).toBeCloseTo(3, 0)
    expect(check.silent[0]?.to).toBeCloseTo(6, 0)
    expect(findingsOf(check)).toMatchObject([
      { code: 'visible_seam', data: { seams: [{ before: 2 }] } },
      { code: 'black', data: { segments: [2] } },
      { code: 'silence', data: { segments: [2] } },
    ])
  })

  test('says how far each segment is from the first one', () => {
    expect(check.drift).toHaveLength(3)
    const [first, second, third] = check.drift
    expect(first).toEqual({ colour: 0, contrast: 0 })
    // a third of it is black
    expect(second?.contrast).toBeGreaterThan(30)
    expect(third?.colour).toBeGreaterThan(15)
    expect(Math.abs(third?.contrast ?? 9)).toBeLessThan(1)
  })

  test('keeps what the join measured', () => {
    expect(check).toMatchObject({ seams: joined.seams, encoded: joined.encoded })
  })
})

test('black and silence that go on across a seam are one span', async () => {
  const black = Array<number>(2).fill(0)
  const quiet = (span: string) => ['-af', `volume=0:enable='${span}'`]
  const { check } = await joinAndCheck('across', [
    await makeClip(join(folder, 'across-1.mp4'), {
      numbers: [...grey(1), ...black],
      options: quiet('gt(t,0.5)'),
    }),
    await makeClip(join(folder, 'across-2.mp4'), {
      numbers: [...black, ...grey(1)],
      options: quiet('lt(t,0.5)'),
    }),
  ])
  expect(check.black).toHaveLength(1)
  expect(check.black[0]?.from).toBeCloseTo(1, 1)
  expect(check.silent).toHaveLength(1)
  expect(check.silent[0]?.to).toBeGreaterThan(1.4)
})

test('what the join encodes is inspected in the film, once', async () => {
  const clips = await Promise.all(
    [0, 11].map((first) => makeClip(join(folder, `soft-${first}.mp4`), { numbers: numbered(first, 12) })),
  )
  const { check, film, joined, inspections } = await joinAndCheck('soft', clips, { crossfadeMs: 300 })
  expect(check.drift).toHaveLength(2)
  expect(codesOf(check)).toEqual([])
  const idle = createMedia({
    ...ffmpeg,
    run: (command, signal) => {
      if (command.inputs.some(({ source }) => source !== film)) throw new Error('inspected again')
      return ffmpeg.run(command, signal)
    },
  })
  expect(await idle.check(film, joined, inspections, never)).toEqual(check)
})

test('a film without any sound is not reported as silent', async () => {
  const mute = await makeClip(join(folder, 'mute-1.mp4'), { numbers: grey(3), options: ['-af', 'volume=0'] })
  const { check } = await joinAndCheck('mute', [mute])
  expect(check.silent).toHaveLength(1)
  expect(codesOf(check)).toEqual([])
  const bare = await makeClip(join(folder, 'bare-1.mp4'), { numbers: grey(3), tone: null })
  const { inspections, check: bareCheck } = await joinAndCheck('bare', [bare])
  expect(inspections[0]?.seconds).toEqual({ picture: 3, sound: null })
  expect(codesOf(bareCheck)).toEqual([])
})

describe('a film that is broken', () => {
  const whole = join(folder, 'whole.mp4')

  beforeAll(async () => {
    await makeClip(whole, { numbers: numbered(5, 36), options: ['-movflags', '+faststart'] })
  })

  const brokenInTheMiddle = (bytes: Buffer) => {
    const broken = Buffer.from(bytes)
    const data = bytes.lastIndexOf('mdat') + 4
    const middle = Math.round((data + bytes.length) / 2)
    return broken.fill(0xa5, middle - 2000, middle + 2000)
  }

  test('in the middle of a clip says so, in words without a folder', async () => {
    const clip = join(folder, 'broken-clip.mp4')
    await writeFile(clip, brokenInTheMiddle(await readFile(whole)))
    const { check } = await joinAndCheck('broken', [clip])
    expect(check.decodeError).toMatch(/\w/)
    expect(check.decodeError).not.toMatch(/\/|0x|\n/)
    expect(codesOf(check)).toContain('undecodable')
  })

  test('by whatever wrote it says so', async () => {
    const { check } = await joinAndCheck('written', [whole, whole], { damage: brokenInTheMiddle })
    expect(check.decodeError).toMatch(/packets of clip \d differ/)
    expect(codesOf(check)).toContain('undecodable')
  })

  test('at its end says so', async () => {
    const { check } = await joinAndCheck('cut', [whole], { damage: (film) => film.subarray(0, -1000) })
    expect(check).toMatchObject({ seconds: { picture: null, sound: null } })
    expect(check.decodeError).toMatch(/not whole/)
    expect(codesOf(check)).toContain('undecodable')
  })

  test('and shorter than planned says by how much', async () => {
    const { film, joined, inspections } = await joinAndCheck('shorter', [whole])
    const check = await media.check(film, { ...joined, seconds: 4 }, inspections, never)
    expect(check.seconds.sound).toBeCloseTo(3, 1)
    expect(findingsOf(check)).toMatchObject([
      { code: 'picture_length', data: { planned: 4, measured: 3 } },
      { code: 'sound_length', data: { planned: 4 } },
    ])
  })
})

test('a disk that is full is no fault of the film', async () => {
  const film = await makeClip(join(folder, 'full.mp4'), { numbers: grey(1) })
  const script = join(folder, 'full-disk')
  const words = '[ -n "$2" ] && echo "[error] x.raw: No space left on device" >&2 || echo "ffmpeg version 0"'
  await writeFile(script, `#!/bin/sh\n${words}\n`, { mode: 0o755 })
  const full = createMedia(await findFfmpeg(script))
  await expect(full.check(film, JOINED, [], never)).rejects.toMatchObject({ detail: { code: 'disk_full' } })
  expect((await readdir(folder)).filter((name) => name.startsWith('full.mp4'))).toEqual(['full.mp4'])
})

test('a check that is stopped ends with the reason and leaves nothing behind', async () => {
  const film = await makeClip(join(folder, 'stopped.mp4'), { numbers: grey(1) })
  await expect(media.check(film, JOINED, [], AbortSignal.abort(new Error('enough')))).rejects.toThrow(
    'enough',
  )
  expect((await readdir(folder)).filter((name) => name.startsWith('stopped'))).toEqual(['stopped.mp4'])
})
