import type { JobEvent } from '../core/event.ts'
import type { EventLog } from '../core/ports.ts'
import type { Clock } from './clock.ts'

/** A job's events as they are now. Reads on in the background until `signal` aborts. */
export interface Feed {
  /** In order. Whoever is slow sees several new ones at once, and never waits for those in between. */
  events: readonly JobEvent[]
  /** Resolves when there is an event after `seq`, at `at` in milliseconds, or when `signal` aborts. Throws what broke the reading. */
  changed(seq: number, at: number | null): Promise<void>
  /** Ends a wait for what has changed. */
  wake(): void
}

/** Opens the feed of a job, with all that has happened so far. */
export async function openFeed(
  log: EventLog,
  jobId: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Feed> {
  const events = await log.since(jobId, 0)
  let bell = Promise.withResolvers<void>()
  let broken: { error: unknown } | null = null
  const seqNow = () => events.at(-1)?.seq ?? 0

  function wake() {
    bell.resolve()
    bell = Promise.withResolvers()
  }

  async function read() {
    for await (const event of log.follow(jobId, seqNow(), signal)) {
      events.push(event)
      wake()
    }
  }
  read().catch((error) => {
    broken = { error }
    wake()
  })

  return {
    events,
    wake,
    async changed(seq, at) {
      if (seqNow() > seq || signal.aborted) return
      const waking = new AbortController()
      try {
        const either = AbortSignal.any([signal, waking.signal])
        const ms = at === null ? Number.POSITIVE_INFINITY : at - clock.now()
        if (broken === null) await Promise.race([bell.promise, clock.sleep(ms, either)])
      } finally {
        waking.abort()
      }
      if (broken !== null) throw broken.error
    },
  }
}
