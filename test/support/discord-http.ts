import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SentFile } from './discord-limits.ts'

export type Fields = Record<string, unknown>

/** A request as it came. Multipart is taken apart: its `payload_json` is the body. */
export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  body: unknown
  files: SentFile[]
  complaints: string[]
}

/** What is answered. */
export interface Answer {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

/** What came of a request: its answer, and what was wrong with it. */
export interface Outcome {
  answer: Answer
  complaints: string[]
}

/** Asks the server behind. */
export type Behind = (method: string, path: string, body?: unknown) => Promise<Answer>

/** Discord's errors, by their code: status and words. Source: docs.discord.com/developers/topics/opcodes-and-status-codes. */
const ERRORS = {
  10003: [404, 'Unknown Channel'],
  10008: [404, 'Unknown Message'],
  10013: [404, 'Unknown User'],
  10015: [404, 'Unknown Webhook'],
  10062: [404, 'Unknown interaction'],
  10063: [404, 'Unknown application command'],
  30046: [429, 'Maximum number of edits to messages older than 1 hour reached. Try again later.'],
  40005: [413, 'Request entity too large'],
  40060: [400, 'Interaction has already been acknowledged.'],
  40094: [400, 'This interaction has reached the maximum number of follow up messages.'],
  50001: [403, 'Missing Access'],
  50006: [400, 'Cannot send an empty message'],
  50007: [403, 'Cannot send messages to this user'],
  50013: [403, 'Missing Permissions'],
  50027: [401, 'Invalid Webhook Token'],
  50035: [400, 'Invalid Form Body'],
  50278: [403, 'Cannot send messages to this user due to having no mutual guilds'],
} as const

export type ErrorCode = keyof typeof ERRORS

/** Discord's answer with this code. */
export function refusal(code: ErrorCode, complaints: readonly string[] = []): Answer {
  const [status, message] = ERRORS[code]
  // this one comes with a 429, without saying of which limit
  if (code === 30046) return { ...tooMany(1), body: { message, code, retry_after: 1, global: false } }
  const errors = complaints.map((complaint) => ({ code: 'INVALID', message: complaint }))
  return { status, body: { code, message, ...(errors.length > 0 ? { errors: { _errors: errors } } : {}) } }
}

/** The answer to one request too many; `seconds` until the next one may come. */
export function tooMany(seconds: number): Answer {
  const body = { message: 'You are being rate limited.', retry_after: seconds, global: false }
  const headers = { 'retry-after': String(Math.ceil(seconds)), 'x-ratelimit-scope': 'user' }
  return { status: 429, body, headers }
}

/** Reads a request to its end. */
export async function readRequest(request: IncomingMessage): Promise<Asked> {
  const where = new URL(request.url ?? '/', 'http://front')
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const asked: Asked = {
    method: request.method ?? '',
    path: where.pathname.replace(/^\/api\/v10/, ''),
    query: where.searchParams,
    body: undefined,
    files: [],
    complaints: where.pathname.startsWith('/api/v10/') ? [] : [`${where.pathname}: not /api/v10`],
  }
  if (bytes.length === 0) return asked
  const type = request.headers['content-type'] ?? ''
  if (type.startsWith('multipart/form-data')) await readForm(asked, bytes, type)
  else if (type.startsWith('application/json')) asked.body = JSON.parse(bytes.toString())
  else asked.complaints.push(`content-type: ${type}`)
  return asked
}

async function readForm(asked: Asked, bytes: Buffer, type: string): Promise<void> {
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData()
  for (const [field, value] of form) {
    if (typeof value !== 'string') asked.files.push({ field, name: value.name, size: value.size })
    else if (field === 'payload_json') asked.body = JSON.parse(value)
    else asked.complaints.push(`${field}: unknown in a form`)
  }
}

/** Sends an answer. One without a body says nothing of its type: discord.js fails on 204 with a type. */
export function respond(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  if (response.destroyed) return
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  response.writeHead(status, { ...type, ...headers })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}
