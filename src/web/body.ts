import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { reasonOf, userError } from '../core/errors.ts'
import { IMAGE, shown } from '../core/request.ts'

/** What a request with JSON may hold, in bytes: the longest prompt is far shorter. */
const JSON_MAX = 256_000

/** The same with a picture. */
const FORM_MAX = IMAGE.bytesMax + 1_000_000

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'multipart/form-data'

/** Refuses a body that is larger than any that makes sense, by its length or as soon as it is too long. */
export const limitBody = bodyLimit({
  maxSize: FORM_MAX,
  onError: () => {
    throw userError('body_too_large', { max: FORM_MAX })
  },
})

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
