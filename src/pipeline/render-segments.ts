import { setTimeout as sleep } from 'node:timers/promises'
import type { ClipMeasures } from '../core/clip-measures.ts'
import { isDatabaseAway, isDiskFull, ProviderError, reasonOf, UserError, userError } from '../core/errors.ts'
import { type Job, PROGRESS } from '../core/job.ts'
import type { ChainLink, Claim, RenderedClip, RenderOrder, SegmentMove, VideoModel } from '../core/ports.ts'
import { plus } from '../core/price.ts'
import type { ModelCapabilities } from '../core/request.ts'
import type { RemoteRequest, Segment, SegmentState } from '../core/segment.ts'
import { fetchClip, fetchOpening, keepForOthers, type SharingDeps } from './share-files.ts'
import { type Await, type PlaceDeps, takePlace } from './take-place.ts'

export interface RenderDeps extends PlaceDeps, SharingDeps {
  /** The provider behind a model's id. */
  videoModel: (id: string) => VideoModel
  /** What is true of a model. */
  capabilities: (model: string) => ModelCapabilities
  /** The pauses after passing failures of the provider, in milliseconds; after one more the job fails. */
  pauses: readonly number[]
}

/** A provider that is away for a minute fails no job. */
export const PAUSES: RenderDeps['pauses'] = [2000, 4000, 8000, 16_000, 30_000]

/** How often it is tried to write down a request that the provider has accepted, and the pause between, in milliseconds. */
const NOTE = { tries: 30, pauseMs: 1000 }

/** How often a clip is fetched that can't be read. */
const TRIES = 3

/** One job's render: `payAgain` is used up by the first request whose outcome can't be known. */
interface Run {
  deps: RenderDeps
  claim: Claim
  job: Job
  of: number
  payAgain: boolean
  signal: AbortSignal
}

/**
 * The paid loop: each segment is led through its ledger to `stored`, and the next one opens on its last frame.
 * What an earlier run has done is found in the ledger and in the work folder, and not done again.
 *
 * Returns what was measured of the clips that came in this run, each while the next one was rendered; null for the others.
 */
export async function renderSegments(
  deps: RenderDeps,
  claim: Claim,
  job: Job,
  segments: readonly Segment[],
  signal: AbortSignal,
): Promise<(ClipMeasures | null)[]> {
  const run: Run = { deps, claim, job, of: segments.length, payAgain: job.payAgain, signal }
  const measures: Promise<ClipMeasures | null>[] = []
  const kept: Promise<void>[] = []
  try {
    await fetchOpening(deps, job, signal)
    for (const segment of segments) {
      signal.throwIfAborted()
      if (segment.state === 'stored') {
        await bringBack(run, segment)
        measures.push(Promise.resolve(null))
      } else {
        await render(run, segment)
        kept.push(keepForOthers(deps, job, segment, signal))
        measures.push(measure(run, segment, [...measures]))
      }
    }
  } finally {
    // nothing may still read clips that are then cleared away
    await Promise.all([...measures, ...kept])
  }
  return Promise.all(measures)
}

/** Never rejects: what could not be measured here is measured by the join, which says what is wrong with it. */
async function measure(
  run: Run,
  { index }: Segment,
  earlier: readonly Promise<ClipMeasures | null>[],
): Promise<ClipMeasures | null> {
  const { media, work, log } = run.deps
  const { id } = run.job
  const before = {
    clips: earlier.map((_, i) => work.clip(id, i + 1)),
    measures: await Promise.all(earlier),
    lastFrame: work.lastFrame(id, index - 1),
  }
  try {
    return await media.measure(work.clip(id, index), index === 1 ? null : before, run.signal)
  } catch (error) {
    if (!run.signal.aborted) log.warn({ job_id: id, segment: index, err: error }, 'cannot measure a clip')
    return null
  }
}

/** Stops what the provider still works on for a job. What it can't stop is logged, and never keeps a job from ending. */
export async function cancelRender(deps: RenderDeps, job: Job): Promise<void> {
  for (const segment of await deps.jobs.segments(job.id)) {
    if (segment.state === 'stored' || segment.state === 'planned') continue
    const order = orderOf(deps, job, segment)
    const model = deps.videoModel(segment.model)
    try {
      const request = segment.request ?? (await model.find(order, AbortSignal.timeout(10_000)))
      if (typeof request === 'object') await model.cancel(order, request)
    } catch (error) {
      deps.log.warn(
        { job_id: job.id, segment: segment.index, request_id: segment.request?.id, err: error },
        'cannot cancel a request',
      )
    }
  }
}

async function render(run: Run, segment: Segment): Promise<void> {
  let current = segment
  let failures = 0
  while (current.state !== 'stored') {
    run.signal.throwIfAborted()
    try {
      current = await step(run, current)
    } catch (error) {
      failures += 1
      await pauseAfter(run, segment, error, failures)
      current = await reread(run, segment)
    }
  }
}

function step(run: Run, segment: Segment): Promise<Segment> {
  switch (segment.state) {
    case 'planned':
      return submit(run, segment)
    case 'submitting':
      return settle(run, segment, 'the process ended before the answer came')
    case 'submitted':
      return waitForClip(run, segment)
    case 'rendered':
      return keepClip(run, segment)
    case 'stored':
      return Promise.resolve(segment)
  }
}

/** The one call that costs money, between the two rows that account for it. */
async function submit(run: Run, segment: Segment): Promise<Segment> {
  const { index, title } = segment
  const opened = await takePlace(run.deps, {
    ...{ claim: run.claim, segment, signal: run.signal, awaitClip: awaitClipOf(run.deps) },
    move: { change: { type: 'segment_started', segment: index, of: run.of, title } },
  })
  logMove(run, opened)
  let request: RemoteRequest
  try {
    request = await modelOf(run, opened).submit(orderOf(run.deps, run.job, opened))
  } catch (error) {
    const refused = error instanceof ProviderError && error.kind !== 'unknown'
    if (!refused) return settle(run, opened, reasonOf(error))
    await move(run, opened, 'planned')
    throw error
  }
  return noteRequest(run, opened, request)
}

/** What was paid for a moment ago is not forgotten for a database that is away. */
async function noteRequest(run: Run, segment: Segment, request: RemoteRequest): Promise<Segment> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await move(run, segment, 'submitted', { request })
    } catch (error) {
      if (!isDatabaseAway(error) || tries === NOTE.tries) throw error
      const { id: request_id } = request
      run.deps.log.warn({ job_id: run.job.id, request_id, err: error }, 'cannot write a request down')
      await sleep(NOTE.pauseMs, undefined, { signal: run.signal })
    }
  }
}

/** Finds out what became of a request whose answer was lost. Never pays twice in silence. */
async function settle(run: Run, segment: Segment, reason: string): Promise<Segment> {
  const { index } = segment
  const found = await modelOf(run, segment).find(orderOf(run.deps, run.job, segment), run.signal)
  if (typeof found === 'object') {
    return move(run, segment, 'submitted', {
      request: found,
      change: { type: 'segment_adopted', segment: index, of: run.of, request_id: found.id },
    })
  }
  if (found === 'unknown' && !run.payAgain) {
    throw userError('render_outcome_unknown', { segment: index, reason })
  }
  if (found === 'unknown') run.payAgain = false
  return move(run, segment, 'planned')
}

async function waitForClip(run: Run, segment: Segment): Promise<Segment> {
  const about = { job_id: run.job.id, segment: segment.index, request_id: segment.request?.id }
  const waiting = (position: number) => {
    const change = { type: 'segment_waiting', segment: segment.index, of: run.of, position } as const
    run.deps.jobs.note(run.claim, change).catch((error) => {
      run.deps.log.warn({ ...about, err: error }, 'cannot tell of a place in line')
    })
  }
  try {
    const order = orderOf(run.deps, run.job, segment)
    const clip = await modelOf(run, segment).wait(order, requestOf(segment), run.signal, waiting)
    return await move(run, segment, 'rendered', deliveryOf(segment, clip))
  } catch (error) {
    if (error instanceof ProviderError && error.kind !== 'unknown') await move(run, segment, 'planned')
    throw error
  }
}

/** What a delivered clip changes in the ledger. */
function deliveryOf(segment: Segment, clip: RenderedClip): SegmentMove {
  // a request that was accepted before, and came to nothing, may have cost something too
  const costUsd = segment.attempts === 1 ? clip.costUsd : plus(segment.costUsd, clip.costUsd)
  return { clipUrl: clip.url, costUsd }
}

/** The same for a job that nobody runs. A failure is left to whoever runs it next: it is they who may ask again, or give up. */
function awaitClipOf(deps: RenderDeps): Await {
  return async (claim, segment, signal) => {
    const job = await deps.jobs.get(claim.jobId)
    if (job === null) return
    const clip = await deps
      .videoModel(segment.model)
      .wait(orderOf(deps, job, segment), requestOf(segment), signal)
    await deps.jobs.moveSegment(claim, segment, 'rendered', deliveryOf(segment, clip))
  }
}

/** Brings a rendered clip home, and makes sure that it is one before it counts. */
async function keepClip(run: Run, segment: Segment): Promise<Segment> {
  const { media, work } = run.deps
  const { index, title } = segment
  const clip = work.clip(run.job.id, index)
  for (let tries = 1; ; tries += 1) {
    const fetched = tries > 1 || !(await work.has(clip))
    if (fetched) await download(run, segment).catch(asUnusable(index))
    try {
      if (fetched) await cut(run, segment)
      const delivered = await media.probe(clip, run.signal)
      await writeFrame(run, segment)
      // what each model really delivers is known from here alone
      const { model, request } = segment
      const about = { job_id: run.job.id, segment: index, request_id: request?.id, model }
      run.deps.log.info({ ...about, clip: delivered }, 'clip')
      break
    } catch (error) {
      if (run.signal.aborted || error instanceof UserError || isDiskFull(error)) throw error
      if (tries < TRIES) continue
      await move(run, segment, 'planned')
      throw userError('clip_unusable', { segment: index, reason: reasonOf(error) }, { cause: error })
    }
  }
  return move(run, segment, 'stored', {
    progress: PROGRESS.generating(index, run.of),
    change: { type: 'segment_done', segment: index, of: run.of, title },
  })
}

/** A stored segment whose files are missing on this machine, or broken: the clip is fetched again, never rendered again. */
async function bringBack(run: Run, segment: Segment): Promise<void> {
  const { media, work } = run.deps
  const clip = work.clip(run.job.id, segment.index)
  const frame = work.lastFrame(run.job.id, segment.index)
  const whole = await media.probe(clip, run.signal).then(
    () => true,
    () => false,
  )
  if (!whole && !(await fetchClip(run.deps, run.job, clip, run.signal))) {
    await download(run, segment).catch((error) => {
      if (run.signal.aborted || error instanceof UserError || isDiskFull(error)) throw error
      throw userError('clip_lost', { segment: segment.index, reason: reasonOf(error) }, { cause: error })
    })
    await cut(run, segment)
  }
  if (!(await work.has(frame))) await writeFrame(run, segment)
}

/** A clip that is to be cut does not have its own name before it is: nothing is ever cut twice. */
async function download(run: Run, segment: Segment): Promise<void> {
  const { work } = run.deps
  const place = anchorOf(run, segment) === 'last' ? work.clip : work.uncutClip
  const path = place(run.job.id, segment.index)
  await modelOf(run, segment).download(segment.clipUrl ?? '', path, run.signal)
}

async function cut(run: Run, segment: Segment): Promise<void> {
  if (anchorOf(run, segment) === 'last') return
  const { media, work } = run.deps
  const { index } = segment
  await media.cutToAnchor(work.uncutClip(run.job.id, index), work.clip(run.job.id, index), run.signal)
}

/** Nothing opens on the last segment: it is shown to its end. */
function anchorOf(run: Run, segment: Segment): ModelCapabilities['anchor'] {
  return segment.index === run.of ? 'last' : run.deps.capabilities(segment.model).anchor
}

/** Writes the frame that the next segment opens on. */
async function writeFrame(run: Run, segment: Segment): Promise<void> {
  const { media, work, capabilities } = run.deps
  const { index, model } = segment
  const { id } = run.job
  const png = work.lastFrame(id, index)
  if (index === run.of || capabilities(model).colours === 'as they come') {
    return media.lastFrame(work.clip(id, index), png, run.signal)
  }
  const others = Array.from(
    { length: index - 1 },
    (_, i): ChainLink => ({ clip: work.clip(id, i + 2), opening: work.lastFrame(id, i + 1) }),
  )
  await media.nudgedFrame(work.clip(id, 1), others, png, run.signal)
}

/** A clip that can't be fetched for good stays `rendered`: a retry fetches it, and pays nothing. */
function asUnusable(segment: number) {
  return (error: unknown): never => {
    if (!(error instanceof ProviderError) || error.kind !== 'rejected') throw error
    throw userError('clip_unusable', { segment, reason: error.message }, { cause: error })
  }
}

async function move(run: Run, segment: Segment, to: SegmentState, what?: SegmentMove): Promise<Segment> {
  const moved = await run.deps.jobs.moveSegment(run.claim, segment, to, what)
  logMove(run, moved)
  return moved
}

function logMove(run: Run, { index, state, request, attempts }: Segment): void {
  const about = { job_id: run.job.id, segment: index, state, request_id: request?.id, attempts }
  run.deps.log.info(about, 'segment')
}

/** Ends the loop with a reason for people, or pauses where trying again may help. */
async function pauseAfter(run: Run, segment: Segment, error: unknown, failures: number): Promise<void> {
  if (run.signal.aborted || !(error instanceof ProviderError)) throw error
  const data = { segment: segment.index, reason: error.message }
  if (error.reason === 'given_up') throw userError('render_given_up', data, { cause: error })
  if (error.reason === 'content_policy') throw userError('render_policy', data, { cause: error })
  if (error.kind === 'rejected') throw userError('render_rejected', data, { cause: error })
  const pause = run.deps.pauses[failures - 1]
  if (error.kind === 'unknown' || pause === undefined) {
    throw userError('render_unavailable', data, { cause: error })
  }
  run.deps.log.warn(
    { job_id: run.job.id, segment: segment.index, request_id: error.requestId, err: error },
    'a passing failure of the provider',
  )
  await sleep(pause, undefined, { signal: run.signal })
}

async function reread(run: Run, segment: Segment): Promise<Segment> {
  const segments = await run.deps.jobs.segments(run.job.id)
  const found = segments.find((candidate) => candidate.index === segment.index)
  if (!found) throw new Error(`segment ${segment.index} has left the ledger`)
  return found
}

function modelOf(run: Run, segment: Segment): VideoModel {
  return run.deps.videoModel(segment.model)
}

function requestOf(segment: Segment): RemoteRequest {
  if (!segment.request) throw new Error(`segment ${segment.index} is ${segment.state} without a request`)
  return segment.request
}

/** The order behind a segment's current request, or behind the next one: the key changes with each accepted request. */
function orderOf(deps: RenderDeps, job: Job, segment: Segment): RenderOrder {
  const { index, prompt, seconds, model } = segment
  const { resolution, aspect, image } = job.request
  const attempt = segment.request ? segment.attempts : segment.attempts + 1
  const opening = image ? deps.work.opening(job.id) : null
  return {
    key: `${job.id}/${index}/${attempt}`,
    model,
    prompt,
    seconds,
    resolution,
    aspect,
    firstFrame: index === 1 ? opening : deps.work.lastFrame(job.id, index - 1),
    ...(segment.state === 'submitting' ? { sentAt: segment.updatedAt } : {}),
  }
}
