import type { Context, Hono } from 'hono'
import { isFilmExpired } from '../../core/film.ts'
import type { Film, Job } from '../../core/job.ts'
import { filmResponse } from '../film-response.ts'
import { SHARE_DAYS } from './job-routes.ts'
import { lostPage } from './messages.ts'
import { expiredPage, goneFilmPage, sharedPage } from './shared.ts'
import { type PagesDeps, sendPage } from './site.ts'

type WithFilm = (c: Context, job: Job, film: Film) => Response | Promise<Response>

/** A film's page for whoever has its link, and the film itself by the same signature: a link to its file is made when it is wanted. */
export function addSharedRoutes(app: Hono, deps: PagesDeps): void {
  const { service } = deps

  const shared = (serve: WithFilm) => async (c: Context) => {
    const id = c.req.param('id') ?? ''
    const worth = service.filmLinks.check(id, queryOf(c))
    if (worth === 'expired') return sendPage(c, deps, (locale) => expiredPage(locale, SHARE_DAYS), 410)
    const job = worth === 'wrong' ? null : await service.jobs.get(id)
    if (job !== null && isFilmExpired(job)) return sendPage(c, deps, goneFilmPage, 410)
    if (job === null || job.film === null) return sendPage(c, deps, lostPage, 404)
    return serve(c, job, job.film)
  }

  app.get(
    '/v/:id',
    shared(async (c, job, film) => {
      const model = await service.modelOf(job.id)
      const url = `/v/${job.id}/film.mp4?${new URLSearchParams(queryOf(c))}`
      return sendPage(c, deps, (locale) => sharedPage({ locale, job, film, model, url }))
    }),
  )
  app.get(
    '/v/:id/film.mp4',
    shared((c, _job, film) => filmResponse(c, service.objects, film, 'film.mp4')),
  )
}

function queryOf(c: Context): { expires: string; signature: string } {
  return { expires: c.req.query('expires') ?? '', signature: c.req.query('signature') ?? '' }
}
