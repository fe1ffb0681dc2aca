import { describe, expect, test } from 'vitest'
import {
  BLACK_MAX,
  DRIFT_MAX,
  DRIFT_SEGMENTS_MIN,
  DRIFT_STEP_MAX,
  type FilmCheck,
  findingsOf,
  LENGTH_TOLERANCE,
  SEAM_COLOUR_MAX,
  SEAM_SSIM_MIN,
  type Seam,
  SILENCE_MAX,
  SOUND_OFFSET_MAX_MS,
} from '../../src/core/film-check.ts'

const GOOD_SEAM: Seam = { at: 8, repeats: true, dissolves: false, ssim: 0.97, colour: 0.4, soundOffsetMs: -3 }

/** Four segments of 8 s, all well. */
const GOOD: FilmCheck = {
  seconds: { planned: 32, picture: 32, sound: 31.98 },
  decodeError: null,
  seams: [GOOD_SEAM, { ...GOOD_SEAM, at: 16 }, { ...GOOD_SEAM, at: 24 }],
  drift: [
    { colour: 0, contrast: 0 },
    { colour: 1, contrast: -1 },
    { colour: 2, contrast: 0 },
    { colour: 2, contrast: 1 },
  ],
  black: [],
  silent: [],
  encoded: { picture: [1], sound: [1, 2] },
}

const found = (change: Partial<FilmCheck>) => findingsOf({ ...GOOD, ...change })
const codes = (change: Partial<FilmCheck>) => found(change).map((finding) => finding.code)

/** The good film with its second seam, between segments 2 and 3, as given. */
const withSeam = (seam: Partial<Seam>) => ({
  seams: GOOD.seams.map((good, i) => (i === 1 ? { ...good, ...seam } : good)),
})

const withDrift = (levels: readonly number[], contrasts: readonly number[] = []) => ({
  drift: levels.map((colour, i) => ({ colour, contrast: contrasts[i] ?? 0 })),
})

test('a film with which all is well has no findings, also where something was encoded anew', () => {
  expect(findingsOf(GOOD)).toEqual([])
})

test('a film that could not be decoded says why, and nothing of lengths that are not known', () => {
  const seconds = { planned: 32, picture: null, sound: null }
  expect(found({ decodeError: 'Invalid data', seconds, drift: [] })).toEqual([
    { code: 'undecodable', data: { reason: 'Invalid data' } },
  ])
})

test('picture and sound are each held against the plan', () => {
  const seconds = GOOD.seconds
  for (const off of [LENGTH_TOLERANCE * 0.9, -LENGTH_TOLERANCE * 0.9]) {
    expect(codes({ seconds: { ...seconds, picture: 32 + off, sound: 32 + off } })).toEqual([])
  }
  for (const off of [LENGTH_TOLERANCE * 1.1, -LENGTH_TOLERANCE * 1.1]) {
    expect(found({ seconds: { ...seconds, picture: 32 + off } })).toEqual([
      { code: 'picture_length', data: { planned: 32, measured: 32 + off } },
    ])
    expect(found({ seconds: { ...seconds, sound: 32 + off } })).toEqual([
      { code: 'sound_length', data: { planned: 32, measured: 32 + off } },
    ])
  }
  expect(codes({ seconds: { ...seconds, sound: null } })).toEqual([])
})

describe('a seam', () => {
  test('is found where the sound is off, whether late or early', () => {
    for (const sign of [1, -1]) {
      expect(codes(withSeam({ soundOffsetMs: sign * SOUND_OFFSET_MAX_MS }))).toEqual([])
      expect(found(withSeam({ soundOffsetMs: sign * (SOUND_OFFSET_MAX_MS + 1) }))).toEqual([
        { code: 'sound_offset', data: { seams: [{ before: 2, at: 16 }], ms: SOUND_OFFSET_MAX_MS + 1 } },
      ])
    }
  })

  test('is found where it can be seen, by its detail or by its colours', () => {
    expect(codes(withSeam({ ssim: SEAM_SSIM_MIN, colour: SEAM_COLOUR_MAX }))).toEqual([])
    for (const seam of [{ ssim: SEAM_SSIM_MIN - 0.01 }, { colour: SEAM_COLOUR_MAX + 0.1 }]) {
      expect(found(withSeam(seam))).toEqual([
        { code: 'visible_seam', data: { seams: [{ before: 2, at: 16 }] } },
      ])
    }
  })

  test('is not looked for where one segment dissolves into the next', () => {
    expect(codes(withSeam({ dissolves: true, ssim: 0, colour: 255 }))).toEqual([])
    expect(codes(withSeam({ dissolves: true, repeats: false }))).toEqual([])
  })

  test('between segments that do not go on from one another is a cut, and nothing else', () => {
    expect(found(withSeam({ repeats: false, ssim: 0.2, colour: 60 }))).toEqual([
      { code: 'cut', data: { seams: [{ before: 2, at: 16 }] } },
    ])
  })

  test('that is like others is told of with them', () => {
    const seams = GOOD.seams.map((seam, i) => ({ ...seam, soundOffsetMs: -20 - i }))
    const [finding, ...others] = found({ seams })
    expect(others).toEqual([])
    expect(finding?.data).toMatchObject({ ms: 22, seams: [{ before: 1 }, { before: 2 }, { before: 3 }] })
  })
})

describe('drift', () => {
  test('is found where colours or contrast leave the first segment by and by', () => {
    expect(found(withDrift([0, 4, 8, DRIFT_MAX + 1]))).toEqual([
      { code: 'drift', data: { segment: 4, colour: DRIFT_MAX + 1, contrast: 0 } },
    ])
    expect(codes(withDrift([0, 1, 1, 1], [0, -4, -8, -DRIFT_MAX - 1]))).toEqual(['drift'])
    expect(codes(withDrift([0, 4, 7, DRIFT_MAX]))).toEqual([])
  })

  test('is no drift where one seam changes the scene, or the colours come back', () => {
    expect(codes(withDrift([0, 6, 12, 12 + DRIFT_STEP_MAX]))).toEqual(['drift'])
    expect(codes(withDrift([0, 6, 12, 13 + DRIFT_STEP_MAX]))).toEqual([])
    expect(codes(withDrift([0, 8, 5, 12]))).toEqual([])
  })

  test('can’t be told of few segments', () => {
    const levels = Array.from({ length: DRIFT_SEGMENTS_MIN }, (_, i) => i * 7)
    expect(codes(withDrift(levels))).toEqual(['drift'])
    expect(codes(withDrift(levels.slice(1).map((level) => level - 7)))).toEqual([])
  })
})

test('black picture is found with its segments where it lasts', () => {
  expect(codes({ black: [{ from: 3, to: 3 + BLACK_MAX }] })).toEqual([])
  expect(found({ black: [{ from: 7, to: 9 }] })).toEqual([
    { code: 'black', data: { from: 7, to: 9, segments: [1, 2] } },
  ])
})

describe('silence', () => {
  test('is found with its segments where it lasts and the rest has sound', () => {
    expect(codes({ silent: [{ from: 3, to: 3 + SILENCE_MAX }] })).toEqual([])
    // half a packet of the segment before belongs to the silent one
    expect(found({ silent: [{ from: 7.95, to: 16 }] })).toEqual([
      { code: 'silence', data: { from: 7.95, to: 16, segments: [2] } },
    ])
  })

  test('is no finding in a film without any sound', () => {
    expect(codes({ silent: [{ from: 0, to: 31.95 }] })).toEqual([])
    expect(codes({ seconds: { ...GOOD.seconds, sound: null } })).toEqual([])
  })
})
