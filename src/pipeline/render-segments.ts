import { setTimeout as sleep } from 'node:timers/promises'
import type { ClipFile } from '../core/clip-measures.ts'
import { isDatabaseAway, ProviderError, reasonOf, UserError, userError } from '../core/errors.ts'
import { type Job, PROGRESS } from '../core/job.ts'
import type { Claim, JobStore, RenderedClip, RenderOrder, SegmentMove, VideoModel } from '../core/ports.ts'
import { plus } from '../core/price.ts'
import type { RemoteRequest, Segment, SegmentState } from '../core/segment.ts'
import { bringBack, type Chain, type KeepClipDeps, type KeptClip, keepClip } from './keep-clip.ts'
import { type Measuring, startMeasuring } from './measure-clips.ts'
import { fetchOpening, keepForOthers } from './share-files.ts'
import { type Await, type PlaceDeps, takePlace } from './take-place.ts'

export interface RenderDeps extends PlaceDeps, KeepClipDeps {
  jobs: JobStore
  /** The pauses after passing failures of the provider, in milliseconds; after one more the job fails. */
  pauses: readonly number[]
}

/** A provider that is away for a minute fails no job. */
export const PAUSES: RenderDeps['pauses'] = [2000, 4000, 8000, 16_000, 30_000]

/** How often it is tried to write down a request that the provider has accepted, and the pause between, in milliseconds. */
const NOTE = { tries: 30, pauseMs: 1000 }

/** One job's render: `payAgain` is used up by the first request that is paid again. */
interface Run extends Chain {
  deps: RenderDeps
  claim: Claim
  payAgain: boolean
  measuring: Measuring
}

/** The clips of a job, and what is still being measured of the last of them. */
export interface RenderedClips {
  clips: readonly ClipFile[]
  measuring: Measuring
}

/**
 * The paid loop: each segment is led through its ledger to `stored`, and the next one opens on its last frame.
 * What an earlier run has done is found in the ledger and in the work folder, and not done again.
 */
export async function renderSegments(
  deps: RenderDeps,
  claim: Claim,
  job: Job,
  segments: readonly Segment[],
  signal: AbortSignal,
): Promise<RenderedClips> {
  const records = await deps.jobs.clipRecords(job.id)
  const chain: Chain = { deps, job, of: segments.length, records, clips: [], signal }
  const measuring = startMeasuring(deps, claim, chain)
  const run: Run = Object.assign(chain, { deps, claim, payAgain: job.payAgain, measuring })
  const kept: Promise<void>[] = []
  try {
    await fetchOpening(deps, job, signal)
    for (const segment of segments) {
      signal.throwIfAborted()
      if (segment.state === 'stored') {
        measuring.add(segment, await bringBack(run, segment))
      } else {
        await render(run, segment)
        kept.push(keepForOthers(deps, job, segment, run.of, signal))
      }
    }
  } catch (error) {
    // nothing may still read clips that are then cleared away
    await measuring.settled()
    throw error
  } finally {
    await Promise.all(kept)
  }
  return { clips: run.clips, measuring }
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
      return storeClip(run, segment)
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

/** A clip that can't be used is rendered, and paid, again only if a person has said so. */
async function storeClip(run: Run, segment: Segment): Promise<Segment> {
  const { index, title } = segment
  let kept: KeptClip
  try {
    kept = await keepClip(run, segment)
  } catch (error) {
    if (!run.payAgain || !(error instanceof UserError) || error.detail.code !== 'clip_unusable') throw error
    run.payAgain = false
    return move(run, segment, 'planned')
  }
  const stored = await move(run, segment, 'stored', {
    progress: PROGRESS.generating(index, run.of),
    change: { type: 'segment_done', segment: index, of: run.of, title },
  })
  run.measuring.add(stored, kept)
  return stored
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
