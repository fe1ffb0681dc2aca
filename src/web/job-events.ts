import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { endsJob, type JobEvent } from '../core/event.ts'
import { isUnfinished, type Job } from '../core/job.ts'
import type { EventLog } from '../core/ports.ts'

/** How often a silent stream says that it is there, in milliseconds: hosts in between end those that are silent for a minute. */
const HEARTBEAT_MS = 25_000

/**
 * The changes of a job as server-sent events, each with its number: a browser that was away names the last one that it saw, and misses
 * nothing. Ends with the job; whoever comes back after that is told to come no more (204). `say` makes what an event holds.
 */
export async function jobEvents(
  c: Context,
  events: Pick<EventLog, 'follow' | 'since'>,
  job: Pick<Job, 'id' | 'status'>,
  say: (event: JobEvent) => object = ({ type, status, progress }) => ({ type, status, progress }),
): Promise<Response> {
  const given = Number(c.req.header('last-event-id') ?? c.req.query('after') ?? 0)
  const seen = Number.isSafeInteger(given) ? given : 0
  const isLast = async (seq: number) => (await events.since(job.id, seq)).length === 0
  if (!isUnfinished(job.status) && (await isLast(seen))) return c.body(null, 204)
  c.header('cache-control', 'no-store')
  // nginx would hold events back
  c.header('x-accel-buffering', 'no')
  // nobody would read the stream
  if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' })
  const closing: AbortSignal | undefined = c.get('closing')
  return streamSSE(c, async (out) => {
    const left = new AbortController()
    const leave = () => left.abort()
    out.onAbort(leave)
    closing?.addEventListener('abort', leave)
    const heartbeat = setInterval(() => void out.write(': \n\n'), HEARTBEAT_MS)
    try {
      for await (const event of events.follow(job.id, seen, left.signal)) {
        await out.writeSSE({ id: String(event.seq), data: JSON.stringify(say(event)) })
        // an end that was tried again after is none
        if (endsJob(event) && (await isLast(event.seq))) return
      }
    } finally {
      clearInterval(heartbeat)
      closing?.removeEventListener('abort', leave)
    }
  })
}
