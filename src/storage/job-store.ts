import { and, asc, count, desc, eq, inArray, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import { userError } from '../core/errors.ts'
import type { JobChange } from '../core/event.ts'
import {
  BARE_FILM,
  isUnfinished,
  JOB_STATUSES,
  type Job,
  type JobStatus,
  PROGRESS,
  sourcesOf,
  UNFINISHED,
} from '../core/job.ts'
import { type Claim, ClaimLost, type JobStore } from '../core/ports.ts'
import type { Transaction } from '../core/queue.ts'
import { PLAIN_JOIN } from '../core/request.ts'
import { canMoveSegment, OCCUPYING, type Segment } from '../core/segment.ts'
import { clipRecords, ledgerColumns, recordClip, usualMatrix } from './clip-records.ts'
import { type Db, queryOf } from './db.ts'
import { appendEvent, type Describe } from './event-log.ts'
import { checkActiveLimit, checkLimits, lockUser, usageOf } from './limits.ts'
import { usualSeconds } from './render-times.ts'
import { cards, identities, isUuid, jobs, segments } from './schema.ts'
import { storable } from './storable.ts'
import { isThem, userOf } from './users.ts'

/** Told when a request has left the provider. */
export const PLACES_CHANNEL = 'render_places'

type JobRow = typeof jobs.$inferSelect
type JobSet = Parameters<ReturnType<Db['update']>['set']>[0]

const now = sql`now()`
const leaseEnd = (leaseMs: number) => sql`now() + ${leaseMs} * interval '1 millisecond'`
/** No worker holds the job. */
export const isUnheld = or(isNull(jobs.claimedBy), lt(jobs.claimedUntil, now))
const atLeast = (progress: number) => sql`greatest(${jobs.progress}, ${progress})`

/** The jobs in Postgres. Times are the database's own, so that machines with different clocks agree. */
export function createJobStore(db: Db, describe: Describe): JobStore {
  /** One compare-and-set on a job that this worker holds, then `step`, then the event that it returns. */
  async function underClaim(
    claim: Claim,
    from: readonly JobStatus[],
    set: JobSet,
    step: JobChange | ((tx: Db) => Promise<JobChange | null>) | null,
  ): Promise<void> {
    await db.transaction(async (tx) => {
      const [row] = await tx
        .update(jobs)
        .set({ ...set, updatedAt: now })
        .where(and(eq(jobs.id, claim.jobId), eq(jobs.claimedBy, claim.worker), inArray(jobs.status, from)))
        .returning()
      if (!row) throw new ClaimLost(`job ${claim.jobId} is no longer held by ${claim.worker}`)
      const change = typeof step === 'function' ? await step(tx) : step
      if (change) await appendEvent(tx, row, change, describe)
    })
  }

  const move = (claim: Claim, to: JobStatus, set: JobSet, step: Parameters<typeof underClaim>[3]) =>
    underClaim(claim, sourcesOf(to), { ...set, status: to }, step)

  /** Ends a job and lets go of it, and of its place at the provider where it has one. */
  const end = (claim: Claim, to: JobStatus, set: JobSet, change: JobChange) =>
    move(claim, to, { ...set, claimedBy: null, claimedUntil: null }, async (tx) => {
      await tellOfPlace(tx)
      return change
    })

  const tellOfPlace = (tx: Db) => tx.execute(sql`select pg_notify(${PLACES_CHANNEL}, '')`)

  async function transaction<T>(work: (tx: Db, committing: Transaction) => Promise<T>): Promise<T> {
    const afterwards: (() => void)[] = []
    const result = await db.transaction((tx) =>
      work(tx, { onCommit: (run) => afterwards.push(run), query: queryOf(tx) }),
    )
    for (const run of afterwards) run()
    return result
  }

  async function read(tx: Db, id: string): Promise<JobRow> {
    const [row] = isUuid(id) ? await tx.select().from(jobs).where(eq(jobs.id, id)) : []
    if (!row) throw userError('job_not_found', { job_id: id })
    return row
  }

  async function oldestFirst(which: SQL | undefined): Promise<Job[]> {
    const rows = await db.select().from(jobs).where(which).orderBy(asc(jobs.createdAt), asc(jobs.id))
    return rows.map(toJob)
  }

  async function segmentsOf(tx: Db, jobId: string): Promise<Segment[]> {
    if (!isUuid(jobId)) return []
    const rows = await tx
      .select(ledgerColumns)
      .from(segments)
      .where(eq(segments.jobId, jobId))
      .orderBy(asc(segments.index))
    return rows.map(toSegment)
  }

  return {
    userOf: (identity) => userOf(db, identity),

    submit: (job, limits, enlist) =>
      transaction(async (tx, committing) => {
        const userId = await lockUser(tx, job.userId)
        const [first] = await tx.select().from(jobs).where(eq(jobs.id, job.id))
        if (first) return toJob(first)
        await checkLimits(tx, { ...job, userId }, limits)
        const { prompt, ...config } = job.request
        const [row] = await tx
          .insert(jobs)
          .values({
            id: job.id,
            userId,
            prompt,
            config,
            locale: job.locale,
            estimateUsd: job.estimateUsd,
          })
          .returning()
        if (!row) throw new Error('the database returned no row for a new job')
        if (job.card) await tx.insert(cards).values({ ...job.card, jobId: row.id })
        await appendEvent(tx, row, { type: 'queued' }, describe)
        await enlist(row, committing)
        return toJob(row)
      }),

    async get(id) {
      const [row] = isUuid(id) ? await db.select().from(jobs).where(eq(jobs.id, id)) : []
      return row ? toJob(row) : null
    },

    async list(userId, limit) {
      const mine = db.select().from(jobs).where(eq(jobs.userId, userId))
      return (await mine.orderBy(desc(jobs.createdAt), desc(jobs.id)).limit(limit)).map(toJob)
    },

    async unfinishedOf(identity, limit) {
      const rows = await db
        .select({ job: jobs })
        .from(jobs)
        .innerJoin(identities, eq(identities.userId, jobs.userId))
        .where(and(isThem(identity), inArray(jobs.status, [...UNFINISHED])))
        .orderBy(desc(jobs.createdAt), desc(jobs.id))
        .limit(limit)
      return rows.map(({ job }) => toJob(job))
    },

    unfinished: () => oldestFirst(inArray(jobs.status, [...UNFINISHED])),
    unheld: () => oldestFirst(and(inArray(jobs.status, [...UNFINISHED]), isUnheld)),

    segments: (jobId) => segmentsOf(db, jobId),

    async count() {
      const rows = await db.select({ status: jobs.status, jobs: count() }).from(jobs).groupBy(jobs.status)
      const counted = new Map(rows.map((row) => [row.status, row.jobs]))
      return Object.fromEntries(JOB_STATUSES.map((status) => [status, counted.get(status) ?? 0])) as Record<
        JobStatus,
        number
      >
    },

    async waiting() {
      const [row] = await db
        .select({
          jobs: count(),
          oldestSeconds: sql`coalesce(extract(epoch from now() - min(${jobs.updatedAt})), 0)`.mapWith(Number),
        })
        .from(jobs)
        .where(and(inArray(jobs.status, [...UNFINISHED]), isUnheld))
      return row ?? { jobs: 0, oldestSeconds: 0 }
    },

    usage: (userId) => usageOf(db, userId),
    checkLimits: (job, limits) => checkLimits(db, job, limits),

    usualSeconds: (model) => usualSeconds(db, model),
    usualMatrix: (model) => usualMatrix(db, model),
    clipRecords: (jobId) => clipRecords(db, jobId),
    recordClip: (claim, { index }, record) =>
      underClaim(claim, UNFINISHED, {}, async (tx) => {
        await recordClip(tx, claim.jobId, index, record)
        return null
      }),

    async claim(id, worker, leaseMs) {
      if (!isUuid(id)) return null
      const [row] = await db
        .update(jobs)
        .set({ claimedBy: worker, claimedUntil: leaseEnd(leaseMs) })
        .where(
          and(
            eq(jobs.id, id),
            inArray(jobs.status, [...UNFINISHED]),
            or(isUnheld, eq(jobs.claimedBy, worker)),
          ),
        )
        .returning()
      return row ? toJob(row) : null
    },

    async renew(claims, leaseMs) {
      const held = sql`select "jobId", worker
        from json_to_recordset(${JSON.stringify(claims)}::json) as held("jobId" uuid, worker uuid)`
      // in the order in which whoever else changes many takes them, so that neither waits for the other for ever
      const own = db
        .select({ id: jobs.id })
        .from(jobs)
        .where(and(sql`(${jobs.id}, ${jobs.claimedBy}) in (${held})`, inArray(jobs.status, [...UNFINISHED])))
        .orderBy(asc(jobs.id))
        .for('update')
      const rows = await db
        .update(jobs)
        .set({ claimedUntil: leaseEnd(leaseMs), updatedAt: now })
        .where(inArray(jobs.id, own))
        .returning({ id: jobs.id, worker: jobs.claimedBy })
      const kept = new Set(rows.map(({ id, worker }) => `${id} ${worker}`))
      return claims.filter(({ jobId, worker }) => !kept.has(`${jobId} ${worker}`))
    },

    async release(claim) {
      await db
        .update(jobs)
        .set({ claimedBy: null, claimedUntil: now })
        .where(and(eq(jobs.id, claim.jobId), eq(jobs.claimedBy, claim.worker)))
    },

    async releaseAll() {
      await db.update(jobs).set({ claimedBy: null, claimedUntil: now }).where(isNotNull(jobs.claimedBy))
    },

    note: (claim, change) => underClaim(claim, UNFINISHED, {}, change),

    startPlanning: (claim) =>
      move(claim, 'planning', { progress: atLeast(PROGRESS.planning) }, { type: 'planning' }),

    startGenerating: (claim, plan) => {
      const title = plan ? { title: storable(plan.title) } : {}
      return move(claim, 'generating', { ...title, progress: atLeast(PROGRESS.planned) }, async (tx) => {
        const job = await read(tx, claim.jobId)
        if (plan) {
          const rows = storable(plan.shots).map((shot, i) => ({
            ...shot,
            index: i + 1,
            model: job.config.model,
          }))
          await tx.insert(segments).values(rows.map((row) => ({ ...row, jobId: job.id })))
        }
        const shots = await segmentsOf(tx, job.id)
        return { type: 'planned', title: job.title ?? '', shots: shots.map((shot) => shot.title) }
      })
    },

    async moveSegment(claim, segment, to, { change, progress, ...fields } = {}) {
      if (!canMoveSegment(segment.state, to)) throw new Error(`a segment can't go ${segment.state} → ${to}`)
      const moved: Segment = {
        ...segment,
        ...fields,
        ...(to === 'planned' ? { request: null, clipUrl: null } : {}),
        state: to,
        attempts: segment.attempts + (to === 'submitted' ? 1 : 0),
      }
      const set = {
        ...(progress === undefined ? {} : { progress: atLeast(progress) }),
        // one permission pays for one segment
        ...(segment.state !== 'submitted' && to === 'planned' ? { payAgain: false } : {}),
      }
      let stored = moved
      await underClaim(claim, ['generating'], set, async (tx) => {
        const [row] = await tx
          .update(segments)
          .set({
            state: moved.state,
            requestId: moved.request?.id ?? null,
            requestUrls: moved.request?.urls ?? null,
            clipUrl: moved.clipUrl,
            costUsd: moved.costUsd,
            attempts: moved.attempts,
            // they are of the clip that was there before
            ...(to === 'planned' ? { measures: null, inspection: null } : {}),
            updatedAt: now,
          })
          .where(
            and(
              eq(segments.jobId, segment.jobId),
              eq(segments.index, segment.index),
              eq(segments.state, segment.state),
            ),
          )
          .returning(ledgerColumns)
        if (!row) throw new ClaimLost(`segment ${segment.index} is no longer ${segment.state}`)
        stored = toSegment(row)
        if (OCCUPYING.includes(segment.state) && !OCCUPYING.includes(to)) await tellOfPlace(tx)
        return change ?? null
      })
      return stored
    },

    startMerging: (claim) =>
      move(claim, 'merging', { progress: atLeast(PROGRESS.merging) }, { type: 'merging' }),

    complete: (claim, film) => {
      const { key, ...facts } = storable(film)
      const set = { resultPath: key, film: facts, progress: PROGRESS.completed, completedAt: now }
      return end(claim, 'completed', set, { type: 'completed', film })
    },

    fail: async (claim, error) => {
      const change: JobChange = { type: 'failed', error }
      const { locale } = await read(db, claim.jobId)
      const set = storable({ error, errorMessage: describe(change, locale) })
      await end(claim, 'failed', set, change)
    },

    cancel: (claim) => end(claim, 'cancelled', {}, { type: 'cancelled' }),

    requestCancel: (id) =>
      db.transaction(async (tx) => {
        const job = await read(tx, id)
        const [asked] = await tx
          .update(jobs)
          .set({ cancelRequestedAt: now, updatedAt: now })
          .where(and(eq(jobs.id, id), inArray(jobs.status, [...UNFINISHED]), isNull(jobs.cancelRequestedAt)))
          .returning()
        if (asked) await appendEvent(tx, asked, { type: 'cancel_requested' }, describe)
        else {
          const { status } = await read(tx, job.id)
          if (!isUnfinished(status)) throw userError('job_not_cancellable', { job_id: id, status })
        }
      }),

    retry: (id, limits, enlist) =>
      transaction(async (tx, committing) => {
        const userId = await lockUser(tx, (await read(tx, id)).userId)
        const [row] = await tx
          .update(jobs)
          .set({
            status: 'queued',
            error: null,
            errorMessage: null,
            cancelRequestedAt: null,
            payAgain: sql`${jobs.error} ->> 'code' in ('render_outcome_unknown', 'clip_unusable')`,
            updatedAt: now,
          })
          .where(and(eq(jobs.id, id), inArray(jobs.status, sourcesOf('queued'))))
          .returning()
        if (!row) {
          const { status } = await read(tx, id)
          throw userError('job_not_retryable', { job_id: id, status })
        }
        await checkActiveLimit(tx, userId, limits, id)
        // wherever it was asked for, its card is to be written on
        await tx.update(cards).set({ heldBy: null, heldUntil: now }).where(eq(cards.jobId, id))
        await appendEvent(tx, row, { type: 'retried' }, describe)
        await enlist(row, committing)
        return toJob(row)
      }),
  }
}

/** A row as the rest of the program knows it. */
export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    userId: row.userId,
    status: row.status,
    // rows of before there were wishes have none
    request: { ...PLAIN_JOIN, prompt: row.prompt, ...row.config },
    locale: row.locale,
    progress: row.progress,
    title: row.title,
    film: row.film && row.resultPath ? { ...BARE_FILM, key: row.resultPath, ...row.film } : null,
    error: row.error,
    estimateUsd: row.estimateUsd,
    cancelRequested: row.cancelRequestedAt !== null,
    payAgain: row.payAgain,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    completedAt: row.completedAt,
  }
}

function toSegment(row: Omit<typeof segments.$inferSelect, 'measures' | 'inspection'>): Segment {
  const { requestId, requestUrls, createdAt, ...rest } = row
  return { ...rest, request: requestId === null ? null : { id: requestId, urls: requestUrls ?? {} } }
}
