import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/bot/clock.ts'
import { createLiveReplies } from '../../src/bot/live-reply.ts'
import { type CardMedia, ChatError, type ChatFault, type ChatPlatform } from '../../src/bot/platform.ts'
import type { BotService } from '../../src/bot/service.ts'
import type { CardView, NoticeView } from '../../src/bot/view.ts'
import type { Card } from '../../src/core/card.ts'
import { userError } from '../../src/core/errors.ts'
import type { JobChange, JobEvent } from '../../src/core/event.ts'
import type { Film, Job } from '../../src/core/job.ts'
import { silentLog } from '../support/databases.ts'
import { eventOf, FILM, JOB_ID, job, MODEL, START, segments } from './support.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const COMPLETED: JobChange = { type: 'completed', film: FILM }
const FAILED: JobChange = { type: 'failed', error: { code: 'internal', data: { reason: 'boom' } } }

interface Edit {
  at: number
  view: CardView
  media: CardMedia | null
}

/** Time that moves when a test moves it. */
function fakeClock(): Clock & { pass(ms: number): Promise<void> } {
  let time = START
  let sleepers: { at: number; wake: () => void }[] = []
  const settle = async () => {
    for (let i = 0; i < 200; i++) await Promise.resolve()
  }
  return {
    now: () => time,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleeper = { at: time + ms, wake: resolve }
        sleepers.push(sleeper)
        signal.addEventListener('abort', () => {
          sleepers = sleepers.filter((other) => other !== sleeper)
          resolve()
        })
      }),
    async pass(ms) {
      const end = time + ms
      await settle()
      for (;;) {
        const next = Math.min(...sleepers.map(({ at }) => at))
        if (next > end) break
        time = Math.max(time, next)
        const due = sleepers.filter(({ at }) => at <= time)
        sleepers = sleepers.filter(({ at }) => at > time)
        for (const { wake } of due) wake()
        await settle()
      }
      time = end
      await settle()
    },
  }
}

/** A job with its card, and a chat that does as it is told. `fail` answers the next edits, one after another. */
function scene(
  about: { film?: Film; fileLimit?: number; usual?: number; stored?: 'here'; pages?: 'public' } = {},
) {
  const clock = fakeClock()
  const log: JobEvent[] = []
  const listeners = new Set<() => void>()
  let current: Job = job()
  let heldBy: string | null = null
  const card: Card = {
    jobId: JOB_ID,
    platform: 'discord',
    team: '',
    channelId: 'c',
    messageId: 'm',
    externalUserId: 'minji',
    shownSeq: 0,
    deleted: false,
    notifiedAt: null,
    createdAt: new Date(START),
  }
  const chat = {
    edits: [] as Edit[],
    tries: 0,
    counted: { made: 0, failed: 0, dropped: 0 },
    direct: [] as string[],
    told: [] as string[],
    notices: [] as NoticeView[],
    mentions: [] as string[],
    fail: [] as ChatFault[],
    failFilms: [] as ChatFault[],
    failDirect: [] as ChatFault[],
    /** For how long each refusal asks to be left alone. */
    waits: {} as { retryAfterMs?: number },
    editableUntil: null as number | null,
    smaller: null as Buffer | null,
    /** What the next edits wait for. */
    door: Promise.resolve() as Promise<void>,
    /** How often the database is away. */
    away: 0,
  }
  const database = () => {
    if (chat.away === 0) return
    chat.away -= 1
    throw new Error('the database is away')
  }
  const refuse = (faults: ChatFault[]) => {
    const fault = faults.shift()
    if (fault !== undefined) throw new ChatError(fault, fault, chat.waits)
  }
  const platform: ChatPlatform = {
    name: 'discord',
    fileLimit: () => about.fileLimit ?? 10_000_000,
    editableUntil: () => chat.editableUntil,
    hasToken: () => false,
    async edit(_, view, media) {
      chat.tries += 1
      await chat.door
      refuse(chat.fail)
      if (media?.kind === 'film') refuse(chat.failFilms)
      chat.edits.push({ at: clock.now(), view, media })
    },
    async direct(_card, notice, key) {
      refuse(chat.failDirect)
      chat.told.push(notice.lines.join('\n'))
      chat.notices.push(notice)
      if (!chat.direct.includes(key)) chat.direct.push(key)
    },
    async mention(_card, _notice, key) {
      chat.mentions.push(key)
    },
  }
  const service: BotService = {
    submit: () => Promise.reject(new Error('not in this test')),
    checkSubmission: () => Promise.reject(new Error('not in this test')),
    retry: () => Promise.reject(new Error('not in this test')),
    cancel: async () => {},
    allowance: () => Promise.reject(new Error('not in this test')),
    linkCode: () => Promise.reject(new Error('not in this test')),
    pages:
      about.pages === undefined
        ? null
        : { link: 'https://films.test/link', film: (jobId) => `https://films.test/v/${jobId}` },
    async preview(_, [wanted]) {
      if (wanted?.kind !== 'smaller') return ['poster.jpg']
      if (chat.smaller === null) throw userError('size_unreachable', { given: 1, least: 2 })
      return ['smaller.mp4']
    },
    lastFrame: async () => Buffer.from('frame'),
    metrics: {
      edited(_chat, outcome, count = 1) {
        chat.counted[outcome] += count
      },
    },
    jobs: {
      get: async () => current,
      list: async () => [current],
      unfinishedOf: async () => [current],
      segments: async () => segments('stored', 'submitted', 'planned', 'planned'),
      userOf: async () => 'u',
      usualSeconds: async () => about.usual ?? 3600,
    },
    cards: {
      of: async () => {
        database()
        return { ...card }
      },
      waiting: async () => [{ ...card }],
      async hold(_card, holder, _leaseMs, force) {
        if (heldBy !== null && heldBy !== holder && !force) return false
        heldBy = holder
        return true
      },
      renew: async () => {},
      async letGo(_card, holder) {
        if (heldBy === holder) heldBy = null
      },
      releaseAll: async () => {},
      async shown(_, seq) {
        card.shownSeq = seq
      },
      async gone() {
        card.deleted = true
      },
      async notified(_, end) {
        card.notifiedAt = end
        return true
      },
    },
    events: {
      since: async (_, seq) => {
        database()
        return log.filter((event) => event.seq > seq)
      },
      async *follow(_, seq, signal) {
        let last = seq
        while (!signal.aborted) {
          const next = log.find((event) => event.seq > last)
          if (next) {
            last = next.seq
            yield next
          } else {
            await new Promise<void>((resolve) => {
              listeners.add(resolve)
              signal.addEventListener('abort', () => resolve())
            })
          }
        }
      },
    },
    objects: {
      put: async () => {},
      size: async () => 1,
      list: async () => [],
      read: async (key) =>
        (async function* () {
          yield Buffer.from(key)
        })(),
      link: async (key) => `https://films.example.com/${key}`,
      file: (key) => (about.stored === 'here' ? `/objects/${key}` : null),
      remove: async () => {},
    },
    modelOf: async () => MODEL,
  }
  const start = () => createLiveReplies({ service, platform, clock, log: silentLog })
  const happen = (...changes: JobChange[]) => {
    for (const change of changes) {
      const event = eventOf(change, log.length + 1, clock.now())
      log.push(event)
      current = {
        ...current,
        status: event.status,
        progress: event.progress,
        film: change.type === 'completed' ? (about.film ?? FILM) : null,
      }
    }
    for (const wake of listeners) wake()
    listeners.clear()
  }
  return { clock, card, chat, happen, start }
}

const started = (segment: number): JobChange => ({ type: 'segment_started', segment, of: 4, title: 't' })

describe('edits', () => {
  test('what happens within two seconds is one edit, of the newest state', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    start().follow(card)
    await clock.pass(10)
    expect(chat.edits).toHaveLength(1)
    happen({ type: 'planning' }, { type: 'planned', title: 't', shots: ['a'] }, started(1))
    await clock.pass(1900)
    expect(chat.edits).toHaveLength(1)
    happen({ type: 'segment_done', segment: 1, of: 4, title: 't' })
    await clock.pass(1000)
    expect(chat.edits).toHaveLength(2)
    expect(chat.edits[1]?.view.progress).toBe(0.5)
    expect(card.shownSeq).toBe(5)
    // of four changes the newest was shown
    expect(chat.counted).toEqual({ made: 2, failed: 0, dropped: 3 })
  })

  test('they become rarer as the message grows old', async () => {
    const editsIn = async (age: number) => {
      const { clock, card, chat, happen, start } = scene()
      happen({ type: 'queued' })
      start().follow(card)
      await clock.pass(age)
      const before = chat.edits.length
      for (let second = 0; second < 300; second++) {
        happen(started((second % 4) + 1))
        await clock.pass(1000)
      }
      return chat.edits.length - before
    }
    const [young, old] = [await editsIn(1000), await editsIn(2 * HOUR)]
    expect(young).toBeGreaterThan(50)
    expect(old).toBeLessThanOrEqual(4)
    expect(old).toBeGreaterThan(0)
  })

  test('a card that said to be ready by now is written anew, though nothing happened', async () => {
    const { clock, card, chat, happen, start } = scene({ usual: 60 })
    happen({ type: 'queued' }, started(2))
    start().follow(card)
    await clock.pass(10 * MINUTE)
    expect(chat.edits.length).toBeGreaterThan(2)
    expect(chat.edits.length).toBeLessThan(10)
  })

  test('a card that another process wrote is written anew once, though nothing happened', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' }, started(2))
    card.shownSeq = 2
    await start().takeUp()
    await clock.pass(10 * MINUTE)
    expect(chat.edits).toHaveLength(1)
  })

  test('a message that was deleted is left alone, and its person still told', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    chat.fail = ['gone']
    start().follow(card)
    await clock.pass(MINUTE)
    happen(started(1))
    await clock.pass(MINUTE)
    happen(COMPLETED)
    await clock.pass(MINUTE)
    expect(chat.tries).toBe(1)
    expect(card.deleted).toBe(true)
    expect(chat.direct).toHaveLength(1)
  })

  test('«too often» is waited out, ever longer; the end is tried at once all the same, and shown', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    start().follow(card)
    await clock.pass(HOUR)
    chat.fail = Array.from({ length: 9 }, () => 'too_often')
    happen(started(1))
    await clock.pass(10 * MINUTE)
    expect(chat.tries).toBeLessThanOrEqual(7)
    const before = chat.tries
    happen(COMPLETED)
    await clock.pass(5000)
    expect(chat.tries).toBe(before + 1)
    expect(chat.direct).toHaveLength(1)
    await clock.pass(HOUR)
    expect(chat.edits.at(-1)?.view.tone).toBe('done')
  })

  test('a chat that asks to be left alone is, and the end waits too', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    start().follow(card)
    await clock.pass(MINUTE)
    chat.fail = ['passing']
    chat.waits = { retryAfterMs: 3 * MINUTE }
    happen(started(1))
    await clock.pass(MINUTE)
    const before = chat.tries
    happen(COMPLETED)
    await clock.pass(MINUTE)
    expect([chat.fail, chat.tries, chat.counted.failed]).toEqual([[], before, 1])
    await clock.pass(2 * MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('done')
  })

  test('a failure that passes is tried again, ever more slowly', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    chat.fail = Array.from({ length: 6 }, () => 'passing')
    start().follow(card)
    await clock.pass(MINUTE)
    expect(chat.tries).toBeLessThanOrEqual(5)
    await clock.pass(10 * MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('working')
  })

  test('where the bot has no access there are no more edits, and no job is harmed', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    chat.fail = ['no_access']
    start().follow(card)
    await clock.pass(MINUTE)
    happen(started(1))
    await clock.pass(HOUR)
    expect(chat.tries).toBe(1)
    expect(card.deleted).toBe(false)
    happen(COMPLETED)
    await clock.pass(MINUTE)
    expect(chat.direct).toHaveLength(1)
  })

  test('a card that can only be edited for a while gets its last words before', async () => {
    const { clock, card, chat, happen, start } = scene()
    chat.editableUntil = START + 15 * MINUTE
    happen({ type: 'queued' })
    start().follow(card)
    await clock.pass(13 * MINUTE)
    expect(chat.edits).toHaveLength(1)
    await clock.pass(90_000)
    expect(chat.edits).toHaveLength(2)
    expect(chat.edits[1]?.view.notes.join()).toContain('/sora')
    happen(started(1))
    await clock.pass(HOUR)
    expect(chat.edits).toHaveLength(2)
  })

  test.each([1, 2, 5])('a database that is away %i times leaves no card behind', async (times) => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    chat.away = times
    start().follow(card)
    await clock.pass(10 * MINUTE)
    happen(COMPLETED)
    await clock.pass(MINUTE)
    expect([chat.edits.length, chat.edits.at(-1)?.view.tone, chat.direct.length]).toEqual([2, 'done', 1])
  })

  test('a card that was out of reach is written as soon as its person lets it, and to its end', async () => {
    const { clock, card, chat, happen, start } = scene()
    const replies = start()
    happen({ type: 'queued' })
    chat.fail = ['no_access']
    replies.follow(card)
    await clock.pass(MINUTE)
    happen({ type: 'cancel_requested' })
    replies.follow(card)
    await clock.pass(1000)
    expect(chat.edits).toHaveLength(1)
    happen({ type: 'cancelled' })
    await clock.pass(MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('cancelled')
  })

  test('a refused picture is left out', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    chat.fail = ['refused']
    start().follow(card)
    await clock.pass(MINUTE)
    expect(chat.edits).toHaveLength(1)
    expect(chat.edits[0]?.media).toBeNull()
  })
})

describe('the film', () => {
  const finished = async (
    about: Parameters<typeof scene>[0],
    prepare?: (chat: ReturnType<typeof scene>['chat']) => void,
  ) => {
    const { clock, card, chat, happen, start } = scene(about)
    happen({ type: 'queued' })
    start().follow(card)
    await clock.pass(MINUTE)
    prepare?.(chat)
    happen({ ...COMPLETED, film: about?.film ?? FILM })
    await clock.pass(MINUTE)
    return { chat, card, clock }
  }
  const big = { ...FILM, file_size: 50_000_000 }

  test('is on the card where it fits', async () => {
    const { chat, card } = await finished({})
    expect(chat.edits.at(-1)?.media).toMatchObject({ kind: 'film', name: 'film.mp4' })
    expect(chat.edits).toHaveLength(2)
    expect(card.shownSeq).toBe(2)
  })

  test('is followed by its smaller version where only that fits', async () => {
    const { chat } = await finished({ film: big }, (chat) => {
      chat.smaller = Buffer.from('x')
    })
    expect(chat.edits.map(({ media }) => media?.name)).toEqual(['frame.jpg', 'frame.jpg', 'film-smaller.mp4'])
    expect(chat.edits.at(-1)?.view.notes).toHaveLength(3)
    expect(chat.direct).toHaveLength(1)
  })

  test('is only linked to where nothing fits', async () => {
    const { chat, card } = await finished({ film: big })
    expect(chat.edits.at(-1)?.media).toMatchObject({ kind: 'picture' })
    expect(chat.edits.at(-1)?.view.buttons).toEqual([
      expect.objectContaining({ url: `https://films.example.com/${FILM.key}` }),
    ])
    expect(card.shownSeq).toBe(2)
  })

  test.each(['here', undefined] as const)(
    'is linked to by its page where there is one, wherever the film is kept: %s',
    async (stored) => {
      const { chat } = await finished({ film: big, pages: 'public', ...(stored ? { stored } : {}) })
      expect(chat.edits.at(-1)?.view.buttons).toEqual([
        expect.objectContaining({ url: `https://films.test/v/${JOB_ID}` }),
      ])
      // the message at the end has it as its button, and says nothing of where else the film is
      expect(chat.notices.at(-1)?.buttons).toEqual([
        expect.objectContaining({ url: `https://films.test/v/${JOB_ID}` }),
      ])
      expect(chat.told.join()).not.toMatch(/films\/|카드에서/)
    },
  )

  test.each([
    ['on its card', [], /카드에서/],
    ['kept where its card was deleted', ['gone'], /films\//],
    ['kept where it can’t be sent', ['refused', 'refused'], /films\//],
  ] as [string, ChatFault[], RegExp][])('that has no link is said to be %s', async (_, faults, said) => {
    const { chat } = await finished({ stored: 'here' }, (chat) => {
      chat.failFilms = faults
    })
    expect(chat.told).toEqual([expect.stringMatching(said)])
  })

  const nine = { ...FILM, file_size: 9_000_000 }

  test.each([
    ['says that it is too large', ['too_large']],
    ['fails with it again and again', ['passing', 'passing']],
  ] as [string, ChatFault[]][])('is made smaller where the platform %s', async (_, faults) => {
    const { chat } = await finished({ film: nine }, (chat) => {
      chat.failFilms = faults
      chat.smaller = Buffer.from('x')
    })
    // the end is there before the film is tried again
    expect(chat.edits.map(({ media }) => media?.name)).toEqual(['frame.jpg', 'frame.jpg', 'film-smaller.mp4'])
  })

  test('is sent whole where the platform asks to wait again and again', async () => {
    const { chat } = await finished({ film: nine }, (chat) => {
      chat.failFilms = ['passing', 'passing']
      chat.waits = { retryAfterMs: 1000 }
      chat.smaller = Buffer.from('x')
    })
    expect(chat.edits.map(({ media }) => media?.name)).toEqual(['frame.jpg', 'film.mp4'])
  })

  test.each([
    ['too large', ['too_large', 'too_large', 'too_large']],
    ['one that fails', Array.from({ length: 6 }, () => 'passing')],
  ] as [string, ChatFault[]][])('is only linked to where even a smaller one is %s', async (_, faults) => {
    const { chat, clock, card } = await finished(
      { film: { ...FILM, file_size: 50_000_000 }, fileLimit: 60_000_000 },
      (chat) => {
        chat.smaller = Buffer.from('x')
        chat.failFilms = faults
      },
    )
    await clock.pass(HOUR)
    expect(chat.edits.at(-1)?.media).toMatchObject({ kind: 'picture' })
    expect(chat.edits.at(-1)?.view.tone).toBe('done')
    expect([chat.failFilms, card.shownSeq]).toEqual([[], 2])
  })

  test('a picture that is too large is left out', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    chat.fail = ['too_large']
    start().follow(card)
    await clock.pass(1000)
    expect(chat.edits.map(({ media }) => media)).toEqual([null])
  })
})

describe('the end', () => {
  test('is told of once, and by a mention where direct messages are closed', async () => {
    for (const [faults, direct, mentions] of [
      [[], 1, 0],
      [['closed'], 0, 1],
      [['passing', 'passing'], 1, 0],
    ] as [ChatFault[], number, number][]) {
      const { clock, card, chat, happen, start } = scene()
      happen({ type: 'queued' }, COMPLETED)
      chat.failDirect = faults
      start().follow(card)
      await clock.pass(HOUR)
      expect([chat.direct.length, chat.mentions.length]).toEqual([direct, mentions])
      expect(card.notifiedAt).not.toBeNull()
    }
  })

  test('is told of when a chat that asks to wait is ready', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' }, COMPLETED)
    chat.failDirect = ['passing']
    chat.waits = { retryAfterMs: 10 * MINUTE }
    start().follow(card)
    await clock.pass(9 * MINUTE)
    expect([chat.failDirect, chat.direct]).toEqual([[], []])
    await clock.pass(2 * MINUTE)
    expect(chat.direct).toHaveLength(1)
  })

  test('is told of though an edit of the card takes for ever', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    start().follow(card)
    await clock.pass(MINUTE)
    const door = Promise.withResolvers<void>()
    chat.door = door.promise
    happen(started(1))
    await clock.pass(MINUTE)
    happen(COMPLETED)
    await clock.pass(4000)
    expect(chat.direct).toHaveLength(0)
    await clock.pass(2000)
    expect(chat.direct).toHaveLength(1)
    door.resolve()
    await clock.pass(MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('done')
    expect(chat.direct).toHaveLength(1)
  })

  test('isn’t told of to somebody who cancelled', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' }, { type: 'cancelled' })
    start().follow(card)
    await clock.pass(MINUTE)
    expect(chat.direct).toHaveLength(0)
    expect(card.notifiedAt).not.toBeNull()
    expect(chat.edits.at(-1)?.view.tone).toBe('cancelled')
  })

  test('is told of by the next process where one died before it could', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' })
    const first = start()
    first.follow(card)
    await clock.pass(MINUTE)
    await first.stop()
    happen(COMPLETED)
    await clock.pass(MINUTE)
    expect(chat.edits).toHaveLength(1)
    await start().takeUp()
    await clock.pass(MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('done')
    expect(chat.direct).toHaveLength(1)
  })

  test('a process that dies after the message and before its mark leads to no second message', async () => {
    const { clock, card, chat, happen, start } = scene()
    happen({ type: 'queued' }, COMPLETED)
    start().follow(card)
    await clock.pass(MINUTE)
    card.notifiedAt = null
    await start().takeUp()
    await clock.pass(MINUTE)
    expect(chat.direct).toHaveLength(1)
    expect(card.notifiedAt).not.toBeNull()
  })

  test('of a job that is tried again before its person could be told is shown and told of once', async () => {
    const { clock, card, chat, happen, start } = scene()
    const replies = start()
    happen({ type: 'queued' }, FAILED)
    chat.failDirect = ['passing', 'passing']
    replies.follow({ ...card })
    await clock.pass(1000)
    happen({ type: 'retried' })
    replies.follow({ ...card })
    await clock.pass(MINUTE)
    happen(COMPLETED)
    await clock.pass(HOUR)
    expect(chat.direct).toEqual([`${JOB_ID}/4`])
    expect(chat.edits.filter(({ media }) => media?.kind === 'film')).toHaveLength(1)
  })

  test('of a job that is tried again is told of again', async () => {
    const { clock, card, chat, happen, start } = scene()
    const replies = start()
    happen({ type: 'queued' }, FAILED)
    replies.follow(card)
    await clock.pass(MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('failed')
    happen({ type: 'retried' })
    replies.follow(card)
    await clock.pass(MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('working')
    happen(COMPLETED)
    await clock.pass(MINUTE)
    expect(chat.edits.at(-1)?.view.tone).toBe('done')
    expect(chat.direct).toHaveLength(2)
  })
})
