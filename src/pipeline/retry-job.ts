import { userError } from '../core/errors.ts'
import { isUnfinished, type Job } from '../core/job.ts'
import type { JobStore, Limits } from '../core/ports.ts'
import { immediately, type JobQueue } from '../core/queue.ts'
import { checkDisk, type DiskDeps } from './check-disk.ts'

interface RetryDeps extends DiskDeps {
  jobs: JobStore
  queue: JobQueue
}

/** Puts a failed job back in line; it goes on from the segment that failed. Throws `job_not_retryable`, `active_limit`, `disk_low`. */
export function createRetryJob(deps: RetryDeps) {
  return async function retryJob(jobId: string, limits: Limits): Promise<Job> {
    await checkDisk(deps)
    return deps.jobs.retry(jobId, limits, deps.queue.enqueue)
  }
}

/** Goes on with a job that was cut off, or failed. Throws `job_not_found`, `job_not_retryable`, `active_limit`, `disk_low`. */
export function createResumeJob(deps: RetryDeps) {
  const retryJob = createRetryJob(deps)
  return async function resumeJob(jobId: string, limits: Limits): Promise<Job> {
    const job = await deps.jobs.get(jobId)
    if (!job) throw userError('job_not_found', { job_id: jobId })
    if (!isUnfinished(job.status)) return retryJob(jobId, limits)
    await deps.queue.enqueue(job, immediately)
    return job
  }
}
