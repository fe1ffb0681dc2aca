import { setTimeout as sleep } from 'node:timers/promises'
import { type Job as Entry, PgBoss } from 'pg-boss'
import type { Log } from '../../core/ports.ts'
import { immediately, type JobQueue, type Query } from '../../core/queue.ts'

/** The queue's name, and where pg-boss keeps its tables. */
const NAME = 'jobs'
const SCHEMA = 'pgboss'

/** How often a process with a free place looks for a job, in milliseconds. */
const LOOK_EVERY_MS = 500
/** When a job comes again whose run did not end it, in milliseconds. */
const AGAIN_AFTER_MS = 1000
/** How often a process says that it still runs its jobs, in milliseconds. */
const BEAT_EVERY_MS = 3000
/** After so long a silence a job's process counts as dead: the shortest that pg-boss allows. It looks every `SUPERVISE_SECONDS`. */
const SILENCE_SECONDS = 10
const SUPERVISE_SECONDS = 2

/** How far apart two jobs of one person stand in line, in seconds: as if each had come so long after the one before. */
const TURN_SECONDS = 3600
/** 2026-01-01. Places in line are counted in seconds since then: pg-boss' priorities are 32 bits wide. */
const EPOCH = 1_767_225_600

const OPTIONS = {
  // one that was given up for dead, or handed back, is run again until it has ended: the claim sees to it that one alone works on it
  retryLimit: 1_000_000,
  // while it waited, the person's next one would be taken
  retryDelay: 0,
  heartbeatSeconds: SILENCE_SECONDS,
  // the longest that pg-boss allows
  expireInSeconds: 24 * 3600 - 1,
  retentionSeconds: 365 * 24 * 3600,
  deleteAfterSeconds: 3600,
}

/** What is in line: a job's id. */
interface Data {
  job_id: string
}

/** How pg-boss is set up. `connection` is the queue's alone; without `works` this process puts jobs in line and runs none. */
export interface PgBossOptions {
  connection: { query: Query; close(): Promise<void> }
  concurrency: number
  works: boolean
  log: Log
}

/**
 * The queue of any number of processes on one Postgres server. A person's lane is pg-boss' policy «singleton» with the person as its
 * key: one active entry. Entries are taken in the order of their priority, which is a time: that at which the job came, but at least
 * `TURN_SECONDS` after the person's entry before it. So nobody's many jobs stand before another's first, and nobody waits for ever.
 *
 * An entry whose process dies comes back after at most `SILENCE_SECONDS` + `SUPERVISE_SECONDS`.
 */
export async function createPgBossQueue(options: PgBossOptions): Promise<JobQueue> {
  const { connection, concurrency, works, log } = options
  const database = (query: Query) => ({
    executeSql: async (text: string, values?: unknown[]) => ({ rows: await query(text, values) }),
  })
  const boss = new PgBoss({
    db: database(connection.query),
    schema: SCHEMA,
    schedule: false,
    registerInstance: false,
    supervise: works,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
  })
  boss.on('error', (error) => log.warn({ err: error }, 'the queue can’t be reached'))
  boss.on('warning', ({ message }) => log.warn({ warning: message }, 'the queue warns'))
  await boss.start()
  await boss.createQueue(NAME, { policy: 'singleton', ...OPTIONS })
  await boss.updateQueue(NAME, OPTIONS)

  const stopping = new AbortController()
  const held = new Map<string, { entry: Entry<Data>; run: Promise<void> }>()
  /** Those of them that come again in a moment. */
  const resting = new Set<string>()
  let bell = Promise.withResolvers<void>()
  let taking: Promise<void> = Promise.resolve()
  let beat: NodeJS.Timeout | undefined

  async function placeOf(userId: string, query: Query): Promise<number> {
    const [row] = await query(
      `select -greatest(extract(epoch from now()) - ${EPOCH}, max(-priority) + ${TURN_SECONDS})::int as place
        from ${SCHEMA}.job where name = '${NAME}' and singleton_key = $1 and state < 'completed'`,
      [userId],
    )
    return Number(row?.place)
  }

  const enqueue: JobQueue['enqueue'] = async (job, tx) => {
    const query = tx.query ?? connection.query
    const priority = await placeOf(job.userId, query)
    const data: Data = { job_id: job.id }
    await boss.send(NAME, data, { singletonKey: job.userId, priority, db: database(query) })
    tx.onCommit(() => bell.resolve())
  }

  /** Fills this process' places, whenever there is one free and a job in line. */
  async function take(run: Parameters<JobQueue['start']>[0]): Promise<void> {
    while (!stopping.signal.aborted) {
      bell = Promise.withResolvers()
      try {
        while (held.size - resting.size < concurrency && !stopping.signal.aborted) {
          // one at a time: of several, pg-boss takes any of a person's
          const [entry] = await boss.fetch<Data>(NAME)
          if (!entry) break
          // one that was given up for dead while this process was frozen: it still runs here
          const mine = held.get(entry.id)
          if (mine) {
            mine.entry = entry
            continue
          }
          held.set(entry.id, { entry, run: perform(entry, run) })
        }
      } catch (error) {
        log.warn({ err: error }, 'cannot take a job from the queue: looking again')
      }
      await Promise.race([bell.promise, sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal })]).catch(
        () => {},
      )
    }
  }

  async function perform(entry: Entry<Data>, run: Parameters<JobQueue['start']>[0]): Promise<void> {
    const about = { job_id: entry.data.job_id }
    const ended = await run(entry.data.job_id, stopping.signal).catch((error) => {
      log.error({ ...about, err: error }, 'a run ended with an error')
      return false
    })
    if (!ended) await rest(entry.id)
    // as it was taken last: an earlier one counts no more
    const last = held.get(entry.id)?.entry ?? entry
    // where this can't be said, the entry's heart has stopped, and it comes again
    await (ended ? boss.complete(NAME, last) : boss.fail(NAME, last)).catch((error) => {
      log.warn({ ...about, err: error }, 'cannot say to the queue how a run ended')
    })
    held.delete(entry.id)
    bell.resolve()
  }

  /** Others may have the place meanwhile, but nobody the person's lane. */
  async function rest(id: string): Promise<void> {
    resting.add(id)
    bell.resolve()
    await sleep(AGAIN_AFTER_MS, undefined, { signal: stopping.signal }).catch(() => {})
    resting.delete(id)
  }

  function sayAlive(): void {
    const entries = [...held.values()].map(({ entry }) => entry)
    if (entries.length === 0) return
    boss.touch(NAME, entries).catch((error) => log.warn({ err: error }, 'cannot say that jobs are running'))
  }

  return {
    enqueue,
    async takeUp(jobs) {
      const rows = await connection.query(
        `select data ->> 'job_id' as id from ${SCHEMA}.job where name = '${NAME}' and state < 'completed'`,
      )
      const known = new Set(rows.map(({ id }) => id))
      for (const job of jobs) if (!known.has(job.id)) await enqueue(job, immediately)
    },
    start(run) {
      beat = setInterval(sayAlive, BEAT_EVERY_MS)
      taking = take(run)
    },
    async stop() {
      stopping.abort(new Error('the process is stopping'))
      await taking
      await Promise.all([...held.values()].map(({ run }) => run))
      clearInterval(beat)
      await boss.stop()
      await connection.close()
    },
  }
}
