import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { everybody } from './bot/elected.ts'
import type { Pages } from './bot/service.ts'
import { LINK_DAYS } from './bot/view.ts'
import { type Config, ConfigError } from './config.ts'
import { userError } from './core/errors.ts'
import type { FilmLinks, Identity, Limits, Log } from './core/ports.ts'
import { costUsd } from './core/price.ts'
import type { ModelList } from './core/request.ts'
import { changeText } from './i18n/index.ts'
import { createCancelJob } from './pipeline/cancel-job.ts'
import { createClaims } from './pipeline/claim.ts'
import { createDepot } from './pipeline/depot.ts'
import { findFfmpeg } from './pipeline/media/ffmpeg.ts'
import { createMedia } from './pipeline/media/media.ts'
import { createPreviews } from './pipeline/media/previews.ts'
import { noteStates } from './pipeline/note-states.ts'
import { createLocalPlanner } from './pipeline/planner/local.ts'
import { createPreviewFilm } from './pipeline/preview-film.ts'
import { createInProcessQueue } from './pipeline/queue/in-process.ts'
import { createSlots } from './pipeline/queue/slots.ts'
import { PAUSES } from './pipeline/render-segments.ts'
import { createResumeJob, createRetryJob } from './pipeline/retry-job.ts'
import { createRunJob } from './pipeline/run-job.ts'
import { createShowLastFrame } from './pipeline/show-last-frame.ts'
import { checkRequest, createCheckSubmission, createSubmitJob } from './pipeline/submit-job.ts'
import { createTidy, keepTidy } from './pipeline/tidy.ts'
import { CATALOGUE, type CatalogueModel } from './pipeline/video/catalogue.ts'
import { createLocalModel } from './pipeline/video/local.ts'
import { createTrim } from './pipeline/video/trim.ts'
import type { App, Part, Service } from './service.ts'
import { openDataDir } from './storage/data-dir.ts'
import type { Database } from './storage/db.ts'
import { createDisk } from './storage/disk.ts'
import { quickenDrizzleImports } from './storage/drizzle-imports.ts'
import { createFilmLinks } from './storage/film-links.ts'
import { removeLeftovers } from './storage/leftovers.ts'
import { createLocalObjects } from './storage/objects/local.ts'
import { createWorkFolder } from './storage/work-folder.ts'
import { createMetrics } from './telemetry.ts'

/** What nobody has written to for so long was left by a process that was killed, in milliseconds. */
const LEFT_AFTER_MS = 24 * 3_600_000

/** How often jobs are looked for that nobody runs and no queue knows of, in milliseconds. */
const SWEEP_EVERY_MS = 15_000

/** Puts the adapters that are configured behind the ports. Throws `ConfigError`, and `UserError` `ffmpeg_missing`. */
export async function createApp(config: Config, log: Log): Promise<App> {
  const models = modelList(config)
  const ffmpeg = await findFfmpeg(config.ffmpegPath ?? undefined)
  const media = createMedia(ffmpeg)
  const ceilings = { perJob: config.maxUsdPerJob, perUserDay: config.maxUsdPerUserDay }

  async function open(part?: Part): Promise<Service> {
    // loaded when it is needed: a refused request shouldn't wait for it
    quickenDrizzleImports()
    const [
      { openConnection, openPglite, openPostgres },
      { createEventLog },
      { createJobStore },
      { createCardStore },
      { createLinkStore },
      { createPlanCache },
      { createRetention },
      { createRenderPlaces },
      { sharedSecret },
      { createOffices },
    ] = await Promise.all([
      import('./storage/db.ts'),
      import('./storage/event-log.ts'),
      import('./storage/job-store.ts'),
      import('./storage/card-store.ts'),
      import('./storage/link-store.ts'),
      import('./storage/plan-cache.ts'),
      import('./storage/retention.ts'),
      import('./storage/render-places.ts'),
      import('./storage/shared-secret.ts'),
      import('./storage/offices.ts'),
    ])
    const { databaseUrl } = config
    // several processes share what they have in a database server, so each may have this folder or another
    const shared = config.queue === 'pg-boss'
    const dataDir = await openDataDir(config.dataDir, { shared })
    const inside = (name: string) => join(dataDir.path, name)
    let database: Database
    let letGo = async () => {}
    try {
      database = databaseUrl ? await openPostgres(databaseUrl, log) : await openPglite(inside('postgres'))
      if (databaseUrl && !shared) {
        const { holdDatabase } = await import('./storage/sole-instance.ts')
        letGo = await holdDatabase(databaseUrl, await openConnection(databaseUrl, log), log).catch(
          async (error) => {
            await database.close()
            throw error
          },
        )
      }
    } catch (error) {
      dataDir.release()
      throw error
    }
    const secret = databaseUrl ? await sharedSecret(database.db, dataDir.secret) : dataDir.secret
    const events = await createEventLog(database, log)
    const places = await createRenderPlaces(database, {
      ...{ places: config.maxConcurrentRenders, describe: changeText, log },
    })
    const metrics = createMetrics()
    const jobs = noteStates(createJobStore(database.db, changeText), log, metrics, () => new Date())
    if (database.exclusive) await jobs.releaseAll()
    const cards = createCardStore(database.db)
    const offices =
      shared && databaseUrl && part !== 'worker' && part !== 'command'
        ? createOffices(await openConnection(databaseUrl, log), log)
        : { ...everybody, close: async () => {} }
    if (!shared) await cards.releaseAll()

    const work = createWorkFolder(inside('work'))
    const previewWork = createWorkFolder(inside('previews'))
    const localObjects = createLocalObjects({
      root: inside('objects'),
      secret,
      publicUrl: config.publicUrl ?? `http://${hostIn(config.web.host)}:${config.web.port}`,
      now: Date.now,
    })
    // a vendor's package is loaded where it is configured alone
    const objects = config.supabase
      ? (await import('./storage/objects/supabase.ts')).createSupabaseObjects({ ...config.supabase, log })
      : localObjects
    const local = createLocalModel({ ffmpeg, dir: inside('local-model') })
    const fal = config.fal
      ? (await import('./pipeline/video/fal.ts')).createFalModel({
          ...config.fal,
          trim: createTrim(ffmpeg),
          log,
        })
      : null
    const planner = config.openai
      ? (await import('./pipeline/planner/openai.ts')).createOpenAiPlanner({ ...config.openai, log })
      : createLocalPlanner()
    const watchedLocal = metrics.watched(local)
    const watchedFal = fal && metrics.watched(fal)
    const disk = createDisk(dataDir.path)
    const { minFreeDisk } = config
    const concurrency = config.maxConcurrentJobs
    const works = part !== 'serve'
    // a command runs what it was asked for itself: no queue may hand it other people's jobs
    const queue =
      shared && databaseUrl && part !== 'command'
        ? await (await import('./pipeline/queue/pg-boss.ts')).createPgBossQueue({
            ...{ concurrency, works, log },
            connection: await openConnection(databaseUrl, log),
          })
        : createInProcessQueue({ concurrency, log })
    const previews = createPreviews(ffmpeg)
    const depot = shared ? createDepot({ objects, work, log }) : null
    const deps = {
      ...{ disk, minFreeDisk },
      jobs,
      previews,
      depot,
      events,
      claims: createClaims({ jobs, events, log }),
      queue,
      media,
      work,
      objects,
      models,
      planner,
      plans: createPlanCache(database.db),
      capabilities: modelById,
      ceilings,
      videoModel: (id: string) => {
        if (modelById(id).provider === 'local') return watchedLocal
        // a job of a model whose key has been taken away since
        if (!watchedFal) throw userError('model_unavailable', { model: id, allowed: models.usable })
        return watchedFal
      },
      places,
      line: createSlots(1),
      pauses: PAUSES,
      log,
      newId: randomUUID,
      now: () => new Date(),
      visibleLabel: config.filmLabel === 'visible',
    }
    const submitJob = createSubmitJob(deps)
    const checkSubmission = createCheckSubmission(deps)
    const retryJob = createRetryJob(deps)
    const resumeJob = createResumeJob(deps)
    const links = createLinkStore(database.db)
    const filmLinks = createFilmLinks({ secret, now: Date.now })
    if (works) queue.start(createRunJob(deps))
    const tidy = createTidy({
      ...{ jobs, work, objects, depot, keep: config.keep, log, now: deps.now },
      retention: createRetention(database),
      async removeLeftovers() {
        const old = { ageMs: LEFT_AFTER_MS, now: Date.now() }
        const parts = await removeLeftovers(inside('objects'), (name) => name.endsWith('.part'), old)
        return parts + (await removeLeftovers(inside('previews'), () => true, old))
      },
    })
    const tidying = keepTidy(tidy, log)

    /** What a process that died, or a database that was away, has left of a job that nobody works on. */
    async function takeUpUnheld(): Promise<void> {
      await queue.takeUp(await jobs.unheld())
    }
    const sweep =
      part === 'all' || part === 'worker'
        ? setInterval(() => {
            takeUpUnheld().catch((error) => log.warn({ err: error }, 'cannot look for jobs that nobody runs'))
          }, SWEEP_EVERY_MS)
        : undefined

    return {
      submit: (submission) => submitJob({ ...submission, limits: limitsOf(config, submission.identity) }),
      checkSubmission: (submission) =>
        checkSubmission({ ...submission, limits: limitsOf(config, submission.identity) }),
      retry: (jobId, identity) => retryJob(jobId, limitsOf(config, identity)),
      resume: (jobId, identity) => resumeJob(jobId, limitsOf(config, identity)),
      cancel: createCancelJob(deps),
      preview: createPreviewFilm({ ...deps, work: previewWork }),
      lastFrame: createShowLastFrame(deps),
      async takeUp() {
        const left = await jobs.unfinished()
        if (shared) await takeUpUnheld()
        else await queue.takeUp(left)
        return left.length
      },
      jobs,
      cards,
      offices,
      async allowance(identity) {
        const { jobsPerHour, activeJobs } = limitsOf(config, identity)
        const { lastHour, active } = await jobs.usage(await jobs.userOf(identity))
        return {
          hour: jobsPerHour === null ? null : { limit: jobsPerHour, used: lastHour },
          active: { limit: activeJobs, used: active },
        }
      },
      async linkCode(identity) {
        await jobs.userOf(identity)
        return links.issue(identity)
      },
      link: async (code, identity) => links.redeem(code, await jobs.userOf(identity)),
      filmLinks,
      pages: pagesOf(config, filmLinks),
      door: { token: dataDir.token, open: dataDir.announce },
      events,
      disk: async () => ({ free: await disk.free(), least: minFreeDisk }),
      metrics,
      objects,
      openLink: (url) => (config.supabase ? null : localObjects.openLink(url)),
      async modelOf(jobId) {
        const job = await jobs.get(jobId)
        if (!job) throw userError('job_not_found', { job_id: jobId })
        return modelById(job.request.model)
      },
      costOf: async (jobId) => costUsd(await jobs.segments(jobId)),
      handBack: queue.stop,
      async stop() {
        clearInterval(sweep)
        for (const end of [
          queue.stop,
          tidying.stop,
          events.close,
          places.close,
          offices.close,
          letGo,
          database.close,
        ]) {
          // where the database is away, what comes after has to be ended all the same
          await Promise.resolve(end()).catch((err) => log.warn({ err }, 'a part could not be left in order'))
        }
        dataDir.release()
      },
    }
  }

  return {
    models,
    ffmpeg: { path: ffmpeg.path, version: ffmpeg.version },
    async check(input, picture) {
      const checking = { models, media, ceilings, capabilities: modelById }
      const { request, estimateUsd } = await checkRequest(checking, { input, picture })
      return { estimateUsd, model: modelById(request.model).name }
    },
    open,
  }
}

/**
 * The models that this installation can use: those whose provider is connected, and never one that was switched off.
 * Throws `ConfigError` where `VIDEO_MODEL` is none of them.
 */
export function modelList(config: Config): ModelList {
  const connected = config.fal ? ['local', 'fal'] : ['local']
  const usable = CATALOGUE.filter((model) => !model.retired && connected.includes(model.provider)).map(
    ({ id }) => id,
  )
  const chosen = config.videoModel ?? (config.fal ? 'wan-2.7' : 'local')
  if (!usable.includes(chosen)) {
    const allowed = usable.join(', ')
    throw new ConfigError([{ variable: 'VIDEO_MODEL', problem: 'not_one_of', given: chosen, allowed }])
  }
  return { models: CATALOGUE, usable, default: chosen }
}

function modelById(id: string): CatalogueModel {
  const model = CATALOGUE.find((candidate) => candidate.id === id)
  if (!model) throw new Error(`the catalogue has no model ${id}`)
  return model
}

/** A host as an address has it. */
function hostIn(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function pagesOf({ publicUrl }: Config, links: FilmLinks): Pages | null {
  if (publicUrl === null) return null
  return {
    link: `${publicUrl}/link`,
    film: (jobId) => `${publicUrl}${links.path(jobId, LINK_DAYS * 24 * 3600)}`,
  }
}

/** The command line is the operator's own: the hourly limit is for people in chats and on the web. */
function limitsOf(config: Config, identity: Identity): Limits & { activeJobs: number } {
  return {
    jobsPerHour: identity.platform === 'cli' ? null : config.jobsPerHour,
    activeJobs: config.maxActiveJobsPerUser,
    usdPerDay: config.maxUsdPerUserDay,
  }
}
