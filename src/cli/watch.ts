import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { reasonOf, UserError } from '../core/errors.ts'
import { endsJob, type JobEvent } from '../core/event.ts'
import { findingsOf } from '../core/film-check.ts'
import type { Film } from '../core/job.ts'
import type { EventLog, ObjectStore } from '../core/ports.ts'
import type { Locale, ModelCapabilities } from '../core/request.ts'
import { encodedText, errorText, findingText, megabytes, text, usdText } from '../i18n/index.ts'
import { createJsonDisplay, type Display } from './display.ts'
import { EXIT } from './exit.ts'

/** What is needed of the service to follow a job, and how the person wants to see it. */
export interface Watching {
  service: { events: EventLog; objects: ObjectStore; cancel(jobId: string): Promise<void> }
  /** Null: one JSON object a line on stdout. */
  display: Display | null
  locale: Locale
  /** A copy of the film goes there. */
  out: string | null
  modelOf: (jobId: string) => Promise<ModelCapabilities>
  costOf: (jobId: string) => Promise<number | null>
  /** Ctrl-C: cancel the job and see it end. */
  interrupted: AbortSignal
  /** SIGTERM: stop watching; the job goes on another time. */
  terminated: AbortSignal
}

/** Where a film is, and what it is: seconds, pixels, bytes. */
interface Delivered {
  path: string | null
  url: string
  metadata: { duration: number; resolution: string; file_size: number }
  /** In USD; null where the provider doesn't say. */
  cost_usd: number | null
}

/** Follows a job from an event on to its end, brings its film home, and returns the exit code. */
export async function watchJob(jobId: string, since: number, watching: Watching): Promise<number> {
  const { service, locale, interrupted, terminated } = watching
  let delivered: Delivered | null = null
  const display =
    watching.display ??
    createJsonDisplay(process.stdout, locale, (event) =>
      event.type === 'completed' ? { film: undefined, ...delivered, ...checkFields(event.film, locale) } : {},
    )
  display.note(text(locale, 'cli.job', { job_id: jobId }))

  let cancelling = Promise.resolve()
  const cancel = () => {
    display.note(text(locale, 'cli.interrupted'))
    cancelling = service.cancel(jobId).catch((error) => {
      // a job that ended at the same moment can't be cancelled any more; its end is what is told then
      if (!(error instanceof UserError)) display.note(reasonOf(error))
    })
  }
  if (interrupted.aborted) cancel()
  else interrupted.addEventListener('abort', cancel)
  try {
    for await (const event of service.events.follow(jobId, since, terminated)) {
      if (event.type === 'completed') delivered = await deliver(watching, jobId, event.film)
      display.event(event)
      if (!endsJob(event)) continue
      display.close()
      await tellEnd(event, delivered, display, watching)
      return exitCodeOf(event)
    }
    display.close()
    display.note(text(locale, 'cli.left', { job_id: jobId }))
    return EXIT.left
  } finally {
    display.close()
    interrupted.removeEventListener('abort', cancel)
    await cancelling
  }
}

function exitCodeOf(event: JobEvent): number {
  if (event.type === 'completed') return EXIT.done
  return event.type === 'cancelled' ? EXIT.cancelled : EXIT.failed
}

async function tellEnd(
  event: JobEvent,
  delivered: Delivered | null,
  display: Display,
  { locale, modelOf }: Watching,
): Promise<void> {
  if (event.type === 'completed' && delivered) {
    const { duration, width, height, file_size } = event.film
    const place = delivered.path ?? delivered.url
    const seconds = duration.toFixed(1)
    display.note(text(locale, 'cli.film', { place, seconds, width, height, megabytes: megabytes(file_size) }))
    tellCheck(event.film, display, locale)
    const { name, source } = await modelOf(event.job_id)
    const made = source === 'algorithmicMedia' ? 'film.made_by_program' : 'film.made_by_ai'
    display.note(text(locale, made, { model: name }))
    const cost = delivered.cost_usd
    if (cost === null) display.note(text(locale, 'cli.cost_unknown'))
    else if (cost > 0) display.note(text(locale, 'cli.cost', { usd: usdText(cost) }))
  }
  if (event.type === 'failed') {
    display.note(errorText(event.error, locale))
    display.note(text(locale, 'cli.retry', { job_id: event.job_id }))
  }
}

/** A line for each thing that is off, and one where something is no copy; nothing where all is well. */
function tellCheck({ check }: Film, display: Display, locale: Locale): void {
  if (check === null) return
  for (const finding of findingsOf(check)) display.note(findingText(finding, locale))
  const encoded = encodedText(check.encoded, locale)
  if (encoded !== null) display.note(encoded)
}

/** The same for a program: every seam as it was measured, and what is off where something is. */
function checkFields({ check }: Film, locale: Locale): Record<string, unknown> {
  if (check === null) return {}
  const seams = check.seams.map(({ soundOffsetMs, ...seam }) => ({ ...seam, sound_offset_ms: soundOffsetMs }))
  const findings = findingsOf(check).map((finding) => ({
    code: finding.code,
    ...finding.data,
    message: findingText(finding, locale),
  }))
  return { seams, ...(findings.length === 0 ? {} : { findings }) }
}

async function deliver({ service, out, costOf }: Watching, jobId: string, film: Film): Promise<Delivered> {
  if (out !== null) {
    const part = `${out}.part`
    try {
      await pipeline(await service.objects.read(film.key), createWriteStream(part))
      await rename(part, out)
    } finally {
      await rm(part, { force: true })
    }
  }
  const path = out ?? service.objects.file(film.key)
  const url =
    path === null
      ? await service.objects.link(film.key, { seconds: 24 * 3600, name: 'film.mp4' })
      : pathToFileURL(path).href
  const { duration, width, height, file_size } = film
  const metadata = { duration, resolution: `${width}x${height}`, file_size }
  return { path, url, metadata, cost_usd: await costOf(jobId) }
}
