import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type * as z from 'zod'
import { userError } from '../core/errors.ts'
import type { JobEvent } from '../core/event.ts'
import { filmOf, isFilmExpired } from '../core/film.ts'
import { isUnfinished, type Job } from '../core/job.ts'
import type { Log } from '../core/ports.ts'
import { type Locale, type ModelList, parseRequest, type RequestInput, shown } from '../core/request.ts'
import { changeText, text } from '../i18n/index.ts'
import { ROUTES } from './api-routes.ts'
import { readFields, readJson } from './body.ts'
import { filmResponse } from './film-response.ts'
import { jobEvents } from './job-events.ts'
import { jobIdOf, keepPicture } from './pages/form-data.ts'
import { readerLocale } from './pages/reader.ts'
import type { PageViewer } from './pages/site.ts'
import { checked, fieldsOf } from './read.ts'
import type {
  eventData,
  jobsAnswer,
  linkAnswer,
  modelsAnswer,
  resultAnswer,
  statusAnswer,
  told,
} from './schemas.ts'
import { generateBody, generateForm, jobsQuery, LIMIT, linkBody } from './schemas.ts'
import type { WebService } from './service.ts'

/** How long an `Idempotency-Key` may be. */
const KEY_MAX = 255

export interface ApiDeps {
  service: WebService
  models: ModelList
  /** Where people reach this server from elsewhere, without a slash at its end; null: where they ask. */
  publicUrl: string | null
  defaultLocale: Locale
  version: string
  log: Log
}

type Serve = (c: Context, viewer: PageViewer) => Response | Promise<Response>
type ServeJob = (c: Context, job: Job, viewer: PageViewer) => Response | Promise<Response>

/** The routes of the API, and the document that describes them. Whatever can't be done throws a `UserError`. */
export function createApi(deps: ApiDeps): OpenAPIHono {
  const { service, models } = deps
  const api = new OpenAPIHono()
  const localeOf = (c: Context) => readerLocale(c, deps.defaultLocale)

  function on(route: RouteConfig, serve: (c: Context) => Response | Promise<Response>): void {
    api.openAPIRegistry.registerPath(route)
    api.on(route.method.toUpperCase(), route.path.replace(/\{(\w+)\}/g, ':$1'), serve)
  }

  const known = (serve: Serve) => (c: Context) => {
    const viewer = c.get('viewer')
    if (viewer === null) throw userError('sign_in_needed', {})
    return serve(c, viewer)
  }

  /** Somebody else's job is told of in the same words as one that isn't there. */
  const own = (serve: ServeJob) =>
    known(async (c, viewer) => {
      const id = c.req.param('id') ?? ''
      const job = await service.jobs.get(id)
      if (job === null || job.userId !== viewer.userId)
        throw userError('job_not_found', { job_id: shown(id) })
      return serve(c, job, viewer)
    })

  async function tell(c: Context, jobId: string, status?: 201): Promise<Response> {
    const [job, events] = await Promise.all([service.jobs.get(jobId), service.events.since(jobId, 0)])
    if (job === null) throw userError('job_not_found', { job_id: jobId })
    const answer = { job_id: job.id, status: job.status, message: messageOf(job, events, localeOf(c)) }
    return c.json(answer satisfies z.infer<typeof told>, status ?? 200)
  }

  on(
    ROUTES.generate,
    known(async (c, { identity, userId }) => {
      const key = keyOf(c)
      const { fields, form } = await readFields(c)
      const given = fieldsOf(fields, form ? generateForm : generateBody, models)
      const picture = await keepPicture(given.image === null ? {} : { image: given.image })
      const submission = { input: given.input, picture: picture.path, identity, locale: localeOf(c) }
      try {
        const id = key === null ? crypto.randomUUID() : jobIdOf(userId, `api/${key}`)
        const job = await service.submit({ ...submission, id })
        if (key !== null && !isSame(job, given.input, picture.path !== null, models)) {
          throw userError('idempotency_key_reused', {})
        }
        c.header('location', `/api/status/${job.id}`)
        return await tell(c, job.id, 201)
      } finally {
        await picture.remove()
      }
    }),
  )
  on(
    ROUTES.status,
    own(async (c, job) => {
      const locale = localeOf(c)
      const events = await service.events.since(job.id, 0)
      const { status, progress } = job
      const logs = events.map((event) => lineOf(event, locale))
      const answer = { job_id: job.id, status, progress, message: messageOf(job, events, locale), logs }
      return c.json(answer satisfies z.infer<typeof statusAnswer>)
    }),
  )
  on(
    ROUTES.events,
    own((c, job) => {
      const locale = localeOf(c)
      const say = (event: JobEvent): z.infer<typeof eventData> => {
        const { type, job_id, status, progress } = event
        return { type, job_id, status, progress, ...lineOf(event, locale) }
      }
      return jobEvents(c, service.events, job, say)
    }),
  )
  on(
    ROUTES.result,
    own(async (c, job) => {
      const film = filmOf(job)
      const origin = deps.publicUrl ?? new URL(c.req.url).origin
      const answer = {
        job_id: job.id,
        status: job.status,
        title: job.title,
        result_path: film.key,
        download_url: `${origin}/api/download/${job.id}`,
        cost_usd: await service.costOf(job.id),
        metadata: {
          duration: film.duration,
          resolution: `${film.width}x${film.height}`,
          file_size: film.file_size,
        },
      }
      return c.json(answer satisfies z.infer<typeof resultAnswer>)
    }),
  )
  on(
    ROUTES.download,
    own((c, job) =>
      filmResponse(c, service.objects, filmOf(job), `video_${job.id.slice(0, 8)}.mp4`, 'attachment'),
    ),
  )
  on(
    ROUTES.jobs,
    known(async (c, { userId }) => {
      const { limit = LIMIT.default } = checked(jobsQuery, c.req.query())
      const jobs = (await service.jobs.list(userId, limit)).map((job) => ({
        job_id: job.id,
        status: job.status,
        progress: job.progress,
        title: job.title,
        prompt: job.request.prompt,
        created_at: job.createdAt.toISOString(),
        completed_at: job.completedAt?.toISOString() ?? null,
      }))
      return c.json({ jobs } satisfies z.infer<typeof jobsAnswer>)
    }),
  )
  on(
    ROUTES.cancel,
    own(async (c, job) => {
      if (!isUnfinished(job.status))
        throw userError('job_not_cancellable', { job_id: job.id, status: job.status })
      await service.cancel(job.id)
      return tell(c, job.id)
    }),
  )
  on(
    ROUTES.retry,
    own(async (c, job, { identity }) => {
      await service.retry(job.id, identity)
      return tell(c, job.id)
    }),
  )
  on(ROUTES.models, (c) => {
    const list = models.models.map(({ id, name, retired, seconds, resolutions, aspects, usdPerSecond }) => ({
      ...{ id, name, usable: models.usable.includes(id) },
      retired_on: retired?.on ?? null,
      replacement: retired?.replacement ?? null,
      ...{ seconds: [...seconds], resolutions: [...resolutions], aspects: [...aspects] },
      usd_per_second: { ...usdPerSecond },
    }))
    return c.json({ default: models.default, models: list } satisfies z.infer<typeof modelsAnswer>)
  })
  on(
    ROUTES.link,
    known(async (c, { identity }) => {
      const { code } = checked(linkBody, await readJson(c))
      return c.json((await service.link(code, identity)) satisfies z.infer<typeof linkAnswer>)
    }),
  )

  api.get('/api/openapi.json', (c) => {
    const document = api.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Sora Extend',
        version: deps.version,
        description: text(localeOf(c), 'cli.description'),
        license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      },
      servers: [{ url: deps.publicUrl ?? new URL(c.req.url).origin }],
      security: [{ token: [] }, {}],
      tags: [{ name: 'films', description: 'Films, and what they can be made with.' }],
    })
    return c.json(document)
  })
  api.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A Supabase access token. A server without accounts needs none.',
  })
  return api
}

/** What happened last. */
function messageOf(job: Job, events: readonly JobEvent[], locale: Locale): string {
  if (isFilmExpired(job)) return text(locale, 'error.film_expired', { job_id: job.id })
  const last = events.at(-1)
  return last === undefined ? '' : changeText(last, locale)
}

function lineOf(event: JobEvent, locale: Locale) {
  const level = event.type === 'failed' ? 'ERROR' : 'INFO'
  return { timestamp: event.at.toISOString(), level, message: changeText(event, locale) } as const
}

/** What names a request that may be sent twice; null where nothing does. Throws `idempotency_key_invalid`. */
function keyOf(c: Context): string | null {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > KEY_MAX)
    throw userError('idempotency_key_invalid', { max: KEY_MAX })
  return key
}

/** Whether a job is what is asked for now. A picture's content is not compared, only that there is one. */
function isSame({ request }: Job, input: RequestInput, image: boolean, models: ModelList): boolean {
  const asked = parseRequest({ ...input, image }, models)
  const names = Object.keys(asked) as (keyof typeof asked)[]
  return names.every((name) => asked[name] === request[name])
}
