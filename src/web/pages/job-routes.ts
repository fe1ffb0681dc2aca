import type { Context, Hono } from 'hono'
import { UserError } from '../../core/errors.ts'
import type { Job } from '../../core/job.ts'
import { titleOf, withTitles } from '../../core/outlook.ts'
import type { Preview } from '../../core/preview.ts'
import { errorText } from '../../i18n/index.ts'
import { filmResponse } from '../film-response.ts'
import { jobEvents } from '../job-events.ts'
import { statusOf } from '../refusal.ts'
import { jobPage } from './job.ts'
import { lostPage } from './messages.ts'
import type { ForViewer } from './routes.ts'
import { localeOf, ownJob, type PagesDeps, type PageViewer, sendPage } from './site.ts'

/** How long a link for others works, in days. */
export const SHARE_DAYS = 7

/** A picture of a film never changes; one of an unfinished job may go. */
const PICTURE_HEADERS = { 'content-type': 'image/jpeg', 'cache-control': 'private, max-age=86400' }

type OwnJob = (c: Context, job: Job, viewer: PageViewer) => Response | Promise<Response>

/** The pages and pictures of a job of one's own, and what can be done with it. */
export function addJobRoutes(
  app: Hono,
  deps: PagesDeps,
  known: (serve: ForViewer) => (c: Context) => Response | Promise<Response>,
): void {
  const { service } = deps
  const own = (serve: OwnJob) =>
    known(async (c, viewer) => {
      const job = await ownJob(deps, viewer, c.req.param('id'))
      return job === null ? sendPage(c, deps, lostPage, 404) : serve(c, job, viewer)
    })

  async function show(c: Context, job: Job, refused: UserError | null = null) {
    const [segments, events, model] = await Promise.all([
      service.jobs.segments(job.id),
      service.events.since(job.id, 0),
      service.modelOf(job.id),
    ])
    const usualSeconds = (await service.jobs.usualSeconds(model.id)) ?? model.renderSeconds
    const locale = localeOf(c, deps)
    const detail = refused === null ? null : await withTitles(refused.detail, service.jobs.get)
    const refusal = detail === null ? null : errorText(detail, locale).replaceAll(job.id, `“${titleOf(job)}”`)
    const state = {
      job,
      segments,
      events,
      model,
      usualSeconds,
      now: new Date(),
      locale,
      refusal,
      share: shareOf(job),
    }
    return sendPage(c, deps, () => jobPage(state), refused === null ? 200 : statusOf(refused.detail.code))
  }

  function shareOf({ id, film }: Job) {
    if (film === null || deps.publicUrl === null) return null
    return { url: `${deps.publicUrl}${service.filmLinks.path(id, SHARE_DAYS * 24 * 3600)}`, days: SHARE_DAYS }
  }

  /** Does something with a job, and shows it again; or says why not. */
  const act = (act: (job: Job, viewer: PageViewer) => Promise<unknown>) =>
    own(async (c, job, viewer) => {
      try {
        await act(job, viewer)
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        return show(c, (await service.jobs.get(job.id)) ?? job, error)
      }
      return c.redirect(`/jobs/${job.id}`, 303)
    })

  const preview = (kind: Exclude<Preview['kind'], 'smaller'>) =>
    own(async (c, job) => {
      if (job.film === null) return c.body(null, 404)
      const [key = ''] = await service.preview(job.id, [{ kind }], c.req.raw.signal)
      const parts: Uint8Array[] = []
      for await (const part of await service.objects.read(key)) parts.push(part)
      return c.body(new Uint8Array(Buffer.concat(parts)), 200, PICTURE_HEADERS)
    })

  app.get(
    '/jobs/:id',
    own((c, job) => show(c, job)),
  )
  app.post(
    '/jobs/:id/cancel',
    act((job) => service.cancel(job.id)),
  )
  app.post(
    '/jobs/:id/retry',
    act((job, { identity }) => service.retry(job.id, identity)),
  )
  app.get('/jobs/:id/poster.jpg', preview('poster'))
  app.get('/jobs/:id/sheet.jpg', preview('sheet'))
  app.get(
    '/jobs/:id/film.mp4',
    own((c, job) =>
      job.film === null ? c.body(null, 404) : filmResponse(c, service.objects, job.film, 'film.mp4'),
    ),
  )
  app.get(
    '/jobs/:id/events',
    own((c, job) => jobEvents(c, service.events, job)),
  )
  app.get(
    '/jobs/:id/frames/:name{[0-9]{1,2}\\.jpg}',
    own(async (c, job) => {
      const segment = Number.parseInt(c.req.param('name') ?? '', 10)
      const frame = await service.lastFrame(job.id, c.req.raw.signal, segment)
      return frame === null ? c.body(null, 404) : c.body(new Uint8Array(frame), 200, PICTURE_HEADERS)
    }),
  )
}
