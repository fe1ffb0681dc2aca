import { userError } from './errors.ts'
import type { Film, Job } from './job.ts'

/** Whether a job's film was made and is no longer kept. */
export function isFilmExpired({ status, film }: Pick<Job, 'status' | 'film'>): boolean {
  return status === 'completed' && film === null
}

/** A job's film. Throws `job_not_completed`, and `film_expired` for one that is no longer kept. */
export function filmOf({ id, status, film }: Pick<Job, 'id' | 'status' | 'film'>): Film {
  if (film !== null) return film
  throw isFilmExpired({ status, film })
    ? userError('film_expired', { job_id: id })
    : userError('job_not_completed', { job_id: id, status })
}
