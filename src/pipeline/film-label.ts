import type { Job } from '../core/job.ts'
import type { FilmLabel } from '../core/ports/media.ts'
import type { ModelCapabilities } from '../core/request.ts'

/** What a job's film says of itself. */
export function filmLabel(job: Job, model: ModelCapabilities, made: Date): FilmLabel {
  return { title: job.title ?? job.request.prompt, model: model.name, made, source: model.source }
}
