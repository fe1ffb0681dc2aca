import { and, asc, eq, gt, max, sql } from 'drizzle-orm'
import type { JobChange, JobEvent } from '../core/event.ts'
import { BARE_FILM, type JobStatus } from '../core/job.ts'
import type { EventLog, Log } from '../core/ports.ts'
import type { Locale } from '../core/request.ts'
import type { Database, Db } from './db.ts'
import { isUuid, jobLogs } from './schema.ts'
import { storable } from './storable.ts'

const CHANNEL = 'job_events'

/** A notification can be lost (a pooler in between, a connection that was cut), so followers look by themselves too. */
const LOOK_EVERY_MS = 2000

/** Says a change in a language: the text of a row in `job_logs`. */
export type Describe = (change: JobChange, locale: Locale) => string

/** A job as an event shows it. */
export interface JobState {
  id: string
  status: JobStatus
  progress: number
  locale: Locale
}

/** Writes an event in the transaction of the change that it tells of; followers hear of it once that commits. */
export async function appendEvent(
  tx: Db,
  job: JobState,
  change: JobChange,
  describe: Describe,
): Promise<void> {
  await tx.insert(jobLogs).values({
    jobId: job.id,
    level: change.type === 'failed' ? 'ERROR' : 'INFO',
    message: storable(describe(change, job.locale)),
    event: storable(change),
    status: job.status,
    progress: job.progress,
  })
  await tx.execute(sql`select pg_notify(${CHANNEL}, ${job.id})`)
}

/** Reads the log, and follows it over one LISTEN for the whole process. */
export async function createEventLog(
  database: Database,
  log: Log,
): Promise<EventLog & { close(): Promise<void> }> {
  const watched = new Map<string, Watched>()
  const unlisten = await database
    .listen(CHANNEL, (jobId) => wake(jobId))
    .catch((error) => {
      log.warn({ err: error }, 'cannot listen for events: followers look every two seconds instead')
      return async () => {}
    })

  function wake(jobId: string): void {
    const job = watched.get(jobId)
    // what was asked before this moment may not hold what is new
    job?.reading.clear()
    for (const { ring } of job?.followers ?? []) ring()
  }

  /** Wakes whoever follows a job of which there is more than they have been told: one question for all jobs that are followed. */
  async function look(): Promise<void> {
    const ids = [...watched.keys()].filter(isUuid)
    if (ids.length === 0) return
    const rows = await database.db
      .select({ jobId: jobLogs.jobId, newest: max(jobLogs.id) })
      .from(jobLogs)
      // one value, however many there are
      .where(sql`${jobLogs.jobId} = any(${`{${ids.join(',')}}`}::uuid[])`)
      .groupBy(jobLogs.jobId)
    for (const { jobId, newest } of rows) {
      const behind = [...(watched.get(jobId)?.followers ?? [])].filter(({ last }) => last < (newest ?? 0))
      if (behind.length > 0) watched.get(jobId)?.reading.clear()
      for (const { ring } of behind) ring()
    }
  }

  let looking: NodeJS.Timeout | null = null

  /** Looks now and then for as long as anybody follows anything. */
  function keepLooking(): void {
    looking ??= setTimeout(async () => {
      await look().catch((error) =>
        log.warn({ err: error }, 'cannot read events: looking again in two seconds'),
      )
      looking = null
      if (watched.size > 0) keepLooking()
    }, LOOK_EVERY_MS)
    looking.unref()
  }

  async function since(jobId: string, seq: number): Promise<JobEvent[]> {
    if (!isUuid(jobId)) return []
    const rows = await database.db
      .select()
      .from(jobLogs)
      .where(and(eq(jobLogs.jobId, jobId), gt(jobLogs.id, seq)))
      .orderBy(asc(jobLogs.id))
    return rows.map((row) => ({
      ...withCheck(row.event),
      seq: row.id,
      job_id: row.jobId,
      status: row.status,
      progress: row.progress,
      at: row.timestamp,
    }))
  }

  /** Many who follow one job ask once. None where they can't be read: the next look wakes whoever is behind. */
  function shared(jobId: string, seq: number, { reading }: Watched): Promise<JobEvent[]> {
    const asked = reading.get(seq)
    if (asked !== undefined) return asked
    const answer = since(jobId, seq)
      .catch((error) => {
        log.warn({ job_id: jobId, err: error }, 'cannot read events: looking again in two seconds')
        return []
      })
      .finally(() => {
        if (reading.get(seq) === answer) reading.delete(seq)
      })
    reading.set(seq, answer)
    return answer
  }

  async function* follow(jobId: string, seq: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    const { ring, rung } = createDoorbell()
    const follower = { last: seq, ring }
    const job: Watched = watched.get(jobId) ?? { followers: new Set(), reading: new Map() }
    watched.set(jobId, job)
    job.followers.add(follower)
    signal.addEventListener('abort', ring)
    keepLooking()
    try {
      while (!signal.aborted) {
        for (const event of await shared(jobId, follower.last, job)) {
          if (signal.aborted) return
          follower.last = event.seq
          yield event
        }
        await rung()
      }
    } finally {
      signal.removeEventListener('abort', ring)
      job.followers.delete(follower)
      if (job.followers.size === 0 && watched.get(jobId) === job) watched.delete(jobId)
    }
  }

  return { since, follow, close: unlisten }
}

function withCheck(change: JobChange): JobChange {
  return change.type === 'completed' ? { ...change, film: { ...BARE_FILM, ...change.film } } : change
}

/** A job that somebody follows: each of them with the last event that they were told, and what is being read after which event. */
interface Watched {
  followers: Set<{ last: number; ring: () => void }>
  reading: Map<number, Promise<JobEvent[]>>
}

/** A ring that comes while nobody waits is kept for the next wait. */
function createDoorbell() {
  let bell = Promise.withResolvers<void>()
  async function rung(): Promise<void> {
    await bell.promise
    bell = Promise.withResolvers()
  }
  return { ring: () => bell.resolve(), rung }
}
