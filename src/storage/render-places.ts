import { and, asc, count, eq, inArray, notInArray, sql } from 'drizzle-orm'
import { UNFINISHED } from '../core/job.ts'
import type { Log } from '../core/ports.ts'
import type { RenderPlaces } from '../core/queue.ts'
import { OCCUPYING } from '../core/segment.ts'
import type { Database, Db } from './db.ts'
import type { Describe } from './event-log.ts'
import { createJobStore, isUnheld, PLACES_CHANNEL } from './job-store.ts'
import { jobs, segments } from './schema.ts'

/** Any number that no other program takes as an advisory lock on the same database. */
const PLACES_LOCK = 7_305_210_928

/** A notification can be lost, so whoever waits looks by themselves too. Milliseconds. */
const LOOK_EVERY_MS = 1000

/**
 * How long a request counts of a job that nobody works on: what nobody goes on with must not block everybody for ever. One that may not even
 * be there counts for less, since nobody but its own job's next run can tell.
 */
const COUNTS_FOR = { known: sql`interval '1 hour'`, unknown: sql`interval '2 minutes'` }

/** How long a request that could not be seen to is left alone in this process, in milliseconds. */
const PASSED_OVER_MS = 60_000

/** The places in Postgres, counted over all processes at each asking. Whoever waits hears of changes over one LISTEN for the process. */
export async function createRenderPlaces(
  database: Database,
  options: { places: number; describe: Describe; log: Log },
): Promise<RenderPlaces & { close(): Promise<void> }> {
  const { db } = database
  const { places, describe, log } = options
  const passedOver = new Map<string, number>()
  let bell = Promise.withResolvers<void>()
  const unlisten = await database
    .listen(PLACES_CHANNEL, () => {
      bell.resolve()
      bell = Promise.withResolvers()
    })
    .catch((error) => {
      log.warn({ err: error }, 'cannot listen for places: looking each second instead')
      return async () => {}
    })

  return {
    take: (claim, segment, move) =>
      db.transaction(async (tx) => {
        // until the end of the transaction nobody else counts
        await tx.execute(sql`select pg_advisory_xact_lock(${PLACES_LOCK})`)
        if ((await taken(tx)) >= places) return null
        return createJobStore(tx, describe).moveSegment(claim, segment, 'submitting', move)
      }),

    async forsaken() {
      for (const [id, until] of passedOver) if (until <= Date.now()) passedOver.delete(id)
      const [row] = await db
        .select({ id: jobs.id })
        .from(segments)
        .innerJoin(jobs, eq(jobs.id, segments.jobId))
        .where(
          and(
            inArray(jobs.status, [...UNFINISHED]),
            eq(segments.state, 'submitted'),
            isUnheld,
            notInArray(jobs.id, [...passedOver.keys()]),
          ),
        )
        .orderBy(asc(segments.updatedAt))
        .limit(1)
      return row?.id ?? null
    },

    passOver: (jobId) => void passedOver.set(jobId, Date.now() + PASSED_OVER_MS),

    async freed(signal) {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, LOOK_EVERY_MS)
      signal.addEventListener('abort', () => late.resolve(), { once: true })
      await Promise.race([bell.promise, late.promise])
      clearTimeout(timer)
    },

    close: unlisten,
  }
}

async function taken(tx: Db): Promise<number> {
  const countsFor = sql`case when ${segments.state} = 'submitting' then ${COUNTS_FOR.unknown} else ${COUNTS_FOR.known} end`
  const [row] = await tx
    .select({ taken: count() })
    .from(segments)
    .innerJoin(jobs, eq(jobs.id, segments.jobId))
    .where(
      and(
        inArray(segments.state, [...OCCUPYING]),
        inArray(jobs.status, [...UNFINISHED]),
        sql`greatest(${jobs.claimedUntil}, ${jobs.updatedAt}, ${segments.updatedAt}) > now() - (${countsFor})`,
      ),
    )
  return row?.taken ?? 0
}
