import { type DestinationStream, pino } from 'pino'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ChatName } from './core/card.ts'
import { type ErrorCode, ProviderError } from './core/errors.ts'
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
  /** A job waited so long until somebody began with it. */
  waited(seconds: number): void
  /** A job came to this end; `code` is why it failed. */
  ended(status: JobStatus, code: ErrorCode | null): void
  /** An edit of a card: `dropped` are changes that a newer state was shown in place of. */
  edited(chat: ChatName, outcome: 'made' | 'failed' | 'dropped', count?: number): void
  /** All of it, and how things are now, as Prometheus reads it. */
  text(now: Now): Promise<string>
  /** What `text` is sent as. */
  contentType: string
}

/** What isn't counted but looked up. Disk in bytes; `least` must be free before a job is taken in. */
export interface Now {
  jobs: Record<JobStatus, number>
  waiting: { jobs: number; oldestSeconds: number }
  disk: { free: number; least: number }
}

/** Seconds: a page, a segment of a video model, and a job's wait. */
const REQUEST_BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10]
const SEGMENT_BUCKETS = [5, 15, 30, 60, 120, 300, 600, 1800]
const WAIT_BUCKETS = [0.5, 2, 10, 30, 60, 300, 900, 3600]

/** Starts counting. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  // memory, CPU, the event loop's delay
  collectDefaultMetrics({ register: registry })
  const jobsNow = new Gauge({ name: 'sora_jobs', help: 'Jobs by state', labelNames: ['status'], registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const depth = gauge('sora_queue_depth', 'Unfinished jobs that nobody works on')
  const oldest = gauge('sora_queue_oldest_seconds', 'How long the oldest of them has waited')
  const diskFree = gauge('sora_disk_free_bytes', 'Bytes that are free on the disk of the data folder')
  const diskLeast = gauge('sora_disk_reserve_bytes', 'Bytes that must be free before a job is taken in')
  const waits = new Histogram({
    name: 'sora_job_wait_seconds',
    help: 'Time from a job being asked for, or tried again, until somebody began with it',
    buckets: WAIT_BUCKETS,
    registers,
  })
  const ends = new Counter({
    name: 'sora_job_ends_total',
    help: 'Jobs that came to an end, and why those failed that did',
    labelNames: ['status', 'code'],
    registers,
  })
  const edits = new Counter({
    name: 'sora_card_edits_total',
    help: 'Edits of cards; dropped: changes that a newer state was shown in place of',
    labelNames: ['chat', 'outcome'],
    registers,
  })
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
    waited: (seconds) => waits.observe(Math.max(0, seconds)),
    ended: (status, code) => ends.inc({ status, code: code ?? '' }),
    edited: (chat, outcome, count = 1) => edits.inc({ chat, outcome }, count),
    async text({ jobs, waiting, disk }) {
      for (const [status, count] of Object.entries(jobs)) jobsNow.set({ status }, count)
      depth.set(waiting.jobs)
      oldest.set(waiting.oldestSeconds)
      diskFree.set(disk.free)
      diskLeast.set(disk.least)
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
