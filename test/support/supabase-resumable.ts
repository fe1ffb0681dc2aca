import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyOf } from './supabase-faults.ts'
import { checkKey, checkObject, Refusal, type StoredObject } from './supabase-rules.ts'

interface Deps {
  limits: { fileSizeLimit: number; mimeTypes?: readonly string[] }
  objects: ReadonlyMap<string, StoredObject>
  buckets: ReadonlyMap<string, object>
  save: (path: string, object: StoredObject) => void
}

interface PartialUpload {
  path: string
  length: number
  metadata: Record<string, string>
  bytes: Buffer
}

/**
 * The resumable uploads of the stand-in: TUS 1.0.0 (https://tus.io/protocols/resumable-upload) as Supabase speaks it
 * (`src/http/routes/tus`). An upload that is cut keeps what came.
 */
export function createResumableUploads({ limits, objects, buckets, save }: Deps) {
  const uploads = new Map<string, PartialUpload>()

  function create(request: IncomingMessage): string {
    const length = Number(request.headers['upload-length'] ?? Number.NaN)
    if (!Number.isInteger(length)) throw tus(400, 'Upload-Length or Upload-Defer-Length header required')
    const metadata = metadataOf(String(request.headers['upload-metadata'] ?? ''))
    if (length > limits.fileSizeLimit) throw tus(413, 'Maximum size exceeded')
    const path = `${metadata.bucketName}/${metadata.objectName}`
    if (!buckets.has(metadata.bucketName ?? '')) throw tus(404, 'Bucket not found')
    checkKey(path)
    checkObject({ bytes: Buffer.alloc(0), contentType: metadata.contentType ?? '', cacheControl: '' }, limits)
    const id = Buffer.from(`${path}/${randomUUID()}`).toString('base64url')
    uploads.set(id, { path, length, metadata, bytes: Buffer.alloc(0) })
    return id
  }

  async function take(upload: PartialUpload, request: IncomingMessage, cutAt: number): Promise<boolean> {
    if (request.headers['content-type'] !== 'application/offset+octet-stream') {
      throw tus(415, 'Content-Type header required')
    }
    if (Number(request.headers['upload-offset']) !== upload.bytes.length) {
      throw tus(409, 'Upload-Offset conflict')
    }
    const { bytes, whole } = await bodyOf(request, cutAt)
    const got = Buffer.concat([upload.bytes, bytes])
    if (got.length > upload.length) throw tus(413, 'Exceeded upload size')
    upload.bytes = got
    if (whole && got.length === upload.length) {
      const { contentType = '', cacheControl } = upload.metadata
      const kept = cacheControl ? `max-age=${cacheControl}` : 'no-cache'
      save(upload.path, { bytes: got, contentType, cacheControl: kept })
    }
    return whole
  }

  return {
    async handle(
      operation: string,
      id: string,
      request: IncomingMessage,
      response: ServerResponse,
      { cutAt, selfUrl }: { cutAt: number; selfUrl: string },
    ): Promise<void> {
      if (request.headers['tus-resumable'] !== '1.0.0') throw tus(412, 'Tus-Resumable Required')
      response.setHeader('tus-resumable', '1.0.0')
      if (operation === 'part-create') {
        const location = `${selfUrl}/storage/v1/upload/resumable/${create(request)}`
        return void response.writeHead(201, { location }).end()
      }
      const upload = uploads.get(id)
      if (!upload) throw tus(404, 'The file for this url was not found')
      if (operation === 'part') {
        const upsert = request.headers['x-upsert'] === 'true'
        if (objects.has(upload.path) && !upsert) throw tus(409, 'The resource already exists')
        if (!(await take(upload, request, cutAt))) return
        return void response.writeHead(204, { 'upload-offset': upload.bytes.length }).end()
      }
      response.setHeader('cache-control', 'no-store')
      response.setHeader('upload-length', upload.length)
      response.writeHead(200, { 'upload-offset': upload.bytes.length }).end()
    },
    forget: () => uploads.clear(),
  }
}

const tus = (status: number, message: string) => new Refusal(status, 'TusError', message, true)

function metadataOf(header: string): Record<string, string> {
  const pairs = header.split(',').map((pair) => pair.trim().split(' '))
  return Object.fromEntries(
    pairs.map(([name = '', value = '']) => [name, Buffer.from(value, 'base64').toString()]),
  )
}
