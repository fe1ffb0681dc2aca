import { z } from '@hono/zod-openapi'
import { JOB_STATUSES } from '../core/job.ts'
import { ASPECTS, CROSSFADE_MAX, PROMPT_MAX, RESOLUTIONS, SECONDS, SEGMENTS } from '../core/request.ts'

/** The shapes of the API: what is read is checked by them, and the OpenAPI document is made of them. */

const status = z.enum(JOB_STATUSES)
const progress = z.number().min(0).max(1)
const moment = z.iso.datetime()
const jobId = z.string()

/** How many jobs are listed. */
export const LIMIT = { min: 1, max: 100, default: 20 } as const

/** An error of any kind. */
export const refusal = z
  .object({
    detail: z.string().openapi({
      description: 'What was wrong, what is allowed and what to do next, in the caller’s language.',
    }),
    code: z
      .string()
      .openapi({ description: 'The same for programs: it never changes.', example: 'prompt_too_long' }),
  })
  .openapi('Refusal')

const wishes = {
  prompt: z
    .string()
    .openapi({ description: `What the film shows: 1 to ${PROMPT_MAX} characters, as a reader counts them.` }),
  resolution: z.enum(RESOLUTIONS).optional().openapi({ default: '720p' }),
  aspect: z.enum(ASPECTS).optional().openapi({ default: '16:9' }),
  model: z.string().optional().openapi({ description: 'An id of `GET /api/models`.' }),
}

/** A film that is asked for. */
export const generateBody = z
  .strictObject({
    ...wishes,
    segments: z.int().min(SEGMENTS.min).max(SEGMENTS.max).optional().openapi({ default: SEGMENTS.default }),
    seconds: z
      .literal([...SECONDS])
      .optional()
      .openapi({ default: 8, description: 'Of each segment.' }),
    crossfade: z
      .int()
      .min(0)
      .max(CROSSFADE_MAX)
      .optional()
      .openapi({ default: 0, description: 'How long each segment dissolves into the next, in ms.' }),
    level_sound: z.boolean().optional().openapi({ default: false }),
    keep_clips: z.boolean().optional().openapi({ default: false }),
  })
  .openapi('Generate')

const digits = (choices: readonly number[]) => z.enum(choices.map(String) as [string, ...string[]]).optional()
const flag = z.enum(['true', 'false']).optional()
const segmentChoices = Array.from({ length: SEGMENTS.max - SEGMENTS.min + 1 }, (_, i) => i + SEGMENTS.min)

/** The same as a form, with the picture that the film opens on. */
export const generateForm = z
  .strictObject({
    ...wishes,
    segments: digits(segmentChoices),
    seconds: digits(SECONDS),
    crossfade: z
      .string()
      .regex(/^\d{1,4}$/)
      .optional(),
    level_sound: flag,
    keep_clips: flag,
    image: z
      .instanceof(File)
      .optional()
      .openapi({ type: 'string', format: 'binary', description: 'PNG, JPEG or WebP, up to 20 MB.' }),
  })
  .openapi('GenerateForm')

/** What became of something that was asked for. */
export const told = z.object({ job_id: jobId, status, message: z.string() }).openapi('Told')

const logLine = z
  .object({ timestamp: moment, level: z.enum(['INFO', 'ERROR']), message: z.string() })
  .openapi('LogLine')

/** How far a job is. */
export const statusAnswer = z
  .object({ job_id: jobId, status, progress, message: z.string(), logs: z.array(logLine) })
  .openapi('Status')

/** A change of a job, as an event stream tells it. */
export const eventData = logLine
  .extend({ type: z.string(), job_id: jobId, status, progress })
  .openapi('Event')

/** A finished film. */
export const resultAnswer = z
  .object({
    job_id: jobId,
    status,
    title: z.string().nullable(),
    result_path: z.string(),
    download_url: z.url(),
    cost_usd: z.number().nullable(),
    metadata: z.object({
      duration: z.number().openapi({ description: 'Seconds.' }),
      resolution: z.string().openapi({ example: '1280x720' }),
      file_size: z.int().openapi({ description: 'Bytes.' }),
    }),
  })
  .openapi('Result')

/** One's newest jobs. */
export const jobsAnswer = z
  .object({
    jobs: z.array(
      z.object({
        job_id: jobId,
        status,
        progress,
        title: z.string().nullable(),
        prompt: z.string(),
        created_at: moment,
        completed_at: moment.nullable(),
      }),
    ),
  })
  .openapi('Jobs')

/** How many of them are wanted. */
export const jobsQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(LIMIT.min).max(LIMIT.max))
    .optional()
    .openapi({ type: 'integer', minimum: LIMIT.min, maximum: LIMIT.max, default: LIMIT.default }),
})

const usd = z.number().nullable().openapi({ description: 'Null where it isn’t known.' })

/** What films can be made with. */
export const modelsAnswer = z
  .object({
    default: z.string(),
    models: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        usable: z.boolean(),
        retired_on: z.string().nullable(),
        replacement: z.string().nullable(),
        seconds: z.array(z.int()),
        resolutions: z.array(z.enum(RESOLUTIONS)),
        aspects: z.array(z.enum(ASPECTS)),
        usd_per_second: z.object({ '720p': usd, '1080p': usd }),
      }),
    ),
  })
  .openapi('Models')

/** A code from a chat. */
export const linkBody = z
  .strictObject({ code: z.string().max(100).openapi({ example: '7KQ2-M9XD' }) })
  .openapi('LinkCode')

/** Whose films came along. */
export const linkAnswer = z
  .object({ platform: z.enum(['cli', 'web', 'discord', 'slack']), jobs: z.int() })
  .openapi('Linked')

/** Where an id stands in a path. */
export const idParams = z.object({
  id: z.string().openapi({ param: { name: 'id', in: 'path' }, description: 'The job’s id.', format: 'uuid' }),
})
