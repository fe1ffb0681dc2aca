import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { reasonOf, UserError } from '../core/errors.ts'
import { endsJob, type JobEvent } from '../core/event.ts'
import { findingsOf } from '../core/film-check.ts'
import type { Film } from '../core/job.ts'
import type { Operator } from '../core/operator.ts'
import { PREVIEW_KINDS, type Preview, previewEnding } from '../core/preview.ts'
import type { Locale } from '../core/request.ts'
import { encodedText, errorText, findingText, megabytes, text, usdText } from '../i18n/index.ts'
import { createJsonDisplay, type Display } from './display.ts'
import { EXIT } from './exit.ts'

/** A job that is in line for so long is said to wait, in milliseconds. */
const LONG_IN_LINE_MS = 20_000

/** What is needed of the program to follow a job, and how the person wants to see it. */
export interface Watching {
  operator: Pick<Operator, 'here' | 'events' | 'objects' | 'cancel' | 'preview' | 'modelOf' | 'costOf'>
  /** Null: one JSON object a line on stdout. */
  display: Display | null
  locale: Locale
  /** A copy of the film goes there. */
  out: string | null
  /** What is made of the film when it is finished; copies go beside the film's where there is one. */
  previews: readonly Preview[]
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
  /** The segments' clips, where they were kept. */
  clips: readonly string[] | undefined
  previews: PreviewPlaces | undefined
}

/** Where the previews that were asked for are: paths, else links. */
type PreviewPlaces = Partial<Record<Preview['kind'], string>>

/** Follows a job from an event on to its end, brings its film home, and returns the exit code. */
export async function watchJob(jobId: string, since: number, watching: Watching): Promise<number> {
  const { operator, locale, interrupted, terminated } = watching
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
    cancelling = operator.cancel(jobId).catch((error) => {
      // a job that ended at the same moment can't be cancelled any more; its end is what is told then
      if (!(error instanceof UserError)) display.note(reasonOf(error))
    })
  }
  if (interrupted.aborted) cancel()
  else interrupted.addEventListener('abort', cancel)
  let inLine: NodeJS.Timeout | undefined
  try {
    for await (const event of operator.events.follow(jobId, since, terminated)) {
      clearTimeout(inLine)
      if (event.type === 'queued') {
        inLine = setTimeout(() => display.note(text(locale, 'cli.in_line')), LONG_IN_LINE_MS)
      }
      let failed: { error: unknown } | null = null
      if (event.type === 'completed') {
        delivered = await deliver(watching, jobId, event.film)
        try {
          delivered.previews = await deliverPreviews(watching, jobId)
        } catch (error) {
          // the film is there, and is told of first
          failed = { error }
        }
      }
      display.event(event)
      if (!endsJob(event)) continue
      display.close()
      await tellEnd(event, delivered, display, watching)
      if (failed !== null && interrupted.aborted) return EXIT.cancelled
      if (failed !== null && terminated.aborted) return EXIT.left
      if (failed !== null) throw failed.error
      return exitCodeOf(event)
    }
    display.close()
    display.note(text(locale, operator.here ? 'cli.left' : 'cli.left_elsewhere', { job_id: jobId }))
    return EXIT.left
  } finally {
    clearTimeout(inLine)
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
  { locale, operator }: Watching,
): Promise<void> {
  if (event.type === 'completed' && delivered) {
    const { duration, width, height, file_size } = event.film
    const place = delivered.path ?? delivered.url
    const seconds = duration.toFixed(1)
    display.note(text(locale, 'cli.film', { place, seconds, width, height, megabytes: megabytes(file_size) }))
    tellCheck(event.film, display, locale)
    const { name, source } = await operator.modelOf(event.job_id)
    const made = source === 'algorithmicMedia' ? 'film.made_by_program' : 'film.made_by_ai'
    display.note(text(locale, made, { model: name }))
    for (const [i, place] of (delivered.clips ?? []).entries()) {
      display.note(text(locale, 'cli.clip', { segment: i + 1, place }))
    }
    for (const kind of PREVIEW_KINDS) {
      const place = delivered.previews?.[kind]
      if (place !== undefined) display.note(text(locale, `cli.preview.${kind}`, { place }))
    }
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

async function deliver({ operator, out }: Watching, jobId: string, film: Film): Promise<Delivered> {
  const { path, url } = await bring(operator.objects, film.key, out, 'film.mp4')
  const { duration, width, height, file_size } = film
  const metadata = { duration, resolution: `${width}x${height}`, file_size }
  const clips = film.clips.length === 0 ? undefined : await deliverClips(operator.objects, film, out)
  return { path, url, metadata, cost_usd: await operator.costOf(jobId), clips, previews: undefined }
}

async function deliverClips(objects: Operator['objects'], film: Film, out: string | null): Promise<string[]> {
  const places: string[] = []
  for (const key of film.clips) {
    const ending = key.slice(film.key.length - '.mp4'.length)
    const { path, url } = await bring(objects, key, beside(out, ending), `film${ending}`)
    places.push(path ?? url)
  }
  return places
}

/** The name of what goes beside a film that is copied to `out`. */
function beside(out: string | null, ending: string): string | null {
  return out === null ? null : join(parse(out).dir, parse(out).name + ending)
}

async function deliverPreviews(
  { operator, out, previews, interrupted, terminated }: Watching,
  jobId: string,
): Promise<PreviewPlaces | undefined> {
  if (previews.length === 0) return undefined
  const keys = await operator.preview(jobId, previews, AbortSignal.any([interrupted, terminated]))
  const places: PreviewPlaces = {}
  for (const [i, preview] of previews.entries()) {
    const ending = previewEnding(preview)
    const { path, url } = await bring(operator.objects, keys[i] ?? '', beside(out, ending), `film${ending}`)
    places[preview.kind] = path ?? url
  }
  return places
}

/** Copies an object to `copy` where one is wanted, and says where it is now. `name` is what a download is called. */
async function bring(
  objects: Operator['objects'],
  key: string,
  copy: string | null,
  name: string,
): Promise<{ path: string | null; url: string }> {
  if (copy !== null) {
    const part = `${copy}.part`
    try {
      await pipeline(await objects.read(key), createWriteStream(part))
      await rename(part, copy)
    } finally {
      await rm(part, { force: true })
    }
  }
  const path = copy ?? (await objects.file(key))
  const url = path === null ? await objects.link(key, { seconds: 24 * 3600, name }) : pathToFileURL(path).href
  return { path, url }
}
