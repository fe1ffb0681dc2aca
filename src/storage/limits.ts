import { and, asc, desc, eq, gt, inArray, ne, sql } from 'drizzle-orm'
import { userError } from '../core/errors.ts'
import { UNFINISHED } from '../core/job.ts'
import type { JobCost, Limits, Usage } from '../core/ports.ts'
import type { Db } from './db.ts'
import { jobs, segments, users } from './schema.ts'

/**
 * The checks of a person's limits. They hold because every transaction that adds a job takes the person's row first. Returns who the
 * person is by now: they may have become one with another.
 */
export async function lockUser(tx: Db, userId: string): Promise<string> {
  const [user] = await tx
    .select({ mergedInto: users.mergedInto })
    .from(users)
    .where(eq(users.id, userId))
    .for('update')
  return user?.mergedInto ? lockUser(tx, user.mergedInto) : userId
}

/** Everything that a new job must not exceed. Throws `active_limit`, `hourly_limit`, `cost_over_day`. */
export async function checkLimits(tx: Db, job: JobCost, limits: Limits): Promise<void> {
  await checkActiveLimit(tx, job.userId, limits)
  await checkHourlyLimit(tx, job.userId, limits)
  await checkDailySpend(tx, job, limits)
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
async function checkHourlyLimit(tx: Db, userId: string, limits: Limits): Promise<void> {
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

/**
 * Throws `cost_over_day` where a job's estimate doesn't fit into what the person may still spend. An unfinished job
 * counts with its estimate; an ended one with what its segments cost, or were expected to where nobody says.
 */
async function checkDailySpend(tx: Db, job: JobCost, limits: Limits): Promise<void> {
  if (limits.usdPerDay === null) return
  const paid = sql`(select coalesce(sum(coalesce(${segments.costUsd},
    ${jobs.estimateUsd} / (${jobs.config} ->> 'segments')::int * ${segments.attempts})), 0)
    from ${segments} where ${segments.jobId} = ${jobs.id} and ${segments.attempts} > 0)`
  const unfinished = inArray(jobs.status, [...UNFINISHED])
  const [day] = await tx
    .select({
      spent: sql`coalesce(sum(case when ${unfinished} then ${jobs.estimateUsd} else ${paid} end), 0)`.mapWith(
        Number,
      ),
      oldest: sql`min(${jobs.createdAt}) + interval '1 day'`.mapWith(jobs.createdAt),
    })
    .from(jobs)
    .where(and(eq(jobs.userId, job.userId), gt(jobs.createdAt, sql`now() - interval '1 day'`)))
  const spent = day?.spent ?? 0
  const estimate = job.estimateUsd ?? 0
  if (spent + estimate <= limits.usdPerDay) return
  throw userError('cost_over_day', {
    estimate_usd: estimate,
    spent_usd: spent,
    max_usd: limits.usdPerDay,
    retry_at: (day?.oldest ?? new Date()).toISOString(),
  })
}

/** What counts against a person's limits now. */
export async function usageOf(db: Db, userId: string): Promise<Usage> {
  const unfinished = inArray(jobs.status, [...UNFINISHED])
  const recent = gt(jobs.createdAt, sql`now() - interval '1 hour'`)
  const [row] = await db
    .select({
      lastHour: sql`count(*) filter (where ${recent})`.mapWith(Number),
      active: sql`count(*) filter (where ${unfinished})`.mapWith(Number),
    })
    .from(jobs)
    .where(eq(jobs.userId, userId))
  return row ?? { lastHour: 0, active: 0 }
}
