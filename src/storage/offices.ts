import type { ChatName } from '../core/card.ts'
import type { Offices } from '../core/chat-ports.ts'
import type { Log } from '../core/ports.ts'
import type { Query } from '../core/queue.ts'

/** Any numbers that no other program takes as advisory locks on the same database; below 2³¹, so that `pg_locks` has them as one number. */
const LOCKS: Record<ChatName, number> = { discord: 1_305_210_931, slack: 1_305_210_932 }

/** How often it is seen to that an office is still held, and how long an answer may take, in milliseconds: later it counts as lost. */
const CHECK_EVERY_MS = 2000
const PATIENCE_MS = 3000

/**
 * Offices by advisory locks of a session on a connection of its own, which end with it: the next process has an office as soon as the server
 * has seen that the connection is gone. A machine that vanishes without a word is noticed by the server's own questions after half a
 * minute. Through a pooler of transactions a session means nothing, and several processes would hold an office.
 */
export function createOffices(
  connection: { query: Query; close(): Promise<void> },
  log: Log,
): Offices & { close(): Promise<void> } {
  const checks = new Set<NodeJS.Timeout>()

  /** Takes the lock, or sees that it is this session's: it may have been opened anew meanwhile. */
  async function held(lock: number, take: boolean): Promise<boolean> {
    const mine = `exists (select from pg_locks where locktype = 'advisory' and objid = ${lock} and pid = pg_backend_pid())`
    const keep =
      'set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3;'
    const either = `case when ${mine} then true else pg_try_advisory_lock(${lock}) end`
    const [row] = await within(
      PATIENCE_MS,
      connection.query(`${take ? keep : ''} select ${take ? either : mine} as held`),
    )
    return row?.held === true
  }

  return {
    async take(office) {
      const lock = LOCKS[office]
      if (!(await held(lock, true))) return null
      const lost = new AbortController()
      const check = setInterval(() => {
        held(lock, false).then(
          (still) => still || lose(new Error('its connection was lost')),
          (error) => lose(error),
        )
      }, CHECK_EVERY_MS)
      checks.add(check)

      function end(): void {
        clearInterval(check)
        checks.delete(check)
      }

      function lose(error: unknown): void {
        if (lost.signal.aborted || !checks.has(check)) return
        end()
        log.warn({ office, err: error }, 'an office may have gone to another process')
        lost.abort(error)
      }

      return {
        lost: lost.signal,
        async leave() {
          end()
          // where it can't be given back, it ends with the connection
          await within(PATIENCE_MS, connection.query(`select pg_advisory_unlock(${lock})`)).catch(() => {})
        },
      }
    },
    async close() {
      for (const check of checks) clearInterval(check)
      await connection.close()
    },
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
