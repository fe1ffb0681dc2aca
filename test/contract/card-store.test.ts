import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Card } from '../../src/core/card.ts'
import type { Film } from '../../src/core/job.ts'
import type { Claim } from '../../src/core/ports.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createCardStore } from '../../src/storage/card-store.ts'
import { createEventLog } from '../../src/storage/event-log.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { DATABASES, NO_LIMITS, newJob, noEnlist, silentLog } from '../support/databases.ts'

const FILM: Film = {
  key: 'films/a.mp4',
  duration: 4,
  width: 1280,
  height: 720,
  file_size: 1,
  clips: [],
  check: null,
}

describe.each(DATABASES)('cards in $name', async ({ open }) => {
  const database = await open()
  const jobs = createJobStore(database.db, changeText)
  const cards = createCardStore(database.db)
  const events = await createEventLog(database, silentLog)

  async function jobWithCard(): Promise<{ card: Card; claim: Claim }> {
    const identity = { platform: 'discord', team: '', externalId: randomUUID() } as const
    const userId = await jobs.userOf(identity)
    const place = {
      platform: 'discord',
      team: '',
      channelId: '111',
      messageId: '222',
      externalUserId: identity.externalId,
    } as const
    const job = await jobs.submit(newJob(userId, { card: place }), NO_LIMITS, noEnlist)
    const claim = { jobId: job.id, worker: randomUUID() }
    await jobs.claim(job.id, claim.worker, 60_000)
    const card = await cards.of(job.id, 'discord')
    if (!card) throw new Error('the job has no card')
    return { card, claim }
  }

  async function make(claim: Claim) {
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, { title: 't', shots: [{ title: 'a', prompt: 'b', seconds: 4 }] })
    await jobs.startMerging(claim)
    await jobs.complete(claim, FILM)
    return lastEvent(claim.jobId)
  }

  async function lastEvent(jobId: string) {
    const event = (await events.since(jobId, 0)).at(-1)
    if (!event) throw new Error('the job has no events')
    return event
  }

  const waits = async (card: Card) =>
    (await cards.waiting('discord')).some(({ jobId }) => jobId === card.jobId)
  const hold = (card: Card, holder: string, ms = 60_000) => cards.hold(card, holder, ms, false)

  test('a card is there as soon as its job is', async () => {
    const { card } = await jobWithCard()
    expect(card).toMatchObject({
      channelId: '111',
      messageId: '222',
      shownSeq: 0,
      deleted: false,
      notifiedAt: null,
    })
    expect(await cards.of(card.jobId, 'slack')).toBeNull()
    expect(await cards.of('no-uuid', 'discord')).toBeNull()
  })

  test('a job that is refused leaves no card', async () => {
    const { card } = await jobWithCard()
    const userId = (await jobs.get(card.jobId))?.userId ?? ''
    const { jobId: _, shownSeq, deleted, notifiedAt, createdAt, ...place } = card
    const again = newJob(userId, { card: place })
    await expect(jobs.submit(again, { ...NO_LIMITS, activeJobs: 1 }, noEnlist)).rejects.toThrow(
      'active_limit',
    )
    expect(await cards.of(again.id, 'discord')).toBeNull()
  })

  test('a new card waits for a process, and one alone has it', async () => {
    const { card } = await jobWithCard()
    expect(await waits(card)).toBe(true)
    expect(await cards.waiting('slack')).toEqual([])
    const asked = await Promise.all(Array.from({ length: 5 }, () => hold(card, randomUUID())))
    expect(asked.filter((held) => held)).toHaveLength(1)
    expect(await waits(card)).toBe(false)
  })

  test('a card waits again when its holder leaves it, or is silent for too long', async () => {
    const { card } = await jobWithCard()
    const [one, two] = [randomUUID(), randomUUID()]
    expect(await hold(card, one)).toBe(true)
    await cards.letGo(card, two, false)
    expect(await waits(card)).toBe(false)
    await cards.letGo(card, one, false)
    expect(await waits(card)).toBe(true)

    expect(await hold(card, one, 0)).toBe(true)
    expect(await waits(card)).toBe(true)
    await cards.renew(one, 60_000)
    expect(await waits(card)).toBe(false)
    expect(await hold(card, two)).toBe(false)
    await hold(card, one, 0)
    expect(await hold(card, two)).toBe(true)
    // whoever was silent has lost it
    await cards.renew(one, 60_000)
    expect(await hold(card, one)).toBe(false)
    expect(await cards.hold(card, one, 60_000, true)).toBe(true)
    expect(await hold(card, two)).toBe(false)
  })

  test('a card with nothing left to do waits for nobody, until its job is tried again', async () => {
    const { card, claim } = await jobWithCard()
    const [one, two] = [randomUUID(), randomUUID()]
    await hold(card, one)
    await jobs.fail(claim, { code: 'internal', data: { reason: 'boom' } })
    await cards.letGo(card, one, true)
    expect(await waits(card)).toBe(false)
    await jobs.retry(card.jobId, NO_LIMITS, noEnlist)
    expect(await waits(card)).toBe(true)

    // tried again while its holder was just about to leave it
    await hold(card, two)
    await jobs.claim(card.jobId, claim.worker, 60_000)
    await jobs.fail(claim, { code: 'internal', data: { reason: 'boom' } })
    await jobs.retry(card.jobId, NO_LIMITS, noEnlist)
    await cards.letGo(card, two, true)
    expect(await waits(card)).toBe(true)
  })

  test('all cards are free for whoever has the store alone', async () => {
    const { card } = await jobWithCard()
    await hold(card, randomUUID())
    await cards.releaseAll()
    expect(await hold(card, randomUUID())).toBe(true)
  })

  test('what is shown never goes back', async () => {
    const { card } = await jobWithCard()
    await cards.shown(card, 7)
    await cards.shown(card, 5)
    expect((await cards.of(card.jobId, 'discord'))?.shownSeq).toBe(7)
  })

  test('one end is told of once, however many ask at the same time', async () => {
    const { card, claim } = await jobWithCard()
    const { at } = await make(claim)
    const asked = await Promise.all(Array.from({ length: 5 }, () => cards.notified(card, at)))
    expect(asked.filter((first) => first)).toHaveLength(1)
  })

  test('a message that is gone is known to be', async () => {
    const { card } = await jobWithCard()
    await cards.gone(card)
    expect((await cards.of(card.jobId, 'discord'))?.deleted).toBe(true)
  })

  test('a job that was tried again has a new end to tell of', async () => {
    const { card, claim } = await jobWithCard()
    await jobs.fail(claim, { code: 'internal', data: { reason: 'boom' } })
    const failed = await lastEvent(card.jobId)
    expect(await cards.notified(card, failed.at)).toBe(true)
    await jobs.retry(card.jobId, NO_LIMITS, noEnlist)
    await jobs.claim(card.jobId, claim.worker, 60_000)
    const end = await make(claim)
    expect(await cards.notified(card, end.at)).toBe(true)
  })
})
