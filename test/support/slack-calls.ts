import type { IncomingMessage, ServerResponse } from 'node:http'

export type Fields = Record<string, unknown>

/** A call of the Web API, or an upload, as it came. JSON within a form is taken apart. */
export interface SlackCall {
  at: number
  /** `chat.update`; for anything that is no method, its path. */
  method: string
  token: string
  body: Fields
  /** As it is sent on. */
  raw: Buffer
  type: string
}

/** What a call is answered. */
export interface SlackAnswer {
  status: number
  body: unknown
  headers?: Record<string, string>
}

const JSON_FIELDS = ['blocks', 'view', 'metadata', 'files']

/** Reads a call to its end. */
export async function readSlackCall(request: IncomingMessage): Promise<SlackCall> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const raw = Buffer.concat(chunks)
  const { pathname } = new URL(request.url ?? '/', 'http://front')
  const type = request.headers['content-type'] ?? ''
  const isForm = type.startsWith('application/x-www-form-urlencoded')
  const body: Fields = isForm ? Object.fromEntries(new URLSearchParams(raw.toString())) : {}
  for (const name of JSON_FIELDS) {
    if (typeof body[name] === 'string') body[name] = JSON.parse(body[name])
  }
  if (type.startsWith('application/json')) Object.assign(body, JSON.parse(raw.toString()))
  return {
    at: Date.now(),
    method: pathname.replace(/^\/api\//, ''),
    token: String(request.headers.authorization ?? '').replace('Bearer ', ''),
    body,
    raw,
    type,
  }
}

/** Slack's refusal: a 200 that says so. */
export function refused(error: string, messages: readonly string[] = []): SlackAnswer {
  const metadata = messages.length === 0 ? {} : { response_metadata: { messages } }
  return { status: 200, body: { ok: false, error, ...metadata } }
}

/** The answer to one call too many. */
export function slowDown(seconds: number): SlackAnswer {
  const body = { ok: false, error: 'ratelimited' }
  return { status: 429, body, headers: { 'retry-after': String(seconds) } }
}

/** Answers, where somebody is still there. */
export function sendAnswer(response: ServerResponse, { status, body, headers = {} }: SlackAnswer): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
