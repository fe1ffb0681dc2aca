import {
  type ErrorDetail,
  isDatabaseAway,
  isDiskFull,
  reasonOf,
  UserError,
  userError,
} from '../core/errors.ts'
import type { FilmCheck } from '../core/film-check.ts'
import { type Film, isUnfinished, type Job } from '../core/job.ts'
import type { FilmLabel, JoinOrder, Media } from '../core/ports/media.ts'
import {
  type Claim,
  ClaimLost,
  type EventLog,
  type JobStore,
  type Log,
  type ObjectStore,
  type WorkFolder,
} from '../core/ports.ts'
import type { Run } from '../core/queue.ts'
import type { ModelCapabilities } from '../core/request.ts'
import type { Segment } from '../core/segment.ts'
import { endCancelled } from './cancel-job.ts'
import { claimJob, JobCancelled } from './claim.ts'
import { filmLabel } from './film-label.ts'
import { type PlanDeps, planShots } from './plan-shots.ts'
import { type RenderDeps, type RenderedClips, renderSegments } from './render-segments.ts'

/** Everything a run needs. `now` is the date that a film's metadata gets. */
export interface RunDeps extends PlanDeps, RenderDeps {
  jobs: JobStore
  events: EventLog
  media: Media
  work: WorkFolder
  objects: ObjectStore
  capabilities: (model: string) => ModelCapabilities
  log: Log
  now: () => Date
  /** Whether a film's first seconds carry a mark that says how it was made. */
  visibleLabel: boolean
}

/**
 * Runs one job to its end: plan → render → join → store → completed. Every step asks first what is done already, so
 * the same call goes on with a job that was cut off at any moment, on any machine.
 *
 * `stop` ends the run and leaves the job to whoever runs it next; a cancelled job ends as `cancelled`, any failure as
 * `failed` with its reason. A worker that has lost its claim stops without a trace; one that has lost the database leaves the job too.
 *
 * Returns whether the job has ended. Throws where the store can't say.
 */
export function createRunJob(deps: RunDeps): Run {
  return async function runJob(jobId, stop) {
    // a worker for each run: another run in this process is no more than one elsewhere
    const claim = { jobId, worker: deps.newId() }
    const job = await claimJob(deps.jobs, claim, stop)
    if (!job) return !stop.aborted
    const held = deps.claims.hold(claim, stop)
    try {
      if (job.cancelRequested) throw new JobCancelled()
      await makeFilm(deps, claim, job, held.signal)
    } catch (error) {
      await endJob(deps, claim, job, held.signal.aborted ? held.signal.reason : error, stop)
    } finally {
      await held.letGo()
    }
    const left = await deps.jobs.get(jobId)
    return left === null || !isUnfinished(left.status)
  }
}

async function makeFilm(deps: RunDeps, claim: Claim, job: Job, signal: AbortSignal): Promise<void> {
  await deps.work.create(job.id)
  if (job.status !== 'queued') await deps.jobs.note(claim, { type: 'resumed' })
  if (job.status === 'queued') await deps.jobs.startPlanning(claim)
  if (job.status === 'queued' || job.status === 'planning') {
    const planned = (await deps.jobs.segments(job.id)).length > 0
    await deps.jobs.startGenerating(claim, planned ? null : await planShots(deps, job, signal))
  }
  const segments = await deps.jobs.segments(job.id)
  const rendered = await renderSegments(deps, claim, job, segments, signal)
  try {
    if (job.status !== 'merging') await deps.jobs.startMerging(claim)
    const film = await joinAndStore(deps, job, segments, rendered, signal)
    await deps.jobs.complete(claim, film)
  } finally {
    await rendered.measuring.settled()
  }
  await deps.work.remove(job.id)
  await deps.depot?.clear(job)
}

async function joinAndStore(
  deps: RunDeps,
  job: Job,
  segments: readonly Segment[],
  rendered: RenderedClips,
  signal: AbortSignal,
): Promise<Film> {
  const path = deps.work.film(job.id)
  const check = await joinAndCheck(deps, job, segments, rendered, signal)
  const { width, height, seconds } = await deps.media.probe(path, signal)
  const key = `films/${job.id}.mp4`
  await store(deps, key, path, signal)
  const clips = job.request.keepClips ? segments.map(({ index }) => clipKey(job, index)) : []
  for (const [i, clip] of clips.entries()) {
    await store(deps, clip, deps.work.clip(job.id, i + 1), signal)
  }
  return { key, duration: seconds, width, height, file_size: await deps.work.size(path), check, clips }
}

function clipKey(job: Job, segment: number): string {
  return `films/${job.id}.segment-${String(segment).padStart(2, '0')}.mp4`
}

/** The film is joined again where its check is missing: that costs little, and only joining tells what is to be checked. */
async function joinAndCheck(
  deps: RunDeps,
  job: Job,
  segments: readonly Segment[],
  rendered: RenderedClips,
  signal: AbortSignal,
): Promise<FilmCheck> {
  const path = deps.work.film(job.id)
  const done = (await deps.work.has(path)) ? await deps.work.readCheck(job.id) : null
  if (done !== null) return done
  const order: JoinOrder = {
    clips: rendered.clips,
    measures: await rendered.measuring.measures(),
    label: await labelOf(deps, job),
    mark: deps.visibleLabel ? job.locale : null,
    crossfadeMs: job.request.crossfade,
    levelSound: job.request.levelSound,
  }
  const joined = await deps.media.join(order, path, signal).catch(failAs('join_failed'))
  const inspections = await rendered.measuring.inspections()
  const lengths = segments.map(({ seconds }, i) => ({
    asked: seconds,
    delivered: inspections[i]?.seconds.picture ?? seconds,
  }))
  const measured = await deps.media.check(path, joined, inspections, signal).catch(failAs('join_failed'))
  const check = { ...measured, lengths }
  await deps.work.writeCheck(job.id, check)
  return check
}

/** Puts a file of the job into the object store, unless it is there already. */
async function store(deps: RunDeps, key: string, path: string, signal: AbortSignal): Promise<void> {
  const kept = await deps.objects.size(key).catch(failAs('store_failed'))
  if (kept === (await deps.work.size(path))) return
  await deps.objects.put(key, path, { contentType: 'video/mp4', signal }).catch(failAs('store_failed'))
}

/** Gives a failure the name of its step, unless it has a better one of its own. */
function failAs(code: 'join_failed' | 'store_failed') {
  return (error: unknown): never => {
    if (error instanceof UserError || isDiskFull(error)) throw error
    throw userError(code, { reason: reasonOf(error) }, { cause: error })
  }
}

async function labelOf(deps: RunDeps, job: Job): Promise<FilmLabel> {
  const planned = (await deps.jobs.get(job.id)) ?? job
  return filmLabel(planned, deps.capabilities(job.request.model), deps.now())
}

async function endJob(
  deps: RunDeps,
  claim: Claim,
  job: Job,
  cause: unknown,
  stop: AbortSignal,
): Promise<void> {
  const about = { job_id: job.id }
  try {
    if (cause instanceof JobCancelled) {
      await endCancelled(deps, claim, job)
    } else if (cause instanceof ClaimLost) {
      deps.log.warn(about, 'another worker has taken the job over')
    } else if (stop.aborted) {
      await deps.jobs.release(claim)
      deps.log.info(about, 'job left for the next start')
    } else if (isDatabaseAway(cause)) {
      deps.log.warn({ ...about, err: cause }, 'the database was away: the job comes again')
      await deps.jobs.release(claim)
    } else {
      const detail = detailOf(cause)
      await deps.jobs.fail(claim, detail)
      deps.log.error({ ...about, code: detail.code, err: cause }, 'what a job failed by')
    }
  } catch (error) {
    // the job stays as it is in the store, and goes on when somebody claims it again
    deps.log.error({ ...about, err: error, cause }, 'cannot write how a job ended')
  }
}

function detailOf(cause: unknown): ErrorDetail {
  if (cause instanceof UserError) return cause.detail
  if (isDiskFull(cause)) {
    return { code: 'disk_full', data: { path: 'path' in cause ? String(cause.path) : '' } }
  }
  return { code: 'internal', data: { reason: reasonOf(cause) } }
}
