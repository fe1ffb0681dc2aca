import type { CardPlace } from '../core/card.ts'
import { reasonOf, userError } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import type { Media } from '../core/ports/media.ts'
import type { Identity, JobStore, Limits, WorkFolder } from '../core/ports.ts'
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
  const underWay = new Map<string, Promise<Job>>()

  return function submitJob(submission: Submission): Promise<Job> {
    const id = submission.id ?? deps.newId()
    const same = underWay.get(id)
    if (same) return same
    const taking = takeIn(deps, id, submission).finally(() => underWay.delete(id))
    underWay.set(id, taking)
    return taking
  }
}

async function takeIn(deps: SubmitDeps, id: string, submission: Submission): Promise<Job> {
  const { picture, identity, locale, limits, card } = submission
  const first = submission.id === undefined ? null : await deps.jobs.get(id)
  if (first !== null) return first
  const { request, estimateUsd } = await checkRequest(deps, submission)
  await checkDisk(deps)
  const userId = await deps.jobs.userOf(identity)
  const job = { id, userId, request, locale, estimateUsd, ...(card ? { card } : {}) }
  const submit = () => deps.jobs.submit(job, limits, deps.queue.enqueue)
  if (picture === null) return submit()
  // nothing is made or kept for whoever may have no film now
  await deps.jobs.checkLimits({ userId, estimateUsd }, limits)
  const { depot, work } = deps
  if (depot !== null) {
    // not in the job's own folder: a process that has taken in the same may run the job in it already
    const draft = deps.newId()
    try {
      await keep(depot, id, await fitted(deps, draft, picture, request))
    } finally {
      await work.remove(draft)
    }
    return submit()
  }
  try {
    await fitted(deps, id, picture, request)
    return await submit()
  } catch (error) {
    // a job can be in although the database's answer was lost
    const isOut = await deps.jobs.get(id).then(
      (found) => found === null,
      () => false,
    )
    if (isOut) await work.remove(id)
    throw error
  }
}

/** Makes the frame that a film opens on in a folder, and returns its path. */
async function fitted(
  { media, work }: SubmitDeps,
  folder: string,
  picture: string,
  { resolution, aspect }: VideoRequest,
): Promise<string> {
  await work.create(folder)
  const opening = work.opening(folder)
  await media.fitImage(picture, frameSize(resolution, aspect), opening, AbortSignal.timeout(FIT_TIMEOUT_MS))
  return opening
}

function keep(depot: Depot, id: string, opening: string): Promise<void> {
  return depot.keep(id, opening, AbortSignal.timeout(KEEP_TIMEOUT_MS)).catch((cause) => {
    throw userError('store_failed', { reason: reasonOf(cause) }, { cause })
  })
}
