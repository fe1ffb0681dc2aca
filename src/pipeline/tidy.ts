import { setTimeout as sleep } from 'node:timers/promises'
import { filmOf } from '../core/film.ts'
import type { Job } from '../core/job.ts'
import type { JobStore, Log, ObjectStore, Retention, WorkFolder } from '../core/ports.ts'
import { DEPOT, type Depot } from './depot.ts'

/** How long things are kept, in days; null: for ever. */
export interface Keep {
  /** The files of a job that failed, for whoever tries it again. */
  workDays: number
  filmDays: number | null
  /** What happened to a job that has ended. */
  logDays: number
}

export interface TidyDeps {
  jobs: Pick<JobStore, 'get' | 'segments'>
  work: WorkFolder
  objects: Pick<ObjectStore, 'list' | 'remove'>
  retention: Retention
  /** What is kept of jobs for other machines; null where there are none. */
  depot: Depot | null
  /** Removes from this machine what a process left that was killed. Returns how many files. */
  removeLeftovers: () => Promise<number>
  keep: Keep
  log: Log
  now: () => Date
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** So long the same request plans from the cache, in days. */
const PLAN_DAYS = 30

/** So many films are looked up at once. */
const BATCH = 100

/**
 * Removes what has been kept for long enough: first from this machine, whose files nobody else sees, then from the database and the object
 * store, where one process is enough. A film's files go before its row says so: what is cut off is done the next time.
 */
export function createTidy(deps: TidyDeps) {
  return async function tidy(signal: AbortSignal): Promise<void> {
    const work = await tidyWork(deps)
    const leftovers = await deps.removeLeftovers()
    const gone = { work, leftovers, depot: 0, films: 0, events: 0, plans: 0, codes: 0 }
    await deps.retention.alone(async () => {
      gone.depot = await tidyDepot(deps, signal)
      gone.films = await expireFilms(deps, signal)
      gone.events = await deps.retention.forgetEvents(deps.keep.logDays)
      gone.plans = await deps.retention.forgetPlans(PLAN_DAYS)
      gone.codes = await deps.retention.forgetCodes()
    })
    if (Object.values(gone).some((count) => count > 0)) deps.log.info(gone, 'tidied')
  }
}

/** Tidies now, and every hour until it is stopped. What fails is logged, and done an hour later. */
export function keepTidy(tidy: (signal: AbortSignal) => Promise<void>, log: Log): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  async function run(): Promise<void> {
    while (!signal.aborted) {
      await tidy(signal).catch((error) => log.warn({ err: error }, 'could not tidy: trying again in an hour'))
      await sleep(HOUR_MS, undefined, { signal, ref: false }).catch(() => {})
    }
  }
  const running = run()
  return {
    stop() {
      stopping.abort()
      return running
    },
  }
}

/** A job of another database is left alone. */
async function tidyWork(deps: TidyDeps): Promise<number> {
  let removed = 0
  for (const jobId of await deps.work.jobs()) {
    const job = await deps.jobs.get(jobId)
    if (job === null || !hasEnded(deps, job)) continue
    if (await needsOpening(deps, job)) {
      await deps.work.removeButOpening(jobId)
      continue
    }
    await deps.work.remove(jobId)
    removed += 1
  }
  return removed
}

/** A failed job may be tried again at any time; its clips are then fetched again where they are no longer here. */
function hasEnded({ keep, now }: TidyDeps, { status, updatedAt }: Job): boolean {
  if (status === 'failed') return now().getTime() - updatedAt.getTime() > keep.workDays * DAY_MS
  return status === 'completed' || status === 'cancelled'
}

async function needsOpening({ jobs }: TidyDeps, { id, status, request }: Job): Promise<boolean> {
  if (status !== 'failed' || !request.image) return false
  const [first] = await jobs.segments(id)
  return first?.state !== 'stored'
}

async function tidyDepot(deps: TidyDeps, signal: AbortSignal): Promise<number> {
  if (deps.depot === null) return 0
  let removed = 0
  for (const place of await deps.objects.list(DEPOT)) {
    if (signal.aborted) break
    const job = await deps.jobs.get(place.slice(DEPOT.length))
    // before its first segment is stored, nothing but the picture is there
    if (job === null || !hasEnded(deps, job) || (await needsOpening(deps, job))) continue
    await deps.depot.clear(job)
    removed += 1
  }
  return removed
}

async function expireFilms(deps: TidyDeps, signal: AbortSignal): Promise<number> {
  const { retention, objects, keep, log } = deps
  if (keep.filmDays === null) return 0
  let expired = 0
  for (;;) {
    const jobs = await retention.oldFilms(keep.filmDays, BATCH)
    for (const job of jobs) {
      if (signal.aborted) return expired
      // its clips and previews are beside it
      const beginning = filmOf(job).key.replace(/\.mp4$/, '')
      for (const key of await objects.list(beginning)) await objects.remove(key)
      await retention.filmExpired(job.id)
      log.info({ job_id: job.id }, 'a film is no longer kept')
      expired += 1
    }
    if (jobs.length < BATCH) return expired
  }
}
