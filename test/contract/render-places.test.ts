import { randomUUID } from 'node:crypto'
import { eq, sql } from 'drizzle-orm'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Claim } from '../../src/core/ports.ts'
import type { RenderPlaces } from '../../src/core/queue.ts'
import { changeText } from '../../src/i18n/index.ts'
import type { Database } from '../../src/storage/db.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createRenderPlaces } from '../../src/storage/render-places.ts'
import { jobs as jobsTable, segments as segmentsTable } from '../../src/storage/schema.ts'
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

const REMOTE = { id: 'request-1', urls: {} }
const never = new AbortController().signal

async function placesOf(database: Database, places: number): Promise<RenderPlaces> {
  const made = await createRenderPlaces(database, { places, describe: changeText, log: silentLog })
  onTestFinished(() => made.close())
  return made
}

/** What a worker does with a job of one segment, in this database. */
function workerOn({ db }: Database, places: RenderPlaces) {
  const jobs = createJobStore(db, changeText)
  const segment = async (claim: Claim) => {
    const [first] = await jobs.segments(claim.jobId)
    if (first === undefined) throw new Error('no segment')
    return first
  }
  return {
    jobs,
    async planned(): Promise<Claim> {
      const { id } = await jobs.submit(newJob(await newUser(jobs)), NO_LIMITS, noEnlist)
      const claim = { jobId: id, worker: randomUUID() }
      await jobs.claim(id, claim.worker, 60_000)
      await jobs.startPlanning(claim)
      await jobs.startGenerating(claim, { title: 'a', shots: [{ title: 'a', prompt: 'b', seconds: 4 }] })
      return claim
    },
    take: async (claim: Claim) => (await places.take(claim, await segment(claim), {})) !== null,
    async submitted(claim: Claim) {
      await jobs.moveSegment(claim, await segment(claim), 'submitted', { request: REMOTE })
    },
    async rendered(claim: Claim) {
      await jobs.moveSegment(claim, await segment(claim), 'rendered', {
        clipUrl: 'https://example.com/c.mp4',
      })
    },
  }
}

describe.each(DATABASES)('places at the provider in $name', ({ open }) => {
  test('are held from before the request is sent until it is done, and then somebody else’s', async () => {
    const database = await open(onTestFinished)
    const places = await placesOf(database, 1)
    const { planned, take, submitted, rendered } = workerOn(database, places)
    const [one, two] = [await planned(), await planned()]
    expect(await take(one)).toBe(true)
    expect(await take(two)).toBe(false)
    await submitted(one)
    expect(await take(two)).toBe(false)
    const freed = places.freed(never)
    await rendered(one)
    await freed
    expect(await take(two)).toBe(true)
  })

  test('are free when their job has ended', async () => {
    const database = await open(onTestFinished)
    const { jobs, planned, take, submitted } = workerOn(database, await placesOf(database, 1))
    const [one, two] = [await planned(), await planned()]
    await take(one)
    await submitted(one)
    await jobs.fail(one, { code: 'internal', data: { reason: 'a fault' } })
    expect(await take(two)).toBe(true)
  })

  test('are kept for a job that nobody holds, which is named, but not for ever', async () => {
    const database = await open(onTestFinished)
    const places = await placesOf(database, 1)
    const { jobs, planned, take, submitted } = workerOn(database, places)
    const [one, two] = [await planned(), await planned()]
    await take(one)
    await submitted(one)
    expect(await places.forsaken()).toBeNull()
    await jobs.release(one)
    expect(await places.forsaken()).toBe(one.jobId)
    expect(await take(two)).toBe(false)
    const workedOn = async (ago: string) => {
      const at = sql`now() - ${ago}::interval`
      await database.db
        .update(jobsTable)
        .set({ claimedUntil: at, updatedAt: at })
        .where(eq(jobsTable.id, one.jobId))
      await database.db.update(segmentsTable).set({ updatedAt: at }).where(eq(segmentsTable.jobId, one.jobId))
    }
    // longer than a database or all workers are away
    await workedOn('30 minutes')
    expect(await take(two)).toBe(false)
    await workedOn('61 minutes')
    expect(await take(two)).toBe(true)
    places.passOver(one.jobId)
    expect(await places.forsaken()).toBeNull()
  })
})

test('no more are given than there are, however many processes ask at the same instant', async () => {
  const url = await createDatabase()
  const workers = []
  for (let i = 0; i < 3; i++) {
    const database = await openUrl(url, onTestFinished)
    workers.push(workerOn(database, await placesOf(database, 4)))
  }
  const claims = await Promise.all(
    workers.flatMap((worker) =>
      Array.from({ length: 7 }, async () => ({ worker, claim: await worker.planned() })),
    ),
  )
  const taken = await Promise.all(claims.map(({ worker, claim }) => worker.take(claim)))
  expect(taken.filter(Boolean)).toHaveLength(4)
})
