import type { ErrorCode } from '../core/errors.ts'
import { findingsOf } from '../core/film-check.ts'
import type { JobStatus } from '../core/job.ts'
import type { JobStore, Log } from '../core/ports.ts'

/** What is counted of jobs. */
export interface JobCounts {
  /** A job waited so many seconds until somebody began with it. */
  waited(seconds: number): void
  /** A job came to this end; `code` is why it failed. */
  ended(status: JobStatus, code: ErrorCode | null): void
}

/** The same store, which writes one line for each change of a job's state, once it is durable, and counts waits and ends. */
export function noteStates(jobs: JobStore, log: Log, counts: JobCounts, now: () => Date): JobStore {
  const note = (job_id: string, status: JobStatus, more: object = {}) =>
    log.info({ job_id, status, ...more }, `job ${status}`)

  return {
    ...jobs,

    submit: (job, limits, enlist) =>
      jobs.submit(job, limits, (row, tx) => {
        const { prompt, model, segments } = job.request
        tx.onCommit(() => {
          note(job.id, 'queued', { model, segments })
          log.debug({ job_id: job.id, prompt }, 'what was asked for')
        })
        return enlist(row, tx)
      }),

    retry: (id, limits, enlist) =>
      jobs.retry(id, limits, (row, tx) => {
        tx.onCommit(() => note(id, 'queued', { retried: true }))
        return enlist(row, tx)
      }),

    async claim(id, worker, leaseMs) {
      const job = await jobs.claim(id, worker, leaseMs)
      // nothing has changed it since it was asked for, or tried again
      if (job?.status === 'queued') counts.waited((now().getTime() - job.updatedAt.getTime()) / 1000)
      return job
    },

    async startPlanning(claim) {
      await jobs.startPlanning(claim)
      note(claim.jobId, 'planning')
    },

    async startGenerating(claim, plan) {
      await jobs.startGenerating(claim, plan)
      note(claim.jobId, 'generating')
    },

    async startMerging(claim) {
      await jobs.startMerging(claim)
      note(claim.jobId, 'merging')
    },

    async complete(claim, film) {
      await jobs.complete(claim, film)
      const findings = film.check === null ? [] : findingsOf(film.check).map(({ code }) => code)
      note(claim.jobId, 'completed', { seconds: film.duration, bytes: film.file_size, findings })
      counts.ended('completed', null)
    },

    async fail(claim, error) {
      await jobs.fail(claim, error)
      note(claim.jobId, 'failed', { code: error.code })
      counts.ended('failed', error.code)
    },

    async cancel(claim) {
      await jobs.cancel(claim)
      note(claim.jobId, 'cancelled')
      counts.ended('cancelled', null)
    },
  }
}
