import { and, eq, sql } from 'drizzle-orm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { UserError } from '../../src/core/errors.ts'
import type { Job, JobStatus } from '../../src/core/job.ts'
import type { JobStore, Limits } from '../../src/core/ports.ts'
import { changeText } from '../../src/i18n/index.ts'
import type { Db } from '../../src/storage/db.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { jobLogs, jobs as jobsTable } from '../../src/storage/schema.ts'
import {
  createDatabase,
  DATABASES,
  NO_LIMITS,
  newJob,
  newUser,
  noEnlist,
  openUrl,
} from '../support/databases.ts'

const TWO_ACTIVE: Limits = { jobsPerHour: null, activeJobs: 2, usdPerDay: null }
const THREE_AN_HOUR: Limits = { jobsPerHour: 3, activeJobs: null, usdPerDay: null }

/** What came of commands given at the same instant. */
async function outcomes(commands: Promise<Job>[]) {
  const settled = await Promise.allSettled(commands)
  const accepted = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []))
  const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  for (const error of refused) expect(error).toBeInstanceOf(UserError)
  return { accepted, refused: refused.map((error: UserError) => error.detail) }
}

async function end(db: Db, jobId: string, status: JobStatus = 'completed') {
  await db.update(jobsTable).set({ status }).where(eq(jobsTable.id, jobId))
}

/** Lets time go by for a person's jobs; `interval` is Postgres' own, such as `59 minutes`. */
async function pass(db: Db, userId: string, interval: string) {
  await db
    .update(jobsTable)
    .set({ createdAt: sql`${jobsTable.createdAt} - ${interval}::interval` })
    .where(eq(jobsTable.userId, userId))
}

function submitMany(store: JobStore, userId: string, count: number, limits: Limits) {
  return Array.from({ length: count }, () => store.submit(newJob(userId), limits, noEnlist))
}

describe.each(DATABASES)('limits on $name', async ({ open }) => {
  const { db } = await open()
  const jobs = createJobStore(db, changeText)

  test('of twenty commands at the same instant two are accepted, and the others are told which jobs to wait for', async () => {
    const userId = await newUser(jobs)
    const { accepted, refused } = await outcomes(submitMany(jobs, userId, 20, TWO_ACTIVE))
    expect(accepted).toHaveLength(2)
    expect(refused).toHaveLength(18)
    for (const detail of refused) {
      expect(detail).toMatchObject({ code: 'active_limit', data: { limit: 2 } })
      expect(detail.code === 'active_limit' && detail.data.jobs.toSorted()).toEqual(accepted.toSorted())
    }
    expect((await jobs.list(userId, 50)).map(({ id }) => id).sort()).toEqual(accepted.sort())
  })

  test('of twenty commands at the same instant as many are accepted as an hour allows', async () => {
    const userId = await newUser(jobs)
    const { accepted, refused } = await outcomes(submitMany(jobs, userId, 20, THREE_AN_HOUR))
    expect(accepted).toHaveLength(3)
    expect(refused.map(({ code }) => code)).toEqual(Array(17).fill('hourly_limit'))
    expect(await jobs.list(userId, 50)).toHaveLength(3)
  })

  test.each(['completed', 'failed', 'cancelled'] as const)(
    'a job that is %s makes room for the next one',
    async (status) => {
      const userId = await newUser(jobs)
      const { accepted } = await outcomes(submitMany(jobs, userId, 3, TWO_ACTIVE))
      await end(db, accepted[0] ?? '', status)
      const next = await outcomes(submitMany(jobs, userId, 2, TWO_ACTIVE))
      expect(next.accepted).toHaveLength(1)
    },
  )

  test('jobs count as unfinished in every state in which they still have work to do', async () => {
    for (const status of ['queued', 'planning', 'generating', 'merging'] as const) {
      const userId = await newUser(jobs)
      const { accepted } = await outcomes(submitMany(jobs, userId, 2, TWO_ACTIVE))
      for (const id of accepted) await end(db, id, status)
      const { refused } = await outcomes(submitMany(jobs, userId, 1, TWO_ACTIVE))
      expect(refused.map(({ code }) => code)).toEqual(['active_limit'])
    }
  })

  test('jobs that have ended still count for the hour', async () => {
    const userId = await newUser(jobs)
    const { accepted } = await outcomes(submitMany(jobs, userId, 3, THREE_AN_HOUR))
    for (const id of accepted) await end(db, id, 'cancelled')
    const { refused } = await outcomes(submitMany(jobs, userId, 1, THREE_AN_HOUR))
    expect(refused.map(({ code }) => code)).toEqual(['hourly_limit'])
  })

  test('the hour slides: each job makes room an hour after it was taken in, not before', async () => {
    const userId = await newUser(jobs)
    const submit = () => outcomes(submitMany(jobs, userId, 1, THREE_AN_HOUR))
    await submit()
    await pass(db, userId, '20 minutes')
    await submit()
    await pass(db, userId, '20 minutes')
    await submit()
    await pass(db, userId, '19 minutes 50 seconds')
    expect((await submit()).accepted).toHaveLength(0)
    await pass(db, userId, '10 seconds')
    expect((await submit()).accepted).toHaveLength(1)
    expect((await submit()).accepted).toHaveLength(0)
    await pass(db, userId, '20 minutes')
    const next = await outcomes(submitMany(jobs, userId, 5, THREE_AN_HOUR))
    expect(next.accepted).toHaveLength(1)
  })

  test('a refused command says when the oldest job leaves the hour', async () => {
    const userId = await newUser(jobs)
    for (let i = 0; i < 3; i++) {
      await jobs.submit(newJob(userId), THREE_AN_HOUR, noEnlist)
      await pass(db, userId, '7 minutes 13 seconds')
    }
    const oldest = (await jobs.list(userId, 3)).at(-1)
    const { refused } = await outcomes(submitMany(jobs, userId, 1, THREE_AN_HOUR))
    const [detail] = refused
    if (detail?.code !== 'hourly_limit') throw new Error(`refused with ${detail?.code}`)
    const leaves = (oldest?.createdAt.getTime() ?? 0) + 3_600_000
    // the first whole second at which it has left, never one before
    const after = Date.parse(detail.data.retry_at) - leaves
    expect(after).toBeGreaterThanOrEqual(0)
    expect(after).toBeLessThanOrEqual(1000)
    expect(detail.data.retry_at).toMatch(/:\d\d\.000Z$/)
    expect(detail.data.limit).toBe(3)
  })

  test('at the moment that a refused command was told, the next one is accepted', async () => {
    const userId = await newUser(jobs)
    await outcomes(submitMany(jobs, userId, 3, THREE_AN_HOUR))
    await db
      .update(jobsTable)
      .set({
        createdAt: sql`date_trunc('second', now()) - interval '30 minutes' + interval '123456 microseconds'`,
      })
      .where(eq(jobsTable.userId, userId))
    const { refused } = await outcomes(submitMany(jobs, userId, 1, THREE_AN_HOUR))
    const [detail] = refused
    if (detail?.code !== 'hourly_limit') throw new Error(`refused with ${detail?.code}`)
    const stillInTheHour = await db
      .select()
      .from(jobsTable)
      .where(
        and(
          eq(jobsTable.userId, userId),
          sql`${jobsTable.createdAt} > ${detail.data.retry_at}::timestamptz - interval '1 hour'`,
        ),
      )
    expect(stillInTheHour).toHaveLength(0)
  })

  test('after the limit was lowered, the answer still names a moment at which the next one is possible', async () => {
    const userId = await newUser(jobs)
    for (let i = 0; i < 4; i++) {
      await jobs.submit(newJob(userId), NO_LIMITS, noEnlist)
      await pass(db, userId, '10 minutes')
    }
    const { refused } = await outcomes(
      submitMany(jobs, userId, 1, { jobsPerHour: 2, activeJobs: null, usdPerDay: null }),
    )
    const [detail] = refused
    if (detail?.code !== 'hourly_limit') throw new Error(`refused with ${detail?.code}`)
    const secondNewest = (await jobs.list(userId, 2)).at(-1)
    expect(Date.parse(detail.data.retry_at)).toBeGreaterThanOrEqual(
      (secondNewest?.createdAt.getTime() ?? 0) + 3_600_000,
    )
  })

  test('limits are each person’s own', async () => {
    const users = await Promise.all([newUser(jobs), newUser(jobs), newUser(jobs)])
    const both: Limits = { jobsPerHour: 3, activeJobs: 2, usdPerDay: null }
    const each = await Promise.all(users.map((user) => outcomes(submitMany(jobs, user, 5, both))))
    expect(each.map(({ accepted }) => accepted.length)).toEqual([2, 2, 2])
  })

  test('without limits every command is accepted', async () => {
    const { accepted } = await outcomes(submitMany(jobs, await newUser(jobs), 20, NO_LIMITS))
    expect(accepted).toHaveLength(20)
  })

  test('a refused or failed command leaves nothing behind and uses up nothing', async () => {
    const userId = await newUser(jobs)
    const lost = newJob(userId)
    const gone = async () => {
      throw new Error('the queue is gone')
    }
    const limits: Limits = { jobsPerHour: 2, activeJobs: 2, usdPerDay: null }
    await expect(jobs.submit(lost, limits, gone)).rejects.toThrow('the queue is gone')
    const { accepted, refused } = await outcomes(submitMany(jobs, userId, 6, limits))
    expect(accepted).toHaveLength(2)
    expect(refused).toHaveLength(4)
    expect(await jobs.get(lost.id)).toBeNull()
    const logs = await db
      .select({ jobId: jobLogs.jobId })
      .from(jobLogs)
      .innerJoin(jobsTable, eq(jobsTable.id, jobLogs.jobId))
      .where(eq(jobsTable.userId, userId))
    expect(logs.map(({ jobId }) => jobId).sort()).toEqual(accepted.sort())
  })

  test('a retry waits for room like a new job, and the job stays failed until then', async () => {
    const userId = await newUser(jobs)
    const failed = await jobs.submit(newJob(userId), NO_LIMITS, noEnlist)
    const claim = { jobId: failed.id, worker: failed.id }
    await jobs.claim(failed.id, claim.worker, 60_000)
    await jobs.fail(claim, { code: 'join_failed', data: { reason: 'no' } })
    const accepted: string[] = []
    for (let i = 0; i < 2; i++) accepted.push((await jobs.submit(newJob(userId), TWO_ACTIVE, noEnlist)).id)
    await expect(jobs.retry(failed.id, TWO_ACTIVE, noEnlist)).rejects.toMatchObject({
      detail: { code: 'active_limit', data: { limit: 2, jobs: accepted } },
    })
    expect(await jobs.get(failed.id)).toMatchObject({ status: 'failed', error: { code: 'join_failed' } })
    await end(db, accepted[0] ?? '')
    expect(await jobs.retry(failed.id, TWO_ACTIVE, noEnlist)).toMatchObject({ status: 'queued' })
    const { refused } = await outcomes(submitMany(jobs, userId, 1, TWO_ACTIVE))
    expect(refused.map(({ code }) => code)).toEqual(['active_limit'])
  })

  test('a retry is no new job for the hour', async () => {
    const userId = await newUser(jobs)
    const { accepted } = await outcomes(submitMany(jobs, userId, 3, THREE_AN_HOUR))
    const [id = ''] = accepted
    await jobs.claim(id, id, 60_000)
    await jobs.fail({ jobId: id, worker: id }, { code: 'join_failed', data: { reason: 'no' } })
    expect(await jobs.retry(id, THREE_AN_HOUR, noEnlist)).toMatchObject({ status: 'queued' })
  })
})

describe('limits between processes', () => {
  test('two processes that get twenty commands of one person at the same instant accept two together', async () => {
    const url = await createDatabase()
    const stores = await Promise.all(
      [1, 2].map(async () => createJobStore((await openUrl(url, onTestFinished)).db, changeText)),
    )
    const [one, two] = stores as [JobStore, JobStore]
    const userId = await newUser(one)
    const both: Limits = { jobsPerHour: 10, activeJobs: 2, usdPerDay: null }
    const first = await outcomes(stores.flatMap((store) => submitMany(store, userId, 10, both)))
    expect(first.accepted).toHaveLength(2)
    expect(first.refused.map(({ code }) => code)).toEqual(Array(18).fill('active_limit'))

    const other = await newUser(two)
    const hour = await outcomes(stores.flatMap((store) => submitMany(store, other, 10, THREE_AN_HOUR)))
    expect(hour.accepted).toHaveLength(3)
  })

  test('retries and new jobs at the same instant share the room that there is', async () => {
    const url = await createDatabase()
    const { db } = await openUrl(url, onTestFinished)
    const one = createJobStore(db, changeText)
    const two = createJobStore((await openUrl(url, onTestFinished)).db, changeText)
    const userId = await newUser(one)
    const { accepted: old } = await outcomes(submitMany(one, userId, 5, NO_LIMITS))
    for (const id of old) {
      await one.claim(id, id, 60_000)
      await one.fail({ jobId: id, worker: id }, { code: 'join_failed', data: { reason: 'no' } })
    }
    const { accepted } = await outcomes([
      ...old.map((id) => two.retry(id, TWO_ACTIVE, noEnlist)),
      ...submitMany(one, userId, 5, TWO_ACTIVE),
    ])
    expect(accepted).toHaveLength(2)
    expect((await one.list(userId, 50)).filter(({ status }) => status === 'queued')).toHaveLength(2)
  })

  test('the hour is right on a server that lives in another time zone', async () => {
    const url = await createDatabase()
    const { db: admin } = await openUrl(url, onTestFinished)
    const name = new URL(url).pathname.slice(1)
    await admin.execute(sql.raw(`alter database ${name} set timezone = 'Asia/Kolkata'`))
    const { db } = await openUrl(url, onTestFinished)
    const jobs = createJobStore(db, changeText)
    const userId = await newUser(jobs)
    const before = Date.now()
    await outcomes(submitMany(jobs, userId, 3, THREE_AN_HOUR))
    const { refused } = await outcomes(submitMany(jobs, userId, 1, THREE_AN_HOUR))
    const [detail] = refused
    if (detail?.code !== 'hourly_limit') throw new Error(`refused with ${detail?.code}`)
    const minutes = (Date.parse(detail.data.retry_at) - before) / 60_000
    expect(Math.round(minutes)).toBe(60)
  })
})
