import type { Hono } from 'hono'
import { SHARE_DAYS } from './job-routes.ts'
import { lostPage } from './messages.ts'
import { expiredPage, sharedPage } from './shared.ts'
import { localeOf, type PagesDeps, sendPage } from './site.ts'

/** The page of a film for whoever has its link. The film itself comes from beside it, by the same signature. */
export function addSharedRoutes(app: Hono, deps: PagesDeps): void {
  const { service } = deps
  app.get('/v/:id', async (c) => {
    const id = c.req.param('id')
    const query = { expires: c.req.query('expires') ?? '', signature: c.req.query('signature') ?? '' }
    const worth = service.filmLinks.check(id, query)
    if (worth === 'expired') return sendPage(c, deps, (locale) => expiredPage(locale, SHARE_DAYS), 410)
    const job = worth === 'wrong' ? null : await service.jobs.get(id)
    if (job === null || job.film === null) return sendPage(c, deps, lostPage, 404)
    const model = await service.modelOf(id)
    const url = `/v/${id}/film.mp4?${new URLSearchParams(query)}`
    const { film } = job
    const locale = localeOf(c, deps)
    return sendPage(c, deps, () => sharedPage({ locale, job, film, model, url }))
  })
}
