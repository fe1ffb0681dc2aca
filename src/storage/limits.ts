import { and, asc, desc, eq, gt, inArray, ne, sql } from 'drizzle-orm'
import { userError } from '../core/errors.ts'
import { UNFINISHED } from '../core/job.ts'
import type { Limits } from '../core/ports.ts'
import type { Db } from './db.ts'
import { jobs, users } from './schema.ts'

/** The checks of a person's limits. They hold because every transaction that adds a job takes the person's row first. */
export async function lockUser(tx: Db, userId: string): Promise<void> {
  await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update')
}

/** Throws `active_limit` where the person has as many unfinished jobs as allowed, `but` left out. */
export async function checkActiveLimit(tx: Db, userId: string, limits: Limits, but?: string): Promise<void> {
  if (limits.activeJobs === null) return
  const active = await tx
    .select({ id: jobs.id })
    .from(jobs)
    .where(
      and(
        eq(jobs.userId, userId),
        inArray(jobs.status, [...UNFINISHED]),
        but === undefined ? undefined : ne(jobs.id, but),
      ),
    )
    .orderBy(asc(jobs.createdAt))
  if (active.length < limits.activeJobs) return
  throw userError('active_limit', { limit: limits.activeJobs, jobs: active.map((job) => job.id) })
}

/** Throws `hourly_limit` where the sliding hour is full; `retry_at` is when its oldest job leaves it. */
export async function checkHourlyLimit(tx: Db, userId: string, limits: Limits): Promise<void> {
  if (limits.jobsPerHour === null) return
  const [leaves] = await tx
    // up to the next whole second: nobody is told a moment that is still too early
    .select({
      at: sql`date_trunc('second', ${jobs.createdAt} + interval '1 hour 0.999999 seconds')`.mapWith(
        jobs.createdAt,
      ),
    })
    .from(jobs)
    .where(and(eq(jobs.userId, userId), gt(jobs.createdAt, sql`now() - interval '1 hour'`)))
    .orderBy(desc(jobs.createdAt))
    .offset(limits.jobsPerHour - 1)
    .limit(1)
  if (leaves) {
    throw userError('hourly_limit', { limit: limits.jobsPerHour, retry_at: leaves.at.toISOString() })
  }
}
