import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../core/errors.ts'
import type { Claim, JobStore, Log, SegmentMove } from '../core/ports.ts'
import type { RenderPlaces, Slots } from '../core/queue.ts'
import type { Segment } from '../core/segment.ts'
import { type Claims, LEASE_MS } from './claim.ts'

/** How often it is looked for requests that nobody waits for, in milliseconds. */
const LOOK_EVERY_MS = 1000

export interface PlaceDeps {
  jobs: JobStore
  claims: Claims
  /** `MAX_CONCURRENT_RENDERS` over all processes. */
  places: RenderPlaces
  /** One place: those of this process who wait for a place at the provider, in the order in which they came. */
  line: Slots
  log: Log
  newId: () => string
}

/** Waits for a segment's request, and brings the segment to `rendered`. Throws what the provider throws, and moves nothing then. */
export type Await = (claim: Claim, segment: Segment, signal: AbortSignal) => Promise<void>

/** Moves a planned segment to `submitting` as soon as there is a place at the provider. Throws the signal's reason. */
export function takePlace(
  deps: PlaceDeps,
  asked: { claim: Claim; segment: Segment; move: SegmentMove; signal: AbortSignal; awaitClip: Await },
): Promise<Segment> {
  const { claim, segment, move, signal } = asked
  const take = () => deps.places.take(claim, segment, move)
  return deps.line.run(async () => {
    const opened = await take()
    if (opened !== null) return opened
    const waiting = new AbortController()
    const looking = lookAfter(deps, asked.awaitClip, AbortSignal.any([signal, waiting.signal]))
    try {
      for (;;) {
        await deps.places.freed(signal)
        signal.throwIfAborted()
        const freed = await take()
        if (freed !== null) return freed
      }
    } finally {
      waiting.abort()
      await looking
    }
  }, signal)
}

/**
 * Whoever needs a place sees to the requests of jobs that nobody runs, such as those of a worker that died: they keep their places
 * until somebody knows that they are done, and the one who is to go on with the job may wait for somebody who waits for a place.
 */
async function lookAfter(deps: PlaceDeps, awaitClip: Await, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const jobId = await deps.places.forsaken()
      if (jobId !== null) await lookAfterJob(deps, jobId, awaitClip, signal)
    } catch (error) {
      if (!signal.aborted)
        deps.log.warn({ reason: reasonOf(error) }, 'cannot see to a request that nobody waits for')
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
  }
}

async function lookAfterJob(
  deps: PlaceDeps,
  jobId: string,
  awaitClip: Await,
  signal: AbortSignal,
): Promise<void> {
  const { jobs, log } = deps
  // a worker of its own, so that it never shares the claim of a run in this process
  const claim = { jobId, worker: deps.newId() }
  const job = await jobs.claim(jobId, claim.worker, LEASE_MS)
  if (job === null) return
  const held = deps.claims.hold(claim, signal)
  try {
    const segment = (await jobs.segments(jobId)).find(({ state }) => state === 'submitted')
    if (segment === undefined || job.cancelRequested) return
    const about = { job_id: jobId, segment: segment.index }
    log.info(about, 'seeing to a request that nobody waits for')
    await awaitClip(claim, segment, held.signal).catch((error) => {
      if (held.signal.aborted) return
      log.warn({ ...about, reason: reasonOf(error) }, 'cannot see to a request that nobody waits for')
      deps.places.passOver(jobId)
    })
  } finally {
    await held.letGo()
    await jobs.release(claim)
  }
}
