import type { Context } from 'hono'
import { csrf } from 'hono/csrf'
import type { Job } from '../../core/job.ts'
import type { EventLog, FilmLinks, Identity, JobStore, Linked, Log, ObjectStore } from '../../core/ports.ts'
import type { Preview } from '../../core/preview.ts'
import type { Locale, ModelCapabilities, ModelList, RequestInput } from '../../core/request.ts'
import type { AssetLinks } from '../assets.ts'
import type { Allowance } from './form.ts'
import { type Content, type Frame, page } from './frame.ts'
import { keepLocale, readerLocale } from './reader.ts'

/** What the pages need of the program at work. */
export interface PagesService {
  submit(submission: {
    id: string
    input: RequestInput
    picture: string | null
    identity: Identity
    locale: Locale
  }): Promise<Job>
  retry(jobId: string, identity: Identity): Promise<Job>
  cancel(jobId: string): Promise<void>
  preview(jobId: string, wanted: readonly Preview[], signal: AbortSignal): Promise<string[]>
  lastFrame(jobId: string, signal: AbortSignal, segment?: number): Promise<Buffer | null>
  link(code: string, identity: Identity): Promise<Linked>
  jobs: Pick<JobStore, 'get' | 'list' | 'segments' | 'usualSeconds'>
  events: Pick<EventLog, 'since' | 'follow'>
  objects: Pick<ObjectStore, 'file' | 'link' | 'read' | 'size'>
  filmLinks: FilmLinks
  modelOf(jobId: string): Promise<ModelCapabilities>
  allowance(identity: Identity): Promise<Allowance>
}

/** Somebody who may see their own films. `member`: they have signed in; else they are the operator of a server for one. */
export interface PageViewer {
  identity: Identity
  userId: string
  member: { email: string | null } | null
}

export interface PagesDeps {
  service: PagesService
  models: ModelList
  assets: AssetLinks
  /** Who asks; null: nobody who has signed in. */
  viewerOf(c: Context): PageViewer | null
  /** Where people reach this server from elsewhere, without a slash at its end; null: nowhere. */
  publicUrl: string | null
  /** Where else films come from, such as `https://project.supabase.co`. */
  mediaOrigins: readonly string[]
  defaultLocale: Locale
  log: Log
}

/** Sends a page. */
export function sendPage(
  c: Context,
  deps: PagesDeps,
  content: (locale: Locale) => Content,
  status: Status = 200,
) {
  const locale = localeOf(c, deps)
  keepLocale(c)
  const viewer = deps.viewerOf(c)
  const url = new URL(c.req.url)
  const path = c.req.method === 'GET' ? `${url.pathname}${url.search}` : url.pathname
  const person: Frame['person'] =
    viewer === null
      ? { kind: 'guest' }
      : viewer.member === null
        ? { kind: 'operator' }
        : { kind: 'member', email: viewer.member.email }
  c.header('content-security-policy', policy(deps))
  c.header('cache-control', 'no-store')
  c.header('content-language', locale)
  return c.html(page({ locale, path, assets: deps.assets, person }, content(locale)), status)
}

/** Refuses what another site's page has a browser send. Behind a proxy this server knows its own address by `publicUrl` alone. */
export function ownFormsOnly({ publicUrl }: Pick<PagesDeps, 'publicUrl'>) {
  const own = publicUrl === null ? null : new URL(publicUrl).origin
  return csrf({ origin: (origin, c) => origin === own || origin === new URL(c.req.url).origin })
}

/** The statuses that pages are sent with. */
export type Status = 200 | 400 | 403 | 404 | 409 | 410 | 413 | 429 | 500 | 502 | 503

/** The reader's language. */
export function localeOf(c: Context, { defaultLocale }: PagesDeps): Locale {
  return readerLocale(c, defaultLocale)
}

/** Nothing runs, is shown or is sent but what this server gives; films may come from where they are kept. */
function policy({ mediaOrigins }: PagesDeps): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    `media-src ${["'self'", ...mediaOrigins].join(' ')}`,
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A job of the viewer's own; null where there is none such, or it is somebody else's. */
export async function ownJob(
  { service }: Pick<PagesDeps, 'service'>,
  viewer: PageViewer,
  id: string | undefined,
): Promise<Job | null> {
  if (id === undefined || !UUID.test(id)) return null
  const job = await service.jobs.get(id)
  return job !== null && job.userId === viewer.userId ? job : null
}

/** With which status a page says why something was not done. */
export function refusalStatus(code: string): Status {
  if (code === 'hourly_limit' || code === 'cost_over_day' || code === 'active_limit' || code === 'link_limit')
    return 429
  if (code === 'disk_low') return 503
  return code === 'job_not_retryable' || code === 'job_not_cancellable' || code === 'link_taken' ? 409 : 400
}
