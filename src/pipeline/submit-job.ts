import type { CardPlace } from '../core/card.ts'
import { reasonOf, userError } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import type { Identity, JobStore, Limits, Media, WorkFolder } from '../core/ports.ts'
import { allowedEstimate, type Ceilings } from '../core/price.ts'
import type { JobQueue } from '../core/queue.ts'
import {
  frameSize,
  type Locale,
  type ModelCapabilities,
  type ModelList,
  parseRequest,
  type RequestInput,
  type VideoRequest,
} from '../core/request.ts'
import { checkDisk, type DiskDeps } from './check-disk.ts'
import type { Depot } from './depot.ts'

/** What a picture that decodes slowly may cost, in milliseconds. */
const FIT_TIMEOUT_MS = 30_000

/** How long a picture may take on its way to the object store, in milliseconds. */
const KEEP_TIMEOUT_MS = 30_000

export interface SubmitDeps extends DiskDeps {
  jobs: JobStore
  queue: JobQueue
  media: Media
  work: WorkFolder
  /** Where the machine that runs the job finds its picture; null where it runs here. */
  depot: Depot | null
  models: ModelList
  capabilities: (model: string) => ModelCapabilities
  ceilings: Ceilings
  newId: () => string
}

/**
 * Who asks, and how much they may ask for. `id` is the job's for a submission that may come twice: the second time nothing is added.
 * `picture` is the path of the picture that the film shall open on; `card` where a chat shows the job, for one that is asked for in a chat.
 */
export interface Submission {
  id?: string
  input: RequestInput
  picture: string | null
  identity: Identity
  locale: Locale
  limits: Limits
  card?: CardPlace
}

/**
 * Checks a request and the picture that it opens on, and says what it is expected to cost, in USD. Nothing is stored.
 * Throws a `UserError` for whatever is wrong with it.
 */
export async function checkRequest(
  deps: Pick<SubmitDeps, 'models' | 'capabilities' | 'ceilings' | 'media'>,
  { input, picture }: Pick<Submission, 'input' | 'picture'>,
): Promise<{ request: VideoRequest; estimateUsd: number | null }> {
  const request = parseRequest({ ...input, image: picture !== null }, deps.models)
  const estimateUsd = allowedEstimate(request, deps.capabilities(request.model), deps.ceilings)
  if (picture !== null) await deps.media.checkImage(picture)
  return { request, estimateUsd }
}

/** Throws the `UserError` with which a submission would be refused now, and takes nothing in. */
export function createCheckSubmission(deps: SubmitDeps) {
  return async function checkSubmission(submission: Omit<Submission, 'locale' | 'card'>): Promise<void> {
    const { estimateUsd } = await checkRequest(deps, submission)
    await checkDisk(deps)
    const userId = await deps.jobs.userOf(submission.identity)
    await deps.jobs.checkLimits({ userId, estimateUsd }, submission.limits)
  }
}

/**
 * Takes a job in: everything is checked before anything is stored, then limits, row, event and place in the queue
 * become true in one transaction. Throws a `UserError` for whatever is wrong with it.
 */
export function createSubmitJob(deps: SubmitDeps) {
  return async function submitJob(submission: Submission): Promise<Job> {
    const { picture, identity, locale, limits, card } = submission
    const first = submission.id === undefined ? null : await deps.jobs.get(submission.id)
    if (first !== null) return first
    const { request, estimateUsd } = await checkRequest(deps, submission)
    await checkDisk(deps)
    const userId = await deps.jobs.userOf(identity)
    const id = submission.id ?? deps.newId()
    await deps.work.create(id)
    try {
      if (picture !== null) {
        const size = frameSize(request.resolution, request.aspect)
        const opening = deps.work.opening(id)
        await deps.media.fitImage(picture, size, opening, AbortSignal.timeout(FIT_TIMEOUT_MS))
        if (deps.depot !== null) await keep(deps.depot, id, opening)
      }
      // a process that shares this folder may begin in it as soon as the job is in line
      if (deps.depot !== null) await deps.work.remove(id)
      const job = { id, userId, request, locale, estimateUsd, ...(card ? { card } : {}) }
      return await deps.jobs.submit(job, limits, deps.queue.enqueue)
    } catch (error) {
      await deps.work.remove(id)
      throw error
    }
  }
}

function keep(depot: Depot, id: string, opening: string): Promise<void> {
  return depot.keep(id, opening, AbortSignal.timeout(KEEP_TIMEOUT_MS)).catch((cause) => {
    throw userError('store_failed', { reason: reasonOf(cause) }, { cause })
  })
}
