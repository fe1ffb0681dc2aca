import { and, asc, eq, gt, sql } from 'drizzle-orm'
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
  const wakers = new Map<string, Set<() => void>>()
  const unlisten = await database
    .listen(CHANNEL, (jobId) => {
      for (const wake of wakers.get(jobId) ?? []) wake()
    })
    .catch((error) => {
      log.warn({ err: error }, 'cannot listen for events: followers look every two seconds instead')
      return async () => {}
    })

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

  async function sinceOrNothing(jobId: string, seq: number): Promise<JobEvent[]> {
    return since(jobId, seq).catch((error) => {
      log.warn({ job_id: jobId, err: error }, 'cannot read events: looking again in two seconds')
      return []
    })
  }

  async function* follow(jobId: string, seq: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let last = seq
    const doorbell = createDoorbell()
    const waiting = wakers.get(jobId) ?? new Set()
    wakers.set(jobId, waiting.add(doorbell.ring))
    signal.addEventListener('abort', doorbell.ring)
    try {
      while (!signal.aborted) {
        for (const event of await sinceOrNothing(jobId, last)) {
          last = event.seq
          yield event
        }
        await doorbell.rung(LOOK_EVERY_MS)
      }
    } finally {
      signal.removeEventListener('abort', doorbell.ring)
      waiting.delete(doorbell.ring)
      if (waiting.size === 0) wakers.delete(jobId)
    }
  }

  return { since, follow, close: unlisten }
}

function withCheck(change: JobChange): JobChange {
  return change.type === 'completed' ? { ...change, film: { ...BARE_FILM, ...change.film } } : change
}

/** A ring that comes while nobody waits is kept for the next wait. */
function createDoorbell() {
  let bell = Promise.withResolvers<void>()
  async function rung(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => bell.resolve(), timeoutMs)
    await bell.promise
    clearTimeout(timer)
    bell = Promise.withResolvers()
  }
  return { ring: () => bell.resolve(), rung }
}
