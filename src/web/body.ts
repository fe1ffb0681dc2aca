import type { Context, MiddlewareHandler } from 'hono'
import { reasonOf, userError } from '../core/errors.ts'
import { IMAGE, shown } from '../core/request.ts'

/** What a request with JSON may hold, in bytes: the longest prompt is far shorter. */
const JSON_MAX = 256_000

/** The same with a picture. */
const FORM_MAX = IMAGE.bytesMax + 1_000_000

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'multipart/form-data'

/**
 * Refuses a body that is larger than any that makes sense, by its length or as soon as it is too long. Hono's own makes a request out of
 * what node-server gives for one, which fails for whatever comes in chunks or without a body (hono 4.13.19, node-server 2.1.8).
 */
export const limitBody: MiddlewareHandler = async (c, next) => {
  if (Number(c.req.header('content-length') ?? 0) > FORM_MAX) refuseSize()
  const { body, headers } = c.req.raw
  if (body !== null && headers.has('transfer-encoding')) c.req.raw = await wholeRequest(c.req.raw, body)
  await next()
}

function refuseSize(): never {
  throw userError('body_too_large', { max: FORM_MAX })
}

/** The same request with its body read. */
async function wholeRequest(request: Request, body: AsyncIterable<Uint8Array>): Promise<Request> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body) {
    size += part.byteLength
    if (size > FORM_MAX) refuseSize()
    parts.push(part)
  }
  const { url, method, headers, signal } = request
  return new Request(url, { method, headers, signal, body: Buffer.concat(parts) })
}

/** The type of what was sent, without its parameters. */
function typeOf(c: Context): string {
  return (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

function refuseType(c: Context, allowed: readonly string[]): never {
  throw userError('body_type_unknown', { given: shown(typeOf(c)), allowed })
}

/** The JSON that was sent. Throws `body_type_unknown`, `body_too_large`, `request_invalid`. */
export async function readJson(c: Context): Promise<unknown> {
  if (typeOf(c) !== JSON_TYPE) refuseType(c, [JSON_TYPE])
  const bytes = await c.req.arrayBuffer()
  if (bytes.byteLength > JSON_MAX) throw userError('body_too_large', { max: JSON_MAX })
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw userError('request_invalid', { reason: shown(reasonOf(error)) })
  }
}

/** What was sent as JSON or as a form, by the names of its fields. Throws what `readJson` throws. */
export async function readFields(c: Context): Promise<{ fields: unknown; form: boolean }> {
  if (typeOf(c) === JSON_TYPE) return { fields: await readJson(c), form: false }
  if (typeOf(c) !== FORM_TYPE) refuseType(c, [JSON_TYPE, FORM_TYPE])
  const form = await c.req.formData().catch((error: unknown) => {
    throw userError('request_invalid', { reason: shown(reasonOf(error)) })
  })
  return { fields: Object.fromEntries(form), form: true }
}
