import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { endsJob } from '../core/event.ts'
import type { EventLog } from '../core/ports.ts'

/** How often a silent stream says that it is there, in milliseconds: hosts in between end those that are silent for a minute. */
const HEARTBEAT_MS = 25_000

/**
 * The changes of a job as server-sent events, each with its number: a browser that was away names the last one that it saw, and misses
 * nothing. Ends with the job.
 */
export function jobEvents(c: Context, events: Pick<EventLog, 'follow'>, jobId: string): Response {
  const seen = Number(c.req.header('last-event-id') ?? c.req.query('after') ?? 0)
  return streamSSE(c, async (out) => {
    const left = new AbortController()
    out.onAbort(() => left.abort())
    const heartbeat = setInterval(() => void out.write(': \n\n'), HEARTBEAT_MS)
    try {
      for await (const event of events.follow(jobId, Number.isSafeInteger(seen) ? seen : 0, left.signal)) {
        const { seq, type, status, progress } = event
        await out.writeSSE({ id: String(seq), data: JSON.stringify({ type, status, progress }) })
        if (endsJob(event)) return
      }
    } finally {
      clearInterval(heartbeat)
    }
  })
}
