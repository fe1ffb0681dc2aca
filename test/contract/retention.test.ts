import { randomUUID } from 'node:crypto'
import { eq, sql } from 'drizzle-orm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { userError } from '../../src/core/errors.ts'
import type { Film } from '../../src/core/job.ts'
import type { Claim } from '../../src/core/ports.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createEventLog } from '../../src/storage/event-log.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createLinkStore } from '../../src/storage/link-store.ts'
import { createPlanCache } from '../../src/storage/plan-cache.ts'
import { createRetention } from '../../src/storage/retention.ts'
import { jobLogs, jobs as jobRows, linkCodes, planCache } from '../../src/storage/schema.ts'
import {
  createDatabase,
  DATABASES,
  NO_LIMITS,
  newJob,
  newUser,
  noEnlist,
  openUrl,
  silentLog,
} from '../support/databases.ts'

const filmOf = (jobId: string): Film => ({
  ...{ key: `films/${jobId}.mp4`, duration: 4, width: 1280, height: 720, file_size: 1 },
  ...{ clips: [], check: null },
})

const PLAN = { title: 't', shots: [{ title: 'a', prompt: 'b', seconds: 4 }] }

const ago = (days: number) => sql`now() - ${days} * interval '1 day'`

describe.each(DATABASES)('what is kept for a time, in $name', async ({ open }) => {
  const database = await open()
  const { db } = database
  const jobs = createJobStore(db, changeText)
  const retention = createRetention(database)
  const events = await createEventLog(database, silentLog)

  /** A job that has come so far; what happened to it, and its end, were so many days ago. */
  async function job(end: 'completed' | 'failed' | 'generating', days: number): Promise<string> {
    const { id } = await jobs.submit(newJob(await newUser(jobs)), NO_LIMITS, noEnlist)
    const claim: Claim = { jobId: id, worker: randomUUID() }
    await jobs.claim(id, claim.worker, 60_000)
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, PLAN)
    if (end === 'failed') await jobs.fail(claim, userError('internal', { reason: 'x' }).detail)
    if (end === 'completed') {
      await jobs.startMerging(claim)
      await jobs.complete(claim, filmOf(id))
      await db
        .update(jobRows)
        .set({ completedAt: ago(days) })
        .where(eq(jobRows.id, id))
    }
    await db
      .update(jobLogs)
      .set({ timestamp: ago(days) })
      .where(eq(jobLogs.jobId, id))
    return id
  }

  const typesOf = async (jobId: string) => (await events.since(jobId, 0)).map(({ type }) => type)

  test('a film is found when its time is over, oldest first, and no more once it is gone', async () => {
    const [older, old, young] = [
      await job('completed', 12),
      await job('completed', 9),
      await job('completed', 6),
    ]
    await job('failed', 20)
    const found = async (limit = 10) => (await retention.oldFilms(7, limit)).map(({ id }) => id)
    expect(await found()).toEqual([older, old])
    expect(await found(1)).toEqual([older])
    await retention.filmExpired(older)
    expect(await found()).toEqual([old])
    expect(await jobs.get(older)).toMatchObject({ status: 'completed', film: null, progress: 1 })
    expect(await jobs.get(young)).toMatchObject({ film: { key: `films/${young}.mp4` } })
  })

  test('what happened to a job that ended long ago is forgotten but for its end', async () => {
    const [done, failed] = [await job('completed', 100), await job('failed', 100)]
    const [young, running] = [await job('completed', 80), await job('generating', 100)]
    const before = await typesOf(young)
    expect(await retention.forgetEvents(90)).toBe(4 + 3)
    expect(await typesOf(done)).toEqual(['completed'])
    expect(await typesOf(failed)).toEqual(['failed'])
    expect(await typesOf(young)).toEqual(before)
    expect(await typesOf(running)).toEqual(['queued', 'planning', 'planned'])
    expect(await retention.forgetEvents(90)).toBe(0)
  })

  test('old plans and link codes that work no more are removed, and the others stay', async () => {
    const plans = createPlanCache(db)
    await plans.put('old', PLAN)
    await db.update(planCache).set({ createdAt: ago(31) })
    await plans.put('young', PLAN)
    expect(await retention.forgetPlans(30)).toBe(1)
    expect(await plans.get('old')).toBeNull()
    expect(await plans.get('young')).toEqual(PLAN)

    const links = createLinkStore(db)
    const identity = () => ({ platform: 'discord', team: '', externalId: randomUUID() }) as const
    const [late, early] = [identity(), identity()]
    for (const one of [late, early]) {
      await jobs.userOf(one)
      await links.issue(one)
    }
    const isLate = eq(linkCodes.externalId, late.externalId)
    await db
      .update(linkCodes)
      .set({ expiresAt: ago(1) })
      .where(isLate)
    expect(await retention.forgetCodes()).toBe(1)
    expect(await db.$count(linkCodes)).toBe(1)
  })
})

test('of several processes on one database one alone tidies', async () => {
  const url = await createDatabase()
  const [first, second] = [await openUrl(url, onTestFinished), await openUrl(url, onTestFinished)]
  const [here, there] = [createRetention(first), createRetention(second)]
  let tidied = 0
  const tidy = async () => {
    tidied += 1
  }
  const outcome = await here.alone(async () => {
    expect(await there.alone(tidy)).toBe(false)
  })
  expect([outcome, tidied]).toEqual([true, 0])
  expect(await there.alone(tidy)).toBe(true)
  expect(tidied).toBe(1)
})
