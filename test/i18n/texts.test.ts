import { describe, expect, test } from 'vitest'
import type { ErrorCode, ErrorData, ErrorDetail } from '../../src/core/errors.ts'
import type { JobChange } from '../../src/core/event.ts'
import type { FilmFinding, FindingCode, FindingData } from '../../src/core/film-check.ts'
import { JOB_STATUSES } from '../../src/core/job.ts'
import { LOCALES } from '../../src/core/request.ts'
import { en } from '../../src/i18n/en.ts'
import {
  changeText,
  encodedText,
  errorText,
  findingText,
  megabytes,
  problemText,
  text,
} from '../../src/i18n/index.ts'
import { ko } from '../../src/i18n/ko.ts'

const ID = '9b2d4a53-0d4c-4f4e-8a53-5a3c3f1c9d10'

/** Realistic data for every code; a new code without data here is a type error. */
const DATA: { [C in ErrorCode]: ErrorData[C] } = {
  prompt_empty: { max: 500 },
  prompt_too_long: { given: 501, max: 500 },
  option_invalid: { option: 'aspect', given: '4:3', allowed: ['16:9', '9:16', '1:1'] },
  option_unknown: { given: '--segment', allowed: ['--segments', '--seconds'] },
  model_retired: { model: 'sora-2', retired_on: '2026-09-24', replacement: 'wan-2.7' },
  model_unavailable: { model: 'veo-3.1', allowed: ['local'] },
  combination_unsupported: {
    model: 'ltx-2.3',
    option: 'seconds',
    given: '12',
    allowed: ['8'],
    alternative: 'wan-2.7',
  },
  image_unreadable: { given: 'notes.txt', allowed: ['PNG', 'JPEG', 'WebP'] },
  image_too_large: { given: 31_457_280, max: 20_000_000 },
  image_too_small: { width: 12, height: 900, min: 64 },
  hourly_limit: { limit: 10, retry_at: '2026-11-23T20:15:30.000Z' },
  active_limit: { limit: 2, jobs: [ID, 'a1b2'] },
  job_not_found: { job_id: ID },
  job_not_retryable: { job_id: ID, status: 'merging' },
  job_not_cancellable: { job_id: ID, status: 'completed' },
  job_not_completed: { job_id: ID, status: 'generating' },
  size_unreachable: { given: 1_000_000, least: 1_640_000 },
  link_code_invalid: { minutes: 10 },
  link_limit: { limit: 10, retry_at: '2026-11-23T20:15:30.000Z' },
  link_taken: {},
  sign_in_needed: {},
  sign_in_unavailable: { reason: 'fetch failed' },
  cross_site: {},
  host_refused: { host: 'example.com' },
  route_unknown: { path: '/api/films' },
  request_invalid: { reason: 'Unexpected end of JSON input' },
  body_type_unknown: { given: 'text/plain', allowed: ['application/json'] },
  body_too_large: { max: 256_000 },
  headers_too_large: { max: 16_384 },
  request_too_slow: {},
  stopping: {},
  database_away: {},
  idempotency_key_invalid: { max: 255 },
  disk_low: { free: 412_345_678, least: 1_000_000_000 },
  film_expired: { job_id: '0192f1c4' },
  idempotency_key_reused: {},
  data_dir_unwritable: { path: '/srv/sora', reason: 'EACCES' },
  data_dir_locked: { path: '/srv/sora', pid: 4321, since: '2026-11-23T20:15:30.000Z' },
  database_in_use: { address: 'db.example.com:5432', host: '10.0.0.7', since: '2026-11-23T20:15:30.000Z' },
  database_unreachable: { address: 'db.example.com:5432', reason: 'ECONNREFUSED' },
  ffmpeg_missing: { tried: ['FFMPEG_PATH=/opt/ffmpeg', 'ffmpeg'] },
  out_unwritable: { path: '/root/film.mp4', reason: 'EACCES' },
  prompt_flagged: { categories: ['violence', 'hate'] },
  planner_refused: { reason: 'I can’t help with that' },
  planner_cut_off: { reason: 'max_output_tokens' },
  planner_timeout: { seconds: 120 },
  planner_busy: { reason: 'rate limit' },
  planner_down: { reason: '503' },
  planner_key_refused: { reason: '401 invalid_api_key' },
  price_unknown: { model: 'wan-2.7' },
  cost_over_job: { estimate_usd: 5.376, max_usd: 2 },
  cost_over_day: { estimate_usd: 3.2, spent_usd: 18.5, max_usd: 20, retry_at: '2026-11-23T20:15:30.000Z' },
  render_policy: { segment: 2, reason: 'content_policy_violation' },
  render_given_up: { segment: 2, reason: 'no answer for 30 minutes' },
  plan_invalid: { reason: 'there must be exactly 4 shots, not 3' },
  render_rejected: { segment: 3, reason: 'content policy' },
  render_unavailable: { segment: 3, reason: '503' },
  render_outcome_unknown: { segment: 3, reason: 'socket hang up' },
  clip_unusable: { segment: 3, reason: 'no video stream' },
  clip_unfetched: { segment: 3, reason: '404' },
  clip_lost: { segment: 3, reason: '404' },
  join_failed: { reason: 'ffmpeg ended with 1' },
  store_failed: { reason: 'ENOENT' },
  disk_full: { path: '/srv/sora' },
  internal: { reason: 'boom' },
}

const ERRORS = Object.entries(DATA).map(([code, data]) => ({ code, data }) as ErrorDetail)

const SEAMS = [
  { before: 2, at: 15.958 },
  { before: 9, at: 71.8 },
]

const FOUND: { [C in FindingCode]: FindingData[C] } = {
  undecodable: { reason: '[h264] concealing 99 DC errors' },
  short_segment: { segment: 2, asked: 8, delivered: 4.5 },
  picture_length: { planned: 31.88, measured: 23.9 },
  sound_length: { planned: 31.88, measured: 24.1 },
  sound_offset: { seams: SEAMS, ms: 21.3333 },
  cut: { seams: SEAMS },
  visible_seam: { seams: SEAMS },
  drift: { segment: 10, colour: 17.25, contrast: -6.4 },
  black: { from: 7.25, to: 9.5, segments: [1, 2] },
  silence: { from: 15.95, to: 23.9, segments: [3] },
}

const FINDINGS = Object.entries(FOUND).map(([code, data]) => ({ code, data }) as FilmFinding)

const CHANGES: { [T in JobChange['type']]: JobChange & { type: T } } = {
  queued: { type: 'queued' },
  planning: { type: 'planning' },
  planned: { type: 'planned', title: '네온 도시', shots: ['첫 장면', '둘째 장면'] },
  segment_started: { type: 'segment_started', segment: 1, of: 4, title: '첫 장면' },
  segment_waiting: { type: 'segment_waiting', segment: 2, of: 4, position: 3 },
  segment_adopted: { type: 'segment_adopted', segment: 2, of: 4, request_id: 'request-2' },
  segment_done: { type: 'segment_done', segment: 3, of: 4, title: '셋째 장면' },
  merging: { type: 'merging' },
  completed: {
    type: 'completed',
    film: {
      key: 'films/a.mp4',
      duration: 15.9,
      width: 1280,
      height: 720,
      file_size: 123,
      check: null,
      clips: [],
    },
  },
  failed: { type: 'failed', error: { code: 'clip_lost', data: DATA.clip_lost } },
  cancel_requested: { type: 'cancel_requested' },
  cancelled: { type: 'cancelled' },
  resumed: { type: 'resumed' },
  retried: { type: 'retried' },
}

const placeholders = (template: string) => [...new Set(template.match(/\{\{.*?\}\}/g))].sort()
const WORDS = { ko: /[가-힣]/, en: /[a-z]{2}/ }

test.each(Object.keys(en) as (keyof typeof en)[])('%s says the same things in both languages', (key) => {
  expect(placeholders(ko[key])).toEqual(placeholders(en[key]))
})

test('no text stands in one language alone, and none is empty', () => {
  expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort())
  for (const template of [...Object.values(ko), ...Object.values(en)]) expect(template.trim()).not.toBe('')
})

describe.each(LOCALES)('in %s', (locale) => {
  test.each(ERRORS)('$code is said on one line, in words, with nothing left to fill in', (error) => {
    const said = errorText(error, locale)
    expect(said).toMatch(WORDS[locale])
    expect(said).not.toMatch(/\{\{|\}\}|undefined|null|NaN|Invalid|\[object|\n|error\./)
    if (locale === 'en') expect(said).not.toMatch(WORDS.ko)
  })

  test('an error names everything that a person needs to know of it', () => {
    const said = (code: ErrorCode) => errorText({ code, data: DATA[code] } as ErrorDetail, locale)
    for (const [code, parts] of [
      ['prompt_too_long', ['501', '500']],
      ['option_invalid', ['aspect', '4:3', '16:9, 9:16, 1:1']],
      ['model_retired', ['sora-2', '2026-09-24', 'wan-2.7']],
      ['combination_unsupported', ['ltx-2.3', 'seconds', '12', '8', 'wan-2.7']],
      ['image_too_large', ['31', '20', 'MB']],
      ['active_limit', ['2', ID, 'a1b2']],
      ['job_not_retryable', [ID, text(locale, 'status.merging')]],
      ['data_dir_locked', ['4321', '/srv/sora']],
      ['database_in_use', ['db.example.com:5432', '10.0.0.7', 'QUEUE=pg-boss']],
      ['ffmpeg_missing', ['FFMPEG_PATH=/opt/ffmpeg']],
      ['render_rejected', ['3', 'content policy']],
    ] as const) {
      for (const part of parts) expect(said(code)).toContain(part)
    }
  })

  test.each(FINDINGS)('$code is said on one line, in words, with nothing left to fill in', (finding) => {
    const said = findingText(finding, locale)
    expect(said).toMatch(WORDS[locale])
    expect(said).not.toMatch(/\{\{|\}\}|undefined|null|NaN|\[object|\n|finding\.|\d\.\d\d/)
    if (locale === 'en') expect(said).not.toMatch(WORDS.ko)
  })

  test('a finding names its segments and seconds', () => {
    const said = (code: FindingCode) => findingText({ code, data: FOUND[code] } as FilmFinding, locale)
    for (const [code, parts] of [
      ['undecodable', ['[h264] concealing 99 DC errors']],
      ['picture_length', ['23.9', '31.9']],
      ['sound_length', ['24.1', '31.9']],
      ['sound_offset', ['21 ms', '2→3', '16.0', '9→10', '71.8']],
      ['cut', ['2→3', '9→10']],
      ['visible_seam', ['2→3', '9→10']],
      ['drift', ['1', '10', '17', '6']],
      ['black', ['7.3', '9.5', '1, 2']],
      ['silence', ['15.9', '23.9', '3']],
    ] as const) {
      for (const part of parts) expect(said(code)).toContain(part)
    }
  })

  test('what was encoded anew is named by its segments, and nothing is said of copies', () => {
    const said = encodedText({ picture: [1, 2], sound: [3] }, locale)
    expect(said).toMatch(/1, 2.*3/)
    expect(said).toMatch(WORDS[locale])
    expect(encodedText({ picture: [], sound: [4] }, locale)).not.toMatch(/,|;|\{\{/)
    expect(encodedText({ picture: [], sound: [] }, locale)).toBeNull()
  })

  test('a combination for which no model is there gives no advice', () => {
    const data = { ...DATA.combination_unsupported, alternative: null }
    const said = errorText({ code: 'combination_unsupported', data }, locale)
    expect(said).not.toMatch(/null|\{\{|wan-2\.7/)
  })

  test.each(Object.values(CHANGES))('$type is said in words, with nothing left to fill in', (change) => {
    const said = changeText(change, locale)
    // the shots' titles are in the language of whoever asked
    const ours = said.replace(/[^ ,:(]+ 장면/g, '')
    expect(ours).toMatch(WORDS[locale])
    expect(said).not.toMatch(/\{\{|\}\}|undefined|null|\[object|change\./)
    if (locale === 'en') expect(ours).not.toMatch(WORDS.ko)
  })

  test('a change says which segment of how many, and a failure why', () => {
    expect(changeText(CHANGES.segment_started, locale)).toMatch(/1\/4.*첫 장면/)
    expect(changeText(CHANGES.segment_done, locale)).toContain('3/4')
    expect(changeText(CHANGES.planned, locale)).toMatch(/2.*첫 장면.*둘째 장면/)
    expect(changeText(CHANGES.failed, locale)).toContain(errorText(CHANGES.failed.error, locale))
  })

  test.each(JOB_STATUSES)('the state %s has a name', (status) => {
    expect(text(locale, `status.${status}`)).toMatch(WORDS[locale])
  })

  test.each([
    '{{max}}',
    '{{given}} {{allowed}}',
    '{{- allowed}}',
    '{{allowed, uppercase}}',
    '$t(error.prompt_empty)',
    '$t(cli.no_jobs, {"a": 1})',
    '$& $1 $$ $`',
    '{{',
    '}}',
    '<b>&amp;"\'',
    '\\n%s%d',
    'key.with:separators',
    '__proto__',
  ])('what a person wrote (%s) is shown as they wrote it', (given) => {
    const error = { code: 'option_invalid', data: { option: 'model', given, allowed: ['local'] } } as const
    const plain = errorText({ ...error, data: { ...error.data, given: 'MARK' } }, locale)
    expect(errorText(error, locale)).toBe(plain.split('MARK').join(given))
    const started = { ...CHANGES.segment_started, title: given }
    const marked = changeText({ ...started, title: 'MARK' }, locale)
    expect(changeText(started, locale)).toBe(marked.split('MARK').join(given))
    const failed = (reason: string): JobChange => ({
      type: 'failed',
      error: { code: 'internal', data: { reason } },
    })
    expect(changeText(failed(given), locale)).toBe(
      changeText(failed('MARK'), locale).split('MARK').join(given),
    )
    const problem = { variable: 'LOG_LEVEL', problem: 'not_one_of', given, allowed: 'info' } as const
    expect(problemText(problem, locale)).toContain(given)
  })

  test('the moment of the next command is said to the second, with its time zone', () => {
    const said = errorText({ code: 'hourly_limit', data: DATA.hourly_limit }, locale)
    expect(said).toContain('2026')
    expect(said).toMatch(/15(:|분 )30.* (UTC|GMT)/)
    expect(said).toContain('10')
  })
})

test('sizes are said in MB, finely where they are small', () => {
  expect(megabytes(123_456)).toBe('0.1')
  expect(megabytes(9_940_000)).toBe('9.9')
  expect(megabytes(20_000_000)).toBe('20')
  expect(megabytes(31_457_280)).toBe('31')
})
