import { describe, expect, test } from 'vitest'
import { type ErrorDetail, UserError } from '../../src/core/errors.ts'
import { estimateUsd } from '../../src/core/price.ts'
import {
  frameSize,
  type ModelCapabilities,
  type ModelList,
  parseRequest,
  type RequestInput,
  readerLength,
} from '../../src/core/request.ts'

function model(id: string, changes: Partial<ModelCapabilities> = {}): ModelCapabilities {
  return {
    id,
    name: id,
    retired: null,
    seconds: [4, 8, 12],
    resolutions: ['720p', '1080p'],
    aspects: ['16:9', '9:16', '1:1'],
    firstFrame: true,
    anchor: 'last',
    colours: 'as they come',
    promptMax: 5000,
    promptLanguage: 'any',
    usdPerSecond: { '720p': 0.1, '1080p': null },
    renderSeconds: 60,
    source: 'trainedAlgorithmicMedia',
    ...changes,
  }
}

const LIST: ModelList = {
  models: [
    model('short', { seconds: [4, 8] }),
    model('small', { resolutions: ['720p'] }),
    model('wide', { aspects: ['16:9'] }),
    model('everything'),
    model('not-connected'),
    model('sora-2', { retired: { on: '2026-09-24', replacement: 'everything' } }),
    model('sora-1', { retired: { on: '2025-01-01', replacement: 'not-connected' } }),
  ],
  usable: ['short', 'small', 'wide', 'everything'],
  default: 'everything',
}

const parse = (input: RequestInput, list: ModelList = LIST) =>
  parseRequest({ prompt: '고양이', ...input }, list)

function refusal(input: RequestInput, list?: ModelList): ErrorDetail {
  try {
    parse(input, list)
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    return (error as UserError).detail
  }
  throw new Error(`taken: ${JSON.stringify(input).slice(0, 200)}`)
}

describe('a dissolve between segments', () => {
  test.each([
    ['500', 500],
    [0, 0],
    [2000, 2000],
  ])('of %s ms is possible', (crossfade, taken) => {
    expect(parse({ crossfade }).crossfade).toBe(taken)
  })

  test.each([['2001'], [-1], ['half a second'], [0.5]])(
    'of %s ms is refused with what is allowed',
    (crossfade) => {
      expect(refusal({ crossfade })).toEqual({
        code: 'option_invalid',
        data: { option: 'crossfade', given: String(crossfade), allowed: ['0–2000'] },
      })
    },
  )
})

describe('a prompt', () => {
  test('alone is enough: everything else has a default', () => {
    expect(parseRequest({ prompt: '고양이' }, LIST)).toEqual({
      prompt: '고양이',
      segments: 4,
      seconds: 8,
      resolution: '720p',
      aspect: '16:9',
      model: 'everything',
      image: false,
      crossfade: 0,
      levelSound: false,
      keepClips: false,
    })
  })

  test('is taken without the blanks around it, and otherwise to the letter', () => {
    expect(parse({ prompt: ' \n\t 첫 줄\n  둘째\u3000줄 \u00a0\u3000\r\n' }).prompt).toBe(
      '첫 줄\n  둘째\u3000줄',
    )
  })

  const FAMILY = '👨‍👩‍👧‍👦'
  const KISS = '👩🏽‍❤️‍💋‍👨🏿'
  const ENGLAND = '🏴󠁧󠁢󠁥󠁮󠁧󠁿'

  test.each([
    ['Korean syllables', '한'],
    ['Korean syllables that are stored decomposed, as macOS does', '한'.normalize('NFD')],
    ['flags', '🇰🇷'],
    ['families of four', FAMILY],
    ['couples with skin tones', KISS],
    ['flags of England', ENGLAND],
    ['letters with an accent of their own', 'e\u0301'],
    ['keycaps', '1️⃣'],
    ['rare characters beyond the basic plane', '𠀀'],
    ['line breaks as Windows writes them, between letters', 'a\r\n'],
  ])('may be 500 long in %s, and no longer', (_, character) => {
    const each = readerLength(character)
    const fits = character.repeat(500 / each)
    const long = `${fits}a`
    expect(readerLength(fits)).toBe(500)
    // a line break at the end is trimmed away
    expect(readerLength(parse({ prompt: fits }).prompt)).toBe(readerLength(fits.trim()))
    expect(refusal({ prompt: long })).toEqual({ code: 'prompt_too_long', data: { given: 501, max: 500 } })
  })

  test('is counted as a reader counts it', () => {
    for (const [text, length] of [
      ['', 0],
      ['한국', 2],
      ['한국'.normalize('NFD'), 2],
      [FAMILY, 1],
      ['🇰🇷🇺🇸', 2],
      [KISS + ENGLAND, 2],
      ['A한👍🏽', 3],
    ] as const) {
      expect(readerLength(text), text).toBe(length)
    }
  })

  test('is measured without the blanks around it', () => {
    expect(parse({ prompt: `${' '.repeat(300)}${'가'.repeat(500)}${'\n'.repeat(300)}` }).prompt).toHaveLength(
      500,
    )
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['blanks', '   '],
    ['line breaks and tabs', '\n\t\r\n'],
    ['Korean and no-break blanks', '\u3000\u00a0\u2003\ufeff'],
    ['signs that only turn or join others', '\u202e\u200d\ufe0f'],
    ['empty Hangul letters', '\u3164\u115f'],
    ['a number', 5],
    ['a list', ['고양이']],
    ['an object', { text: '고양이' }],
  ])('that is %s is refused as missing', (_, prompt) => {
    expect(refusal({ prompt })).toEqual({ code: 'prompt_empty', data: { max: 500 } })
  })

  test.each([
    ['letters', 'a'],
    ['one letter under accents without end', '\u0301'],
    ['one family without end', '👨‍'],
    ['blanks within', ' a'],
  ])('of ten megabytes of %s is refused, and its size is told', (_, character) => {
    const prompt = `a${character.repeat(10_000_000 / character.length)}a`
    const detail = refusal({ prompt })
    expect(detail).toMatchObject({ code: 'prompt_too_long', data: { max: 500 } })
    if (detail.code === 'prompt_too_long') expect(detail.data.given).toBeGreaterThan(500)
  })

  test('never reaches the store with a character that no database keeps', () => {
    let prompt = ''
    try {
      prompt = parse({ prompt: '고양이\u0000가 뛴다' }).prompt
    } catch (error) {
      expect(error).toBeInstanceOf(UserError)
    }
    expect(prompt).not.toContain('\u0000')
  })

  test('never reaches the store with half an emoji', () => {
    expect(parse({ prompt: `고양이 ${'🚗'.slice(0, 1)} 뛴다` }).prompt.isWellFormed()).toBe(true)
  })
})

describe('segments and seconds', () => {
  test.each([
    [2, 2],
    [10, 10],
    ['4', 4],
    [' 4 ', 4],
    ['04', 4],
    [4.0, 4],
    [undefined, 4],
    [null, 4],
  ])('segments %j is %i', (given, segments) => {
    expect(parse({ segments: given }).segments).toBe(segments)
  })

  test.each([
    [1, '1'],
    [11, '11'],
    [0, '0'],
    [-4, '-4'],
    [4.5, '4.5'],
    ['4.0', '4.0'],
    ['4.5', '4.5'],
    ['+4', '+4'],
    ['4e0', '4e0'],
    ['0x4', '0x4'],
    ['4개', '4개'],
    ['４', '４'],
    ['four', 'four'],
    ['', ''],
    [true, 'true'],
    [[4], '[4]'],
    [{}, '{}'],
    [1e300, '1e+300'],
    ['9'.repeat(400), expect.stringMatching(/^9{59}…$/)],
  ])('segments %j is refused, with what was given and what is allowed', (given, shown) => {
    expect(refusal({ segments: given })).toEqual({
      code: 'option_invalid',
      data: { option: 'segments', given: shown, allowed: ['2–10'] },
    })
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('segments %f is refused', (given) => {
    expect(refusal({ segments: given })).toMatchObject({
      code: 'option_invalid',
      data: { option: 'segments' },
    })
  })

  test('seconds are 4, 8 or 12, as a number or as typed', () => {
    for (const seconds of [4, 8, 12]) {
      expect(parse({ seconds }).seconds).toBe(seconds)
      expect(parse({ seconds: ` ${seconds}` }).seconds).toBe(seconds)
    }
    for (const seconds of [0, 5, 7, 16, '8s', -8]) {
      expect(refusal({ seconds })).toEqual({
        code: 'option_invalid',
        data: { option: 'seconds', given: String(seconds), allowed: ['4', '8', '12'] },
      })
    }
  })
})

describe('the other options', () => {
  test('resolution and aspect are taken with blanks around them, and nothing but what is allowed', () => {
    expect(parse({ resolution: ' 1080p ', aspect: '9:16\n' })).toMatchObject({
      resolution: '1080p',
      aspect: '9:16',
    })
    for (const resolution of ['480p', '1080', '4K', '720P', '', 720]) {
      expect(refusal({ resolution })).toEqual({
        code: 'option_invalid',
        data: { option: 'resolution', given: String(resolution), allowed: ['720p', '1080p'] },
      })
    }
    for (const aspect of ['4:3', '16/9', '16：9', '']) {
      expect(refusal({ aspect })).toEqual({
        code: 'option_invalid',
        data: { option: 'aspect', given: aspect, allowed: ['16:9', '9:16', '1:1'] },
      })
    }
  })

  test('an image is what a surface has found, never a word that somebody typed', () => {
    expect(parse({ image: true }).image).toBe(true)
    for (const image of ['true', 'yes', 1, 'https://example.com/a.png', {}]) {
      expect(parse({ image }).image).toBe(false)
    }
  })

  test.each(['segments', 'seconds', 'resolution', 'aspect', 'model'] as const)(
    'a hostile value of %s is repeated short, on one line, and without what moves a terminal’s cursor',
    (option) => {
      const given = `x\u001b[2J\u0007\r\n\u2028\u202e\u200b\u0000${'가'.repeat(5000)}`
      const detail = refusal({ [option]: given })
      if (detail.code !== 'option_invalid') throw new Error(detail.code)
      expect(detail.data.option).toBe(option)
      expect(detail.data.given).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(detail.data.given).toMatch(/^x/)
      expect(detail.data.given.length).toBeLessThanOrEqual(60)
    },
  )

  test('a value that is cut to be repeated is not cut within an emoji', () => {
    for (const prefix of ['', 'x']) {
      const detail = refusal({ aspect: prefix + '🚗'.repeat(100) })
      if (detail.code !== 'option_invalid') throw new Error(detail.code)
      expect(detail.data.given.isWellFormed()).toBe(true)
    }
  })
})

describe('a model', () => {
  test('is the installation’s default where none is named, and else the one that is', () => {
    expect(parse({}, { ...LIST, default: 'short' }).model).toBe('short')
    expect(parse({ model: ' wide ' }).model).toBe('wide')
  })

  test('that nobody knows is refused with those that can be used here', () => {
    for (const given of ['sora-3', 'Short', '', '__proto__', 'toString']) {
      expect(refusal({ model: given })).toEqual({
        code: 'option_invalid',
        data: { option: 'model', given, allowed: LIST.usable },
      })
    }
  })

  test('that was switched off is refused with the day and a model that lives', () => {
    expect(refusal({ model: 'sora-2' })).toEqual({
      code: 'model_retired',
      data: { model: 'sora-2', retired_on: '2026-09-24', replacement: 'everything' },
    })
    // its successor isn't connected here
    expect(refusal({ model: 'sora-1' })).toMatchObject({ data: { replacement: 'everything' } })
  })

  test('that is known but not connected is refused with those that are', () => {
    expect(refusal({ model: 'not-connected' })).toEqual({
      code: 'model_unavailable',
      data: { model: 'not-connected', allowed: LIST.usable },
    })
  })

  test.each([
    ['short', 'seconds', '12', ['4', '8'], { seconds: 12 }, 'small'],
    ['small', 'resolution', '1080p', ['720p'], { resolution: '1080p' }, 'short'],
    ['wide', 'aspect', '1:1', ['16:9'], { aspect: '1:1' }, 'short'],
    [
      'small',
      'resolution',
      '1080p',
      ['720p'],
      { resolution: '1080p', seconds: 12, aspect: '9:16' },
      'everything',
    ],
  ])(
    '%s that can’t do %s %s names what it can and a model that can do all of it',
    (id, option, given, allowed, input, alternative) => {
      expect(refusal({ model: id, ...input })).toEqual({
        code: 'combination_unsupported',
        data: { model: id, option, given, allowed: [...allowed], alternative },
      })
    },
  )

  test('that can’t do it names no other where none can, and never one that is retired or not connected', () => {
    const list = { ...LIST, usable: ['short', 'small'] }
    expect(refusal({ model: 'small', resolution: '1080p', seconds: 12 }, list)).toMatchObject({
      code: 'combination_unsupported',
      data: { alternative: null },
    })
  })
})

describe('what follows from a request', () => {
  test('the resolution is the short side, in whole even pixels', () => {
    expect(frameSize('720p', '16:9')).toEqual({ width: 1280, height: 720 })
    expect(frameSize('720p', '9:16')).toEqual({ width: 720, height: 1280 })
    expect(frameSize('720p', '1:1')).toEqual({ width: 720, height: 720 })
    expect(frameSize('1080p', '16:9')).toEqual({ width: 1920, height: 1080 })
    expect(frameSize('1080p', '9:16')).toEqual({ width: 1080, height: 1920 })
    expect(frameSize('1080p', '1:1')).toEqual({ width: 1080, height: 1080 })
  })

  test('the estimate is the price of every second, and unknown where the price is', () => {
    const priced = model('priced')
    const request = parse({ segments: 3, seconds: 8 })
    expect(estimateUsd(request, priced)).toBeCloseTo(2.4)
    expect(estimateUsd({ ...request, resolution: '1080p' }, priced)).toBeNull()
    expect(estimateUsd(request, model('free', { usdPerSecond: { '720p': 0, '1080p': 0 } }))).toBe(0)
  })
})
