import { describe, expect, test } from 'vitest'
import type { CardState, CardView, FilmOnCard } from '../../src/bot/view.ts'
import { cardView, noticeView } from '../../src/bot/view.ts'
import type { JobChange } from '../../src/core/event.ts'
import type { Job } from '../../src/core/job.ts'
import { expectedEnd } from '../../src/core/outlook.ts'
import { LOCALES } from '../../src/core/request.ts'
import type { Segment } from '../../src/core/segment.ts'
import { eventOf, eventsOf, FILM, JOB_ID, job, MODEL, START, segments } from './support.ts'

const STARTED: JobChange = { type: 'segment_started', segment: 2, of: 4, title: '고가도로' }
const FAILED: JobChange = {
  type: 'failed',
  error: { code: 'render_rejected', data: { segment: 2, reason: 'no faces' } },
}
const COMPLETED: JobChange = { type: 'completed', film: FILM }

function state(changes: readonly JobChange[], about: Partial<CardState> = {}): CardState {
  return {
    chat: 'discord',
    job: job(),
    segments: [],
    events: eventsOf([{ type: 'queued' }, ...changes]),
    model: MODEL,
    usualSeconds: 90,
    link: null,
    film: 'absent',
    lastWords: false,
    now: new Date(START + 60_000 * changes.length),
    ...about,
  }
}

const WORKING = segments('stored', 'submitted', 'planned', 'planned')
const saidBy = ({ state, detail, facts, notes, buttons }: CardView) =>
  [
    state,
    detail,
    ...facts.map(({ label, value }) => `${label} ${value}`),
    ...notes,
    ...buttons.map(({ label }) => label),
  ].join('\n')

const EVERY: [string, readonly JobChange[], readonly Segment[], Partial<Job>][] = [
  ['queued', [], [], {}],
  ['planning', [{ type: 'planning' }], [], {}],
  ['waiting', [{ type: 'segment_waiting', segment: 2, of: 4, position: 3 }], WORKING, {}],
  ['generating', [STARTED], WORKING, { title: '네온 드라이브' }],
  ['merging', [{ type: 'merging' }], segments('stored', 'stored', 'stored', 'stored'), {}],
  ['cancelling', [{ type: 'cancel_requested' }], WORKING, {}],
  ['failed', [FAILED], segments('stored', 'planned', 'planned', 'planned'), {}],
  ['cancelled', [{ type: 'cancelled' }], WORKING, {}],
  ['completed', [COMPLETED], segments('stored', 'stored', 'stored', 'stored'), { film: FILM }],
]

describe.each(LOCALES)('in %s', (locale) => {
  test.each(EVERY)(
    'a card that is %s is said in that language, with nothing left open',
    (_, changes, shots, about) => {
      const view = cardView(state(changes, { segments: shots, job: job({ locale, ...about }) }))
      const said = saidBy(view)
      expect(said).toMatch(locale === 'ko' ? /[가-힣]{2}/ : /[a-z]{2}/)
      expect(said).not.toMatch(/\{\{|undefined|null|NaN|\[object|card\.|status\./)
      if (locale === 'en') expect(said).not.toMatch(/[가-힣]/)
      expect(view.notes.join()).toMatch(/AI/)
    },
  )

  test('a person is told of an end that isn’t theirs', () => {
    const notice = noticeView(
      job({ locale }),
      eventOf(COMPLETED, 9, START),
      'https://example.com/film',
      'absent',
    )
    expect(notice?.lines.join('\n')).toMatch(locale === 'ko' ? /완성/ : /ready/)
    expect(notice?.buttons).toEqual([expect.objectContaining({ url: 'https://example.com/film' })])
    const failure = noticeView(job({ locale }), eventOf(FAILED, 9, START), null, 'pending')
    expect(failure?.lines.join('\n')).toContain('no faces')
    expect(failure?.buttons).toEqual([expect.objectContaining({ action: 'retry' })])
    expect(noticeView(job({ locale }), eventOf({ type: 'cancelled' }, 9, START), null, 'pending')).toBeNull()
  })
})

test('a card says which segment of how many, and marks every shot', () => {
  const view = cardView(state([STARTED], { segments: WORKING, job: job({ title: '네온 드라이브' }) }))
  expect(view).toMatchObject({ tone: 'working', title: '네온 드라이브', progress: 0.35 })
  expect(view.state).toContain('2/4')
  expect(view.shots.map(({ mark }) => mark)).toEqual(['done', 'working', 'waiting', 'waiting'])
  expect(view.shots[1]?.title).toBe('고가도로')
  expect(view.buttons).toEqual([expect.objectContaining({ action: 'cancel' })])
})

test('a title that only repeats the prompt isn’t said twice', () => {
  expect(cardView(state([], { job: job({ title: job().request.prompt }) })).title).toBeNull()
})

test('a failed card marks the shot that failed, says why, and offers another try', () => {
  const view = cardView(state([FAILED], { segments: segments('stored', 'planned', 'planned', 'planned') }))
  expect(view.shots.map(({ mark }) => mark)).toEqual(['done', 'failed', 'left', 'left'])
  expect(view.tone).toBe('failed')
  expect(view.detail).toContain('no faces')
  expect(view.buttons).toEqual([expect.objectContaining({ action: 'retry' })])
})

test('a cancelled card can do nothing more', () => {
  const view = cardView(state([{ type: 'cancelled' }], { segments: WORKING }))
  expect(view.buttons).toEqual([])
  expect(view.shots.map(({ mark }) => mark)).toEqual(['done', 'left', 'left', 'left'])
})

test('a finished card has the link, the length, the size, what it took and what it cost', () => {
  const link = 'https://example.com/film'
  const done = segments('stored', 'stored', 'stored', 'stored')
  const view = cardView(
    state([COMPLETED], { segments: done, job: job({ film: FILM }), link, film: 'attached' }),
  )
  const said = saidBy(view)
  for (const part of ['31.9', '1280×720', '8.4', '3.20 USD', '1분', '7']) expect(said).toContain(part)
  expect(view.buttons).toEqual([expect.objectContaining({ url: link })])
})

test('a film that is nowhere to be opened is told of by its key, and a smaller one as such', () => {
  const kept = cardView(state([COMPLETED], { film: 'absent' }))
  expect(kept.notes.join()).toContain(FILM.key)
  const smaller = cardView(state([COMPLETED], { film: 'smaller', link: 'https://example.com' }))
  expect(smaller.notes.join()).not.toContain(FILM.key)
  expect(smaller.notes.length).toBe(3)
})

test('a film without a link is said to be on its card only where it is there', () => {
  const told = (film: FilmOnCard) => {
    return noticeView(job({ locale: 'en' }), eventOf(COMPLETED, 9, START), null, film)?.lines.slice(2)
  }
  const onCard = ['It is with its card in the chat.']
  expect([told('attached'), told('smaller'), told('pending')]).toEqual([onCard, onCard, []])
  expect(told('absent')).toEqual([expect.stringContaining(FILM.key)])
  expect(cardView(state([COMPLETED], { film: 'pending' })).notes.join()).not.toContain(FILM.key)
})

test('what is off with a film stands on its card', () => {
  const seam = { at: 8, repeats: false, dissolves: false, ssim: 1, colour: 0, soundOffsetMs: 0 }
  const check = {
    seconds: { planned: 31.9, picture: 31.9, sound: null },
    decodeError: null,
    seams: [seam],
    drift: [],
    black: [],
    silent: [],
    encoded: { picture: [], sound: [] },
  }
  const view = cardView(state([{ type: 'completed', film: { ...FILM, check } }]))
  expect(view.notes[0]).toMatch(/⚠️.*1→2/)
})

test('the cost is an estimate while the film is made, and unknown where nobody says', () => {
  const costOf = (about: Partial<CardState>, changes: readonly JobChange[]) =>
    cardView(state(changes, about)).facts.at(-1)?.value
  expect(costOf({}, [STARTED])).toMatch(/약 3\.20/)
  expect(costOf({ job: job({ estimateUsd: null }) }, [])).toMatch(/알 수 없음/)
  expect(costOf({ segments: WORKING }, [COMPLETED])).toMatch(/알 수 없음/)
})

test('the last words say that the card stands still, and where to look', () => {
  expect(cardView(state([STARTED], { lastWords: true })).notes.join()).toContain('/sora')
  expect(cardView(state([COMPLETED], { lastWords: true })).notes.join()).not.toContain('갱신')
})

describe('the time left', () => {
  const left = (about: Partial<CardState>, changes: readonly JobChange[]) => {
    const made = state(changes, about)
    const end = expectedEnd(made)
    return end === null ? null : (end.getTime() - made.now.getTime()) / 1000
  }

  test('counts every segment that is missing, less what the running one has had', () => {
    const now = new Date(START + 60_000 + 30_000)
    expect(left({ segments: WORKING, now }, [STARTED])).toBe(3 * 90 - 30)
    expect(left({}, [])).toBe(4 * 90)
  })

  test('a segment that takes longer than usual is due now, the others after it', () => {
    const now = new Date(START + 60_000 + 300_000)
    expect(left({ segments: WORKING, now }, [STARTED])).toBe(2 * 90)
    const last = segments('stored', 'stored', 'stored', 'submitted')
    expect(left({ segments: last, now }, [STARTED])).toBeNull()
  })

  test('doesn’t count what ran before another try', () => {
    const now = new Date(START + 3600_000)
    expect(left({ segments: WORKING, now }, [STARTED, FAILED, { type: 'retried' }])).toBe(3 * 90)
  })

  test('is not said while segments are joined, nor after the end', () => {
    expect(left({}, [{ type: 'merging' }])).toBeNull()
    expect(left({}, [COMPLETED])).toBeNull()
    expect(left({}, [FAILED])).toBeNull()
  })

  test('a job that is tried again starts anew', () => {
    const view = cardView(state([FAILED, { type: 'retried' }], { segments: WORKING }))
    expect(view.facts.find(({ value }) => value instanceof Date)?.value).toEqual(new Date(START + 120_000))
  })
})

test('every view names its job', () => {
  expect(cardView(state([])).jobId).toBe(JOB_ID)
})
