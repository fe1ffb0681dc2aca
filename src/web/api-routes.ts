import type { RouteConfig } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import * as shapes from './schemas.ts'

/** What the OpenAPI document says of each route. */

const json = (schema: z.ZodType) => ({ 'application/json': { schema } })
const answer = (schema: z.ZodType, description: string) => ({ content: json(schema), description })
const refusal = (description: string) => answer(shapes.refusal, description)

const language = z.object({
  'accept-language': z
    .string()
    .optional()
    .openapi({ description: '`ko` or `en`: the language of all texts.', example: 'en' }),
})

const others = { default: refusal('Any other error.') }
const unknown = { 401: refusal('Nobody is signed in, or not any more.') }
const notMine = { ...unknown, 404: refusal('There is no such job, or it is somebody else’s.') }
const tooMany = {
  429: {
    ...refusal('Too many: one of the limits is reached.'),
    headers: { 'retry-after': { schema: { type: 'integer' as const }, description: 'Seconds.' } },
  },
}
const tags = ['films']
const job = { tags, request: { params: shapes.idParams, headers: language } }

/** A film's bytes as a schema. */
const binary = z.string().openapi({ format: 'binary' })

export const ROUTES = {
  generate: {
    method: 'post',
    path: '/api/generate',
    operationId: 'generate',
    summary: 'Ask for a film',
    tags,
    request: {
      headers: language.extend({
        'idempotency-key': z.string().min(1).max(255).optional().openapi({
          description: 'Names the request: sent again with the same key, it makes no second film.',
        }),
      }),
      body: {
        required: true,
        content: { ...json(shapes.generateBody), 'multipart/form-data': { schema: shapes.generateForm } },
      },
    },
    responses: {
      201: {
        ...answer(shapes.told, 'The job has been taken in.'),
        headers: { location: { schema: { type: 'string' }, description: 'Its status.' } },
      },
      400: refusal('Something about the request is not possible.'),
      ...unknown,
      422: refusal('The Idempotency-Key stands for another film.'),
      ...tooMany,
      ...others,
    },
  },
  status: {
    ...job,
    method: 'get',
    path: '/api/status/{id}',
    operationId: 'status',
    summary: 'How far a job is',
    responses: {
      200: answer(shapes.statusAnswer, 'Its state, and what has happened so far.'),
      ...notMine,
      ...others,
    },
  },
  events: {
    tags,
    request: {
      params: shapes.idParams,
      headers: language.extend({
        'last-event-id': z
          .string()
          .optional()
          .openapi({ description: 'The number of the last event that was seen.' }),
      }),
      query: z.object({
        after: z.string().optional().openapi({ description: 'The same, for a first connection.' }),
      }),
    },
    method: 'get',
    path: '/api/events/{id}',
    operationId: 'events',
    summary: 'Follow a job by server-sent events',
    responses: {
      200: {
        description:
          'Each change as an event with its number, in whose data there is an `Event`. Ends with the job.',
        content: { 'text/event-stream': { schema: shapes.eventData } },
      },
      204: { description: 'The job has ended, and everything was seen.' },
      ...notMine,
      ...others,
    },
  },
  result: {
    ...job,
    method: 'get',
    path: '/api/result/{id}',
    operationId: 'result',
    summary: 'A finished film',
    responses: {
      200: answer(shapes.resultAnswer, 'The film.'),
      ...notMine,
      409: refusal('The job isn’t completed.'),
      410: refusal('The film is no longer kept.'),
      ...others,
    },
  },
  download: {
    tags,
    request: {
      params: shapes.idParams,
      headers: language.extend({ range: z.string().optional().openapi({ example: 'bytes=0-1023' }) }),
    },
    method: 'get',
    path: '/api/download/{id}',
    operationId: 'download',
    summary: 'A film’s file',
    responses: {
      200: { description: 'The whole film.', content: { 'video/mp4': { schema: binary } } },
      206: { description: 'The part that was asked for.', content: { 'video/mp4': { schema: binary } } },
      302: {
        description: 'Where the film is, for an hour.',
        headers: { location: { schema: { type: 'string' }, description: 'A signed link.' } },
      },
      304: { description: 'It is the one that is known.' },
      ...notMine,
      409: refusal('The job isn’t completed.'),
      410: refusal('The film is no longer kept.'),
      416: { description: 'The film has no such part.' },
      ...others,
    },
  },
  jobs: {
    method: 'get',
    path: '/api/jobs',
    operationId: 'jobs',
    summary: 'My jobs, newest first',
    tags,
    request: { query: shapes.jobsQuery, headers: language },
    responses: {
      200: answer(shapes.jobsAnswer, 'They.'),
      400: refusal('The limit is not possible.'),
      ...unknown,
      ...others,
    },
  },
  cancel: {
    ...job,
    method: 'post',
    path: '/api/cancel/{id}',
    operationId: 'cancel',
    summary: 'Cancel an unfinished job',
    responses: {
      200: answer(shapes.told, 'It has ended.'),
      ...notMine,
      409: refusal('It had ended already.'),
      ...others,
    },
  },
  retry: {
    ...job,
    method: 'post',
    path: '/api/retry/{id}',
    operationId: 'retry',
    summary: 'Go on with a failed job, from the segment that failed',
    responses: {
      200: answer(shapes.told, 'It goes on.'),
      ...notMine,
      409: refusal('It hasn’t failed.'),
      ...tooMany,
      ...others,
    },
  },
  models: {
    method: 'get',
    path: '/api/models',
    operationId: 'models',
    summary: 'What films can be made with',
    tags,
    security: [],
    responses: {
      200: answer(shapes.modelsAnswer, 'Every model that is known.'),
      400: refusal('The request can’t be read.'),
      ...others,
    },
  },
  link: {
    method: 'post',
    path: '/api/link',
    operationId: 'link',
    summary: 'Bring along the films of a chat, by the code that it gave',
    tags,
    request: { headers: language, body: { required: true, content: json(shapes.linkBody) } },
    responses: {
      200: answer(shapes.linkAnswer, 'They are here.'),
      400: refusal('The code works no more, or never did.'),
      ...unknown,
      409: refusal('The chat’s account belongs to somebody else already.'),
      ...tooMany,
      ...others,
    },
  },
} satisfies Record<string, RouteConfig>
