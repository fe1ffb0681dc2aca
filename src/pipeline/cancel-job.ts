import type { Job } from '../core/job.ts'
import type { Claim } from '../core/ports.ts'
import { claimJob, LEASE_MS } from './claim.ts'
import { cancelRender, type RenderDeps } from './render-segments.ts'

/**
 * Cancels a job. Whoever runs it stops it, and its request at the provider; one that waits in line or was cut off is
 * ended here. Resolves when the job has ended. Throws `job_not_found`, `job_not_cancellable`.
 */
export function createCancelJob(deps: RenderDeps) {
  return async function cancelJob(jobId: string): Promise<void> {
    await deps.jobs.requestCancel(jobId)
    // a worker of its own, so that it never shares the claim of a run in this process
    const claim = { jobId, worker: deps.newId() }
    const job = await claimJob(deps.jobs, claim, AbortSignal.timeout(2 * LEASE_MS))
    if (job) await endCancelled(deps, claim, job)
  }
}

/** Stops the provider's work for a job that this worker holds, and ends it as cancelled. */
export async function endCancelled(deps: RenderDeps, claim: Claim, job: Job): Promise<void> {
  await cancelRender(deps, job)
  await deps.jobs.cancel(claim)
  await deps.work.remove(job.id)
  await deps.depot?.clear(job)
}
