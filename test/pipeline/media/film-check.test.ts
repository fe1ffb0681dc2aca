import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type FilmCheck, findingsOf, type Seam } from '../../../src/core/film-check.ts'
import type { JoinedFilm } from '../../../src/core/ports/media.ts'
import { findFfmpeg } from '../../../src/pipeline/media/ffmpeg.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { B_FRAMES, ffmpeg, makeClip, numbered, testFolder } from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const FPS = 12

/** A seam where all is well. */
const seamAt = (at: number): Seam => ({
  at,
  repeats: true,
  dissolves: false,
  ssim: 1,
  colour: 0,
  soundOffsetMs: 0,
})

/** A film of three segments of 3 s, as a join would tell of it. */
const JOINED: JoinedFilm = {
  seconds: 9,
  seams: [seamAt(3), seamAt(6)],
  encoded: { picture: [], sound: [2] },
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
  const film = join(folder, 'good.mp4')
  // what a film says of itself is no complaint
  const label = {
    title: '[error] concealing 1 DC',
    model: 'local',
    made: new Date(0),
    source: 'algorithmicMedia',
  } as const
  const order = { clips, label, mark: null, crossfadeMs: 0, levelSound: false }
  const joined = await media.join(order, film, never)
  const check = await media.check(film, joined, never)
  expect(check.seconds.picture).toBeCloseTo(70 / FPS, 2)
  expect(check).toMatchObject({ decodeError: null, black: [], silent: [], seams: joined.seams })
  expect(findingsOf(check)).toEqual([])
  expect((await readdir(folder)).filter((name) => name.includes('scratch'))).toEqual([])
})

describe('a film with a black second, a segment of other colours and one without sound', () => {
  const film = join(folder, 'off.mp4')
  let check: FilmCheck

  beforeAll(async () => {
    const black = Array<number>(FPS).fill(0)
    const other = "lutyuv=u=val+20:enable='gte(t,6)'"
    const quiet = "volume=0:enable='between(t,3,6)'"
    await makeClip(film, {
      numbers: [...grey(4), ...black, ...grey(4)],
      options: ['-vf', other, '-af', quiet],
    })
    check = await media.check(film, JOINED, never)
  })

  test('is told of with the places of all of them', () => {
    expect(check.black).toEqual([{ from: 4, to: 5 }])
    expect(check.silent).toHaveLength(1)
    expect(check.silent[0]?.from).toBeCloseTo(3, 0)
    expect(check.silent[0]?.to).toBeCloseTo(6, 0)
    expect(findingsOf(check)).toMatchObject([
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
    expect(third?.contrast).toBeCloseTo(0)
  })

  test('keeps what the join measured', () => {
    expect(check).toMatchObject({ seams: JOINED.seams, encoded: JOINED.encoded })
  })
})

test('a film without any sound is not told of as silent', async () => {
  const film = await makeClip(join(folder, 'mute.mp4'), { numbers: grey(3), options: ['-af', 'volume=0'] })
  const check = await media.check(film, { ...JOINED, seconds: 3, seams: [] }, never)
  expect(check.silent).toHaveLength(1)
  expect(codesOf(check)).toEqual([])
  const bare = await makeClip(join(folder, 'bare.mp4'), { numbers: grey(3), tone: null })
  const bareCheck = await media.check(bare, { ...JOINED, seconds: 3, seams: [] }, never)
  expect(bareCheck.seconds).toEqual({ planned: 3, picture: 3, sound: null })
  expect(codesOf(bareCheck)).toEqual([])
})

describe('a film that is broken', () => {
  const whole = join(folder, 'whole.mp4')
  let bytes: Buffer

  beforeAll(async () => {
    await makeClip(whole, { numbers: numbered(5, 36), options: ['-movflags', '+faststart'] })
    bytes = await readFile(whole)
  })

  async function checkOf(name: string, broken: Buffer) {
    const film = join(folder, name)
    await writeFile(film, broken)
    return media.check(film, { ...JOINED, seconds: 3, seams: [] }, never)
  }

  test('in its middle says so, in words without a folder', async () => {
    const broken = Buffer.from(bytes)
    const data = bytes.indexOf('mdat') + 4
    const middle = Math.round((data + bytes.length) / 2)
    broken.fill(0xa5, middle - 2000, middle + 2000)
    const check = await checkOf('broken.mp4', broken)
    expect(check.decodeError).toMatch(/\w/)
    expect(check.decodeError).not.toMatch(/\/|0x|\n/)
    expect(codesOf(check)).toContain('undecodable')
  })

  test('at its end says so', async () => {
    const check = await checkOf('cut.mp4', bytes.subarray(0, -1000))
    expect(check).toMatchObject({ seconds: { picture: null, sound: null }, drift: [] })
    expect(check.decodeError).toMatch(/cut\.mp4 is not whole/)
    expect(codesOf(check)).toEqual(['undecodable'])
  })

  test('and shorter than planned says by how much', async () => {
    const check = await media.check(whole, { ...JOINED, seconds: 4, seams: [] }, never)
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
  await expect(full.check(film, JOINED, never)).rejects.toMatchObject({ detail: { code: 'disk_full' } })
  expect((await readdir(folder)).filter((name) => name.startsWith('full.mp4'))).toEqual(['full.mp4'])
})

test('a check that is stopped ends with the reason and leaves nothing behind', async () => {
  const film = await makeClip(join(folder, 'stopped.mp4'), { numbers: grey(1) })
  await expect(media.check(film, JOINED, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  expect((await readdir(folder)).filter((name) => name.startsWith('stopped'))).toEqual(['stopped.mp4'])
})
