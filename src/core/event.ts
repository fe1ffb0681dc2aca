import type { ErrorDetail } from './errors.ts'
import type { Film, JobStatus } from './job.ts'

/** What people can see happen to a job. */
export type JobChange =
  | { type: 'queued' }
  | { type: 'planning' }
  | { type: 'planned'; title: string; shots: readonly string[] }
  | { type: 'segment_started'; segment: number; of: number; title: string }
  | { type: 'segment_waiting'; segment: number; of: number; position: number }
  | { type: 'segment_adopted'; segment: number; of: number; request_id: string }
  | { type: 'segment_done'; segment: number; of: number; title: string }
  | { type: 'merging' }
  | { type: 'completed'; film: Film }
  | { type: 'failed'; error: ErrorDetail }
  | { type: 'cancel_requested' }
  | { type: 'cancelled' }
  | { type: 'resumed' }
  | { type: 'retried' }

/** A change with the state that the job was in after it. `seq` grows with each event of a job; `progress` 0..1. */
export type JobEvent = JobChange & {
  seq: number
  job_id: string
  status: JobStatus
  progress: number
  at: Date
}

/** The events after which a job does nothing more by itself. */
export function endsJob(event: JobEvent): boolean {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled'
}
