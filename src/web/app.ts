import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { type ErrorDetail, userError } from '../core/errors.ts'
import { type Locale, shown } from '../core/request.ts'
import { type ApiDeps, createApi } from './api.ts'
import { createAssets } from './assets.ts'
import { limitBody } from './body.ts'
import { filmResponse } from './film-response.ts'
import { isSigned, onlyFromHere, refuseCrossSite } from './guards.ts'
import { countAnswers, createHealth, type WebMetrics } from './health.ts'
import { OPERATOR_PATH } from './operator.ts'
import { brokenPage, lostPage, refusedPage } from './pages/messages.ts'
import { createPages } from './pages/routes.ts'
import { createSignInPages } from './pages/sign-in-routes.ts'
import { type PagesDeps, sendPage } from './pages/site.ts'
import { detailOf, refuse, statusOf } from './refusal.ts'
import { createSession } from './session.ts'
import type { SignInService } from './supabase-auth.ts'
import type { ReadToken } from './tokens.ts'
import { createMembers, createSingleViewer } from './viewer.ts'

/** What is changed by no request. */
const SAFE = ['GET', 'HEAD', 'OPTIONS']

export interface WebAppDeps extends ApiDeps {
  /** How people prove who they are; null: the server is for one. */
  accounts: { readToken: ReadToken; signIn: SignInService } | null
  /** Where browsers reach this server: `publicUrl`, else where it listens. */
  origin: string
  /** Who may use the API from other sites. */
  corsOrigins: readonly string[]
  mediaOrigins: readonly string[]
  /** Answers the command line; null to whoever isn't it. */
  operatorDoor: (request: Request) => Promise<Response | null>
  metrics: WebMetrics
  defaultLocale: Locale
  isUp: () => boolean
  closing: AbortSignal
}

/** Everything that the web serves. */
export function createWebApp(deps: WebAppDeps): Hono {
  const { service, accounts, origin, closing, log, defaultLocale } = deps
  const secure = origin.startsWith('https:')
  const session = accounts && createSession({ auth: accounts.signIn, secure, now: Date.now })
  const whoAsks =
    accounts && session
      ? createMembers({ jobs: service.jobs, readToken: accounts.readToken, session })
      : createSingleViewer(service.jobs)
  const { links, routes: assets } = createAssets()
  const pages: PagesDeps = { ...deps, assets: links, viewerOf: (c) => c.get('viewer') ?? null }
  const app = new Hono()

  app.use(countAnswers(deps.metrics))
  app.use(requestId())
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      strictTransportSecurity: secure ? 'max-age=31536000' : false,
      referrerPolicy: 'same-origin',
      xFrameOptions: 'DENY',
      // a page has a policy of its own
      overwrite: false,
    }),
  )
  app.use(compress())
  app.use(async (c, next) => {
    c.set('closing', closing)
    c.set('viewer', null)
    await next()
  })
  if (accounts === null) app.use(onlyFromHere)
  if (deps.corsOrigins.length > 0) {
    app.use('/api/*', cors({ origin: [...deps.corsOrigins], exposeHeaders: EXPOSED, maxAge: 600 }))
  }
  app.route('/', createHealth({ ...deps, jobs: service.jobs, disk: service.disk }))
  app.use(async (_, next) => {
    if (closing.aborted) throw userError('stopping', {})
    await next()
  })
  app.use(limitBody)
  app.post(`${OPERATOR_PATH}:name`, async (c) => (await deps.operatorDoor(c.req.raw)) ?? c.notFound())
  app.route('/', assets)
  app.get('/objects/*', async (c) => {
    const opened = service.openLink(c.req.url)
    return opened === null ? c.notFound() : filmResponse(c, service.objects, opened, opened.name)
  })
  app.use(async (c, next) => {
    // who asks for a film by its link only matters to the page's corner
    const known = await (isSigned(c.req.path) ? whoAsks(c).catch(() => null) : whoAsks(c))
    c.set('viewer', known?.viewer ?? null)
    if (!SAFE.includes(c.req.method) && known?.byToken !== true) refuseCrossSite(c, deps.publicUrl)
    await next()
  })
  app.route('/', createApi(deps))
  // else the pages' own checks would answer, with a page
  app.all('/api/*', (c) => {
    throw userError('route_unknown', { path: shown(c.req.path) })
  })
  if (accounts && session)
    app.route('/', createSignInPages({ ...pages, auth: accounts.signIn, session, origin }))
  app.route('/', createPages(pages))

  const say = (c: Context, error: ErrorDetail) => {
    if (!wantsPage(c)) return refuse(c, error, defaultLocale)
    const status = statusOf(error.code)
    if (status === 404) return sendPage(c, pages, lostPage, status)
    if (status === 500) return sendPage(c, pages, brokenPage, status)
    return sendPage(c, pages, (locale) => refusedPage(locale, error), status)
  }
  app.notFound((c) => say(c, userError('route_unknown', { path: shown(c.req.path) }).detail))
  app.onError((error, c) => say(c, detailOf(error, c, log)))
  return app
}

const EXPOSED = ['content-disposition', 'content-range', 'etag', 'location', 'retry-after', 'x-request-id']

function wantsPage(c: Context): boolean {
  return !c.req.path.startsWith('/api/') && (c.req.header('accept') ?? '').includes('text/html')
}
