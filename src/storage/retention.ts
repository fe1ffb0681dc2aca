import { and, asc, eq, inArray, isNotNull, lt, sql } from 'drizzle-orm'
import type { JobStatus } from '../core/job.ts'
import type { Retention } from '../core/ports.ts'
import type { Database } from './db.ts'
import { toJob } from './job-store.ts'
import { jobLogs, jobs, linkCodes, planCache } from './schema.ts'

/** Any number that no other program takes as an advisory lock on the same database. */
const TIDY_LOCK = 7_305_210_927

const ENDED: JobStatus[] = ['completed', 'failed', 'cancelled']

const daysAgo = (days: number) => sql`now() - ${days} * interval '1 day'`

/** What is kept for a time alone, in Postgres. */
export function createRetention({ db, exclusive }: Pick<Database, 'db' | 'exclusive'>): Retention {
  return {
    async alone(work) {
      // the embedded database has one connection, which a transaction would keep from `work`
      if (exclusive) {
        await work()
        return true
      }
      return db.transaction(async (tx) => {
        const [row] = await tx
          .select({ taken: sql<boolean>`taken` })
          .from(sql`pg_try_advisory_xact_lock(${TIDY_LOCK}) as taken`)
        if (row?.taken === true) await work()
        return row?.taken === true
      })
    },

    async oldFilms(days, limit) {
      const rows = await db
        .select()
        .from(jobs)
        .where(
          and(eq(jobs.status, 'completed'), isNotNull(jobs.resultPath), lt(jobs.completedAt, daysAgo(days))),
        )
        .orderBy(asc(jobs.completedAt))
        .limit(limit)
      return rows.map(toJob)
    },

    async filmExpired(jobId) {
      await db.update(jobs).set({ resultPath: null, updatedAt: sql`now()` }).where(eq(jobs.id, jobId))
    },

    async forgetEvents(days) {
      const ended = db.select({ id: jobs.id }).from(jobs).where(inArray(jobs.status, ENDED))
      const newest = sql`(select max(later.id) from ${jobLogs} later where later.job_id = ${jobLogs.jobId})`
      const gone = await db
        .delete(jobLogs)
        .where(
          and(lt(jobLogs.timestamp, daysAgo(days)), lt(jobLogs.id, newest), inArray(jobLogs.jobId, ended)),
        )
        .returning({ id: jobLogs.id })
      return gone.length
    },

    async forgetPlans(days) {
      const old = lt(planCache.createdAt, daysAgo(days))
      return (await db.delete(planCache).where(old).returning({ key: planCache.key })).length
    },

    async forgetCodes() {
      const old = lt(linkCodes.expiresAt, sql`now()`)
      return (await db.delete(linkCodes).where(old).returning({ hash: linkCodes.hash })).length
    },
  }
}
