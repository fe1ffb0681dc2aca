import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { reasonOf } from '../core/errors.ts'
import type { JobStore, Log } from '../core/ports.ts'
import { FORWARDED } from './guards.ts'

/** What is counted of the web, and how all that is counted is told. */
export interface WebMetrics {
  answered(request: { method: string; route: string; status: number }, seconds: number): void
  text(now: {
    jobs: Awaited<ReturnType<JobStore['count']>>
    waiting: Awaited<ReturnType<JobStore['waiting']>>
    disk: Room
  }): Promise<string>
  contentType: string
}

/** Bytes that are free, and how many must be before a film is begun. */
type Room = { free: number; least: number }

/** How long the database may take before it counts as away, in milliseconds. */
const PATIENCE_MS = 3000

/** Counts each answer by the route's pattern. */
export function countAnswers(metrics: Pick<WebMetrics, 'answered'>): MiddlewareHandler {
  return async (c, next) => {
    const start = performance.now()
    await next()
    const { method } = c.req
    // after `next` it names the handler that answered, not every one that could have
    const request = { method, route: routePath(c), status: c.res.status }
    metrics.answered(request, (performance.now() - start) / 1000)
  }
}

/**
 * For whoever runs the program: `/healthz`, the process answers; `/readyz`, it can work too: its database answers and it isn't starting or stopping,
 * else 503; `low disk` where no job is taken in for want of room; `/metrics`, for Prometheus, and for nobody who comes through a proxy.
 */
export function createHealth(deps: {
  jobs: Pick<JobStore, 'count' | 'waiting'>
  disk: () => Promise<Room>
  metrics: WebMetrics
  /** Whether all is up that this process is to do. */
  isUp: () => boolean
  closing: AbortSignal
  log: Log
}): Hono {
  const { jobs, disk, metrics, isUp, closing, log } = deps
  const app = new Hono()
  const plain = (c: Context, words: string, status: 200 | 503 = 200) =>
    c.text(`${words}\n`, status, { 'cache-control': 'no-store' })

  app.get('/healthz', (c) => plain(c, 'ok'))
  app.get('/readyz', async (c) => {
    if (closing.aborted) return plain(c, 'stopping', 503)
    if (!isUp()) return plain(c, 'starting', 503)
    try {
      await within(PATIENCE_MS, jobs.count())
      const { free, least } = await disk()
      // what is there can still be seen, and whoever asks for more is told why not
      return plain(c, free < least ? `low disk: ${mb(free)} MB of ${mb(least)} MB` : 'ok')
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'not ready: the database does not answer')
      return plain(c, 'database', 503)
    }
  })
  app.get('/metrics', async (c) => {
    if (FORWARDED.some((name) => c.req.header(name) !== undefined)) return c.notFound()
    const [counted, waiting, room] = await Promise.all([jobs.count(), jobs.waiting(), disk()])
    const body = await metrics.text({ jobs: counted, waiting, disk: room })
    return c.body(body, 200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' })
  })
  return app
}

const mb = (bytes: number) => Math.floor(bytes / 1e6)

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
