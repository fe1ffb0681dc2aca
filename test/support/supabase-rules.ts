import type { IncomingMessage, ServerResponse } from 'node:http'

export interface StoredObject {
  bytes: Buffer
  contentType: string
  cacheControl: string
}

/** An answer other than success. Storage itself sends most of them under HTTP 400, the true status within. */
export class Refusal extends Error {
  constructor(
    status: number,
    code: string,
    message: string,
    /** Whether the true status is that of HTTP, too: from the gateway and from TUS. */
    plain = false,
  ) {
    super(message)
    this.answer = { status, code, plain }
  }
  readonly answer: { status: number; code: string; plain: boolean }
}

export const invalid = (message: string) => new Refusal(400, 'InvalidRequest', message)
export const noBucket = () => new Refusal(404, 'NoSuchBucket', 'Bucket not found')
export const planned = (status: number) =>
  new Refusal(status, status < 500 ? 'AccessDenied' : 'InternalError', `planned ${status}`, status === 429)

/** Throws, where an expression is wanted. */
export function fail(refusal: Refusal): never {
  throw refusal
}

export function refuse(response: ServerResponse, { message, answer }: Refusal, withCode: boolean): void {
  if (response.headersSent) return void response.destroy()
  const { status, code, plain } = answer
  response.writeHead(plain || status >= 500 ? status : 400, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify({
      statusCode: `${status}`,
      ...(code && { error: code, ...(withCode && { code }) }),
      message,
    }),
  )
}

export function checkFields(given: object, fields: Record<string, string>): void {
  for (const [name, value] of Object.entries(given)) {
    const type = fields[name]
    if (type === undefined || typeof value !== type) throw invalid(`body/${name} is not taken`)
  }
  const missing = Object.keys(fields).find((name) => !(name in given))
  if (missing) throw invalid(`body must have required property '${missing}'`)
}

/** The keys that the real one takes (`isValidKey` in `src/storage/limits.ts`). */
export function checkKey(path: string): void {
  const key = path.slice(path.indexOf('/') + 1)
  const valid = /^(\w|\/|!|-|\.|\*|'|\(|\)| |&|\$|@|=|;|:|\+|,|\?)+$/.test(key)
  if (!valid) throw new Refusal(400, 'InvalidKey', `Invalid key: ${key}`)
}

export function checkObject(
  object: StoredObject,
  limits: { fileSizeLimit: number; mimeTypes?: readonly string[] },
): void {
  if (object.bytes.length > limits.fileSizeLimit) {
    throw new Refusal(413, 'EntityTooLarge', 'The object exceeded the maximum allowed size')
  }
  if (limits.mimeTypes && !limits.mimeTypes.includes(object.contentType)) {
    throw new Refusal(415, 'InvalidMimeType', `mime type ${object.contentType} is not supported`)
  }
}

/** A form's file after its `cacheControl`, or the body as it is. */
export async function uploaded(request: IncomingMessage, body: Buffer): Promise<StoredObject> {
  const type = request.headers['content-type'] ?? fail(invalid('headers must have content-type'))
  if (!type.startsWith('multipart/form-data')) {
    return { bytes: body, contentType: type, cacheControl: request.headers['cache-control'] ?? 'no-cache' }
  }
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  const file = form.values().find((value) => typeof value !== 'string')
  if (!file) throw invalid('No content provided')
  const bytes = Buffer.from(await file.arrayBuffer())
  return { bytes, contentType: file.type, cacheControl: `max-age=${form.get('cacheControl')}` }
}
