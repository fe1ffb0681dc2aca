import { type DestinationStream, pino } from 'pino'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { ProviderError } from './core/errors.ts'
import type { JobStatus } from './core/job.ts'
import type { Log, VideoModel } from './core/ports.ts'

/** Fields whose values are never written, wherever they stand. */
const SECRET = ['authorization', 'token', 'apiKey', 'key', 'password', 'secret', 'databaseUrl', 'cookie']

/**
 * Whoever reads stderr may be slow or gone, and neither may keep this process: pino's own destination would try its last lines for ever
 * at the end, deaf to every signal (sonic-boom 4.2.1, flushSync).
 */
const STDERR: DestinationStream = { write: (line) => void process.stderr.write(line) }

/** JSON lines on stderr, so that stdout stays a command's own. */
export function createLog(level: string, to: DestinationStream = STDERR): Log {
  // the first line that nobody reads would end the process otherwise
  process.stderr.on('error', () => {})
  const redact = SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  return pino({ level, redact, serializers: { err: withoutQuestion, cause: withoutQuestion } }, to)
}

/**
 * Some errors repeat what was sent, prompts and tokens among it: the database's the query with its parameters, Discord's the address and
 * the body. What was answered is enough.
 */
function withoutQuestion(error: unknown) {
  const told =
    error instanceof Error && 'query' in error && error.cause instanceof Error ? error.cause : error
  if (!(told instanceof Error)) return told
  if (!('requestBody' in told)) return pino.stdSerializers.err(told)
  const { name, message, stack } = told
  return { type: name, message, stack, ...('code' in told ? { code: told.code } : {}) }
}

/** What the process has counted since its start, for Prometheus. Nothing in it names a person, a job or a prompt. */
export interface Metrics {
  /** One answered request. `route` is the pattern that it fits, so that ids make no series; `seconds` until its answer began. */
  answered(request: { method: string; route: string; status: number }, seconds: number): void
  /** The same model: how long its segments take, what they cost and how its provider fails is counted. */
  watched(video: VideoModel): VideoModel
  /** All of it, and how many jobs there are in each state, as Prometheus reads it. */
  text(jobs: Record<JobStatus, number>): Promise<string>
  /** What `text` is sent as. */
  contentType: string
}

/** Seconds: a page, and a segment of a video model. */
const REQUEST_BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10]
const SEGMENT_BUCKETS = [5, 15, 30, 60, 120, 300, 600, 1800]

/** Starts counting. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const jobsNow = new Gauge({ name: 'sora_jobs', help: 'Jobs by state', labelNames: ['status'], registers })
  const requests = new Histogram({
    name: 'sora_http_request_seconds',
    help: 'Time until an answer began, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers,
  })
  const segments = new Histogram({
    name: 'sora_segment_seconds',
    help: 'Time that was waited for a segment, by model',
    labelNames: ['model'],
    buckets: SEGMENT_BUCKETS,
    registers,
  })
  const errors = new Counter({
    name: 'sora_provider_errors_total',
    help: 'Failures of video providers, by what they mean for the money',
    labelNames: ['kind'],
    registers,
  })
  const spend = new Counter({
    name: 'sora_spend_usd_total',
    help: 'What rendered segments cost in USD, where the provider says, by model',
    labelNames: ['model'],
    registers,
  })

  async function counted<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      if (error instanceof ProviderError) errors.inc({ kind: error.kind })
      throw error
    })
  }

  return {
    answered: ({ method, route, status }, seconds) => requests.observe({ method, route, status }, seconds),
    watched: (video) => ({
      submit: (order) => counted(video.submit(order)),
      find: (order, signal) => counted(video.find(order, signal)),
      async wait(order, request, signal, waiting) {
        const { model } = order
        const took = segments.startTimer({ model })
        const clip = await counted(video.wait(order, request, signal, waiting))
        took()
        if (clip.costUsd !== null) spend.inc({ model }, clip.costUsd)
        return clip
      },
      download: (url, path, signal) => counted(video.download(url, path, signal)),
      cancel: (order, request) => counted(video.cancel(order, request)),
    }),
    async text(jobs) {
      for (const [status, count] of Object.entries(jobs)) jobsNow.set({ status }, count)
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
