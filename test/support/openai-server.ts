import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as z from 'zod'

/** What the server answers. `hold`: never; `stall`: the beginning of an answer with this status, then nothing; `cut`: it hangs up there. */
export type OpenAiReply =
  | { status?: number; headers?: Record<string, string>; body: unknown }
  | { stall: number }
  | 'hold'
  | 'cut'

interface ResponsesRequest extends z.infer<typeof responsesRequest> {}

/** A stand-in for what aimock lacks. It refuses what OpenAI would refuse, and keeps what it refused in `complaints`. */
export interface OpenAiServer {
  /** Ends in `/v1`. */
  url: string
  /** The bodies of the plans that were asked for, in order. */
  asked: ResponsesRequest[]
  /** The prompts that were moderated, in order. */
  moderated: string[]
  complaints: string[]
  /** The next answers to `POST /responses`; when they have run out, the last one stays. */
  answer(...replies: OpenAiReply[]): void
  /** The same for `POST /moderations`; without it nothing is flagged. */
  moderate(...replies: OpenAiReply[]): void
  close(): Promise<void>
}

const message = z.strictObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.string().min(1),
})

const responsesRequest = z.strictObject({
  model: z.string().min(1),
  instructions: z.string().min(1),
  input: z.array(message).min(1),
  reasoning: z.strictObject({ effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']) }),
  text: z.strictObject({
    format: z.strictObject({
      type: z.literal('json_schema'),
      name: z.string().regex(/^[\w-]{1,64}$/),
      strict: z.literal(true),
      schema: z.record(z.string(), z.unknown()).superRefine((schema, context) => {
        for (const problem of strictProblems(schema)) context.addIssue({ code: 'custom', message: problem })
      }),
    }),
  }),
  max_output_tokens: z.int().min(16).max(128_000),
  safety_identifier: z.string().min(1).max(128),
  store: z.boolean(),
})

const moderationsRequest = z.strictObject({ model: z.literal('omni-moderation-latest'), input: z.string() })

/** What keeps a schema from being one of OpenAI's strict mode, in the plain subset that every model takes. */
function strictProblems(schema: unknown, at = 'schema'): string[] {
  const known = ['$schema', 'type', 'description', 'properties', 'required', 'additionalProperties', 'items']
  const { type, properties, required, additionalProperties, items, ...rest } = schema as Record<
    string,
    unknown
  >
  const problems = Object.keys(rest)
    .filter((key) => !known.includes(key))
    .map((key) => `${at}: '${key}' is not permitted`)
  if (at === 'schema' && type !== 'object') problems.push('schema: the root must be an object')
  if (type === 'object') {
    const names = Object.keys(properties ?? {})
    if (additionalProperties !== false) problems.push(`${at}: 'additionalProperties' must be false`)
    if (JSON.stringify(required) !== JSON.stringify(names))
      problems.push(`${at}: 'required' must name every property`)
    for (const [name, child] of Object.entries(properties ?? {}))
      problems.push(...strictProblems(child, `${at}.${name}`))
  } else if (type === 'array') problems.push(...strictProblems(items, `${at}[]`))
  else if (!['string', 'number', 'integer', 'boolean'].includes(String(type)))
    problems.push(`${at}: no type ${type}`)
  return problems
}

/** An answer with this text, as a reasoning model gives it. */
export function completed(text: string): OpenAiReply {
  return responseOf({ status: 'completed', content: [{ type: 'output_text', text, annotations: [] }] })
}

export function refused(words: string): OpenAiReply {
  return responseOf({ status: 'completed', content: [{ type: 'refusal', refusal: words }] })
}

/** An answer that ended in the middle of its text. */
export function incomplete(reason: string): OpenAiReply {
  const content = [{ type: 'output_text', text: '{"title":"A', annotations: [] }]
  return responseOf({ status: 'incomplete', content, incomplete_details: { reason } })
}

/** An answer with status 200 that says that it failed. */
export function failed(code: string, words: string): OpenAiReply {
  return responseOf({ status: 'failed', content: [], error: { code, message: words } })
}

export function apiError(
  status: number,
  words: string,
  more: { code?: string; type?: string; param?: string; headers?: Record<string, string> } = {},
): OpenAiReply {
  const { headers = {}, code = null, type = 'invalid_request_error', param = null } = more
  return { status, headers, body: { error: { message: words, type, param, code } } }
}

export function flagged(...categories: string[]): OpenAiReply {
  const all = ['harassment', 'hate', 'sexual', 'violence', 'violence/graphic']
  const found = Object.fromEntries(all.map((name) => [name, categories.includes(name)]))
  const result = { flagged: categories.length > 0, categories: found, category_scores: {} }
  return { body: { id: 'modr-1', model: 'omni-moderation-latest', results: [result] } }
}

function responseOf(parts: { status: string; content: unknown[]; [more: string]: unknown }): OpenAiReply {
  const { content, ...rest } = parts
  const output = [
    { type: 'reasoning', id: 'rs_1', summary: [] },
    { type: 'message', id: 'msg_1', role: 'assistant', status: rest.status, content },
  ]
  const usage = { input_tokens: 900, output_tokens: 400, total_tokens: 1300 }
  return {
    body: { id: 'resp_1', object: 'response', error: null, incomplete_details: null, output, usage, ...rest },
  }
}

/** Starts the server on a free port of loopback. It knows one key and one model. */
export async function startOpenAiServer(account: { apiKey: string; model: string }): Promise<OpenAiServer> {
  const asked: ResponsesRequest[] = []
  const moderated: string[] = []
  const complaints: string[] = []
  const plans: OpenAiReply[] = []
  const moderations: OpenAiReply[] = [flagged()]
  let requests = 0

  function replyTo(request: IncomingMessage, text: string): OpenAiReply {
    const key = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
    if (key !== account.apiKey) {
      const shown = `${key.slice(0, 8)}${'*'.repeat(8)}${key.slice(-4)}`
      return apiError(401, `Incorrect API key provided: ${shown}.`, { code: 'invalid_api_key' })
    }
    if (request.method === 'GET') return modelAt(request.url ?? '')
    if (request.headers['content-type'] !== 'application/json') return complain(415, 'not JSON')
    const body = JSON.parse(text)
    switch (`${request.method} ${request.url}`) {
      case 'POST /v1/moderations': {
        const parsed = moderationsRequest.safeParse(body)
        if (!parsed.success) return complain(400, z.prettifyError(parsed.error))
        moderated.push(parsed.data.input)
        return next(moderations)
      }
      case 'POST /v1/responses': {
        const parsed = responsesRequest.safeParse(body)
        if (!parsed.success) return complain(400, z.prettifyError(parsed.error))
        asked.push(parsed.data)
        if (parsed.data.model === account.model) return next(plans)
        return apiError(
          404,
          `The model '${parsed.data.model}' does not exist or you do not have access to it.`,
          {
            code: 'model_not_found',
            param: 'model',
          },
        )
      }
      default:
        return apiError(404, `Invalid URL (${request.method} ${request.url})`)
    }
  }

  function modelAt(url: string): OpenAiReply {
    if (url === `/v1/models/${account.model}`) return { body: { id: account.model, object: 'model' } }
    return apiError(404, `There is nothing at ${url}`, { code: 'model_not_found' })
  }

  function complain(status: number, problem: string): OpenAiReply {
    complaints.push(problem)
    return apiError(status, problem)
  }

  function next(replies: OpenAiReply[]): OpenAiReply {
    const reply = replies.length > 1 ? replies.shift() : replies[0]
    return reply ?? complain(500, 'the test gave no answer')
  }

  function send(reply: OpenAiReply, response: ServerResponse): void {
    if (reply === 'hold') return
    requests += 1
    response.setHeader('x-request-id', `req_${requests}`)
    response.setHeader('content-type', 'application/json')
    if (reply === 'cut' || 'stall' in reply) {
      response.writeHead(reply === 'cut' ? 200 : reply.stall, { 'content-length': '1000' })
      response.write('{"id":')
      if (reply === 'cut') setImmediate(() => response.destroy())
      return
    }
    response.writeHead(reply.status ?? 200, reply.headers)
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
  }

  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => send(replyTo(request, Buffer.concat(parts).toString()), response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    moderated,
    complaints,
    answer: (...replies) => void plans.splice(0, plans.length, ...replies),
    moderate: (...replies) => void moderations.splice(0, moderations.length, ...replies),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
