import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { UserError } from '../../core/errors.ts'
import { withTitles } from '../../core/outlook.ts'
import { statusOf } from '../refusal.ts'
import { emptyValues, type FormState, formPage, valuesOf } from './form.ts'
import { inputOf, jobIdOf, keepPicture, readValues, type Sent } from './form-data.ts'
import { addJobRoutes } from './job-routes.ts'
import { JOBS_SHOWN, jobsPage } from './jobs.ts'
import { addLinkRoutes } from './link-routes.ts'
import { addSharedRoutes } from './shared-routes.ts'
import { localeOf, ownJob, type PagesDeps, type PageViewer, sendPage } from './site.ts'

/** A page's route for somebody who is known. */
export type ForViewer = (c: Context, viewer: PageViewer) => Response | Promise<Response>

/** The web's pages. Whoever is not known is asked to sign in. What can't be done, and no field of a page says, is thrown. */
export function createPages(deps: PagesDeps): Hono {
  const app = new Hono()
  const { service, models } = deps

  const known =
    (serve: ForViewer) =>
    (c: Context): Response | Promise<Response> => {
      const viewer = deps.viewerOf(c)
      return viewer === null ? c.redirect('/sign-in', 303) : serve(c, viewer)
    }

  async function askedFor(c: Context, viewer: PageViewer, given: Partial<FormState>, key: string) {
    const allowance = await service.allowance(viewer.identity)
    const state = { models, values: emptyValues(models), allowance, key, error: null, ...given }
    const status = state.error === null ? 200 : statusOf(state.error.code)
    return sendPage(c, deps, (locale) => formPage({ locale, ...state }), status)
  }

  app.get(
    '/',
    known(async (c, viewer) => {
      const earlier = await ownJob(deps, viewer, c.req.query('from'))
      const given = earlier === null ? {} : { values: valuesOf(earlier.request, models) }
      return askedFor(c, viewer, given, randomUUID())
    }),
  )
  app.post(
    '/',
    known(async (c, viewer) => {
      const sent = (await c.req.parseBody()) as Sent
      const values = readValues(sent, emptyValues(models))
      const key = typeof sent.key === 'string' && sent.key !== '' ? sent.key : randomUUID()
      if (sent.only === 'price') return askedFor(c, viewer, { values }, key)
      const { identity, userId } = viewer
      const locale = localeOf(c, deps)
      try {
        const picture = await keepPicture(sent)
        try {
          const submission = { input: inputOf(values), picture: picture.path, identity, locale }
          const job = await service.submit({ ...submission, id: jobIdOf(userId, key) })
          return c.redirect(`/jobs/${job.id}`, 303)
        } finally {
          await picture.remove()
        }
      } catch (refusal) {
        if (!(refusal instanceof UserError)) throw refusal
        const error = await withTitles(refusal.detail, service.jobs.get)
        return askedFor(c, viewer, { values, error }, key)
      }
    }),
  )
  app.get(
    '/jobs',
    known(async (c, viewer) => {
      const jobs = await service.jobs.list(viewer.userId, JOBS_SHOWN)
      return sendPage(c, deps, (locale) => jobsPage(jobs, locale))
    }),
  )
  addJobRoutes(app, deps, known)
  addLinkRoutes(app, deps, known)
  addSharedRoutes(app, deps)
  return app
}
