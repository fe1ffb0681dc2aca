import { setTimeout as sleep } from 'node:timers/promises'
import { isUnfinished, type Job } from '../core/job.ts'
import { type Claim, ClaimLost, type EventLog, type JobStore, type Log } from '../core/ports.ts'

/** How long a worker may be silent before its job goes to another, in milliseconds. */
export const LEASE_MS = 15_000
const RENEW_EVERY_MS = 5_000
/** How often a worker asks for a job that another one holds, in milliseconds. */
const ASK_EVERY_MS = 500

/** Why a run stopped: somebody cancelled the job. */
export class JobCancelled extends Error {
  override readonly name = 'JobCancelled'
}

/**
 * Takes an unfinished job; where another worker holds it, waits until that one has finished it or has gone silent.
 * Null where there is nothing left to do, or `signal` aborted.
 */
export async function claimJob(jobs: JobStore, claim: Claim, signal: AbortSignal): Promise<Job | null> {
  while (!signal.aborted) {
    const job = await jobs.claim(claim.jobId, claim.worker, LEASE_MS)
    if (job) return job
    const current = await jobs.get(claim.jobId)
    if (!current || !isUnfinished(current.status)) return null
    await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => {})
  }
  return null
}

/** A claim that is being kept. `signal` aborts on `stop`, when the job is cancelled, and when the claim is lost. */
export interface HeldClaim {
  signal: AbortSignal
  letGo(): Promise<void>
}

/** The claims of this process. */
export interface Claims {
  /** Renews a claim until it is let go, and watches for the job's cancellation. */
  hold(claim: Claim, stop: AbortSignal): HeldClaim
}

/** All claims are renewed by one statement: a process may wait for a thousand jobs at the provider. */
export function createClaims(deps: { jobs: JobStore; events: EventLog; log: Log }): Claims {
  const held = new Map<Claim, AbortController>()
  let renewal: NodeJS.Timeout | undefined

  async function renew(): Promise<void> {
    const lost = await deps.jobs.renew([...held.keys()], LEASE_MS)
    for (const claim of lost) {
      held.get(claim)?.abort(new ClaimLost(`job ${claim.jobId} is no longer held by ${claim.worker}`))
    }
  }

  function keep(claim: Claim, run: AbortController): void {
    held.set(claim, run)
    renewal ??= setInterval(() => {
      renew().catch((error) => deps.log.warn({ err: error }, 'cannot renew the claims on jobs'))
    }, RENEW_EVERY_MS)
  }

  function drop(claim: Claim): void {
    held.delete(claim)
    if (held.size > 0) return
    clearInterval(renewal)
    renewal = undefined
  }

  return {
    hold(claim, stop) {
      const run = new AbortController()
      const done = new AbortController()
      keep(claim, run)

      async function watch() {
        for await (const event of deps.events.follow(claim.jobId, 0, done.signal)) {
          if (event.type !== 'cancel_requested') continue
          // the event may be an old one, from before a retry
          const job = await deps.jobs.get(claim.jobId)
          if (job?.cancelRequested) run.abort(new JobCancelled())
        }
      }
      const watching = watch().catch((error) => {
        deps.log.warn({ job_id: claim.jobId, err: error }, 'no longer watching for cancellation')
      })

      return {
        signal: AbortSignal.any([stop, run.signal]),
        async letGo() {
          drop(claim)
          done.abort()
          await watching
        },
      }
    },
  }
}
