import { setTimeout as sleep } from 'node:timers/promises'
import { userError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Query } from '../core/queue.ts'

/** Any number that no other program takes as an advisory lock on the same database; below 2³¹, so that `pg_locks` has it as one number. */
const LOCK = 1_305_210_927
/** How often it is seen to that the lock is still held, in milliseconds. */
const CHECK_EVERY_MS = 5000
/** How often it is asked for at the start: the server may not have noticed yet that its last holder was killed. */
const TRIES = 10
const PAUSE_MS = 300

const MINE = `select exists (select from pg_locks where locktype = 'advisory' and objid = ${LOCK} and pid = pg_backend_pid())`

/**
 * Keeps a database for this process alone, by a lock of its session that ends with the connection. A machine that vanishes without a
 * word is noticed by the server's own questions after half a minute. Throws `database_in_use`. Through a pooler of transactions a
 * session means nothing, and neither does this lock: there the claims on jobs alone keep order.
 */
export async function holdDatabase(
  url: string,
  connection: { query: Query; close(): Promise<void> },
  log: Log,
): Promise<() => Promise<void>> {
  const { query } = connection
  async function held(): Promise<boolean> {
    const [row] = await query(
      `select case when (${MINE}) then true else pg_try_advisory_lock(${LOCK}) end as held`,
    )
    return row?.held === true
  }

  try {
    await query('set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3')
    for (let tries = 1; !(await held()); tries += 1) {
      if (tries === TRIES) throw await inUse(url, query)
      await sleep(PAUSE_MS)
    }
  } catch (error) {
    await connection.close()
    throw error
  }
  const check = setInterval(() => {
    held().then(
      (still) => still || log.error({}, 'another instance has taken the database over: stop one of them'),
      (error) => log.warn({ err: error }, 'cannot see whether the database is still this instance’s alone'),
    )
  }, CHECK_EVERY_MS)
  check.unref()
  return async () => {
    clearInterval(check)
    await connection.close()
  }
}

async function inUse(url: string, query: Query): Promise<Error> {
  const [holder] = await query(
    `select host(client_addr) as host, backend_start as since from pg_stat_activity join pg_locks using (pid)
      where locktype = 'advisory' and objid = ${LOCK} and datname = current_database()`,
  )
  const since = holder?.since instanceof Date ? holder.since.toISOString() : '?'
  return userError('database_in_use', {
    address: new URL(url).host,
    host: String(holder?.host ?? '?'),
    since,
  })
}
