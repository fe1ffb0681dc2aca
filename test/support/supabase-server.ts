import { createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bodyOf, createFaults, type Faults } from './supabase-faults.ts'
import { createResumableUploads } from './supabase-resumable.ts'
import {
  checkFields,
  checkKey,
  checkObject,
  fail,
  invalid,
  noBucket,
  planned,
  Refusal,
  refuse,
  type StoredObject,
  uploaded,
} from './supabase-rules.ts'

/** What a request asks for; faults and counts go by it. The three `part…` are those of a resumable upload. */
export type Operation =
  | 'bucket'
  | 'create-bucket'
  | 'upload'
  | 'part-create'
  | 'part-offset'
  | 'part'
  | 'info'
  | 'read'
  | 'sign'
  | 'open-link'
  | 'list'
  | 'remove'

export interface SupabaseServer {
  /** For `SUPABASE_URL`. */
  url: string
  /** For `SUPABASE_SECRET_KEY`. */
  readonly secretKey: string
  /** From now on another key is the right one. */
  changeKey(): void
  /** What is stored, by `<bucket>/<key>`. */
  objects: Map<string, StoredObject>
  buckets: Map<string, { public: boolean }>
  faults: Faults<Operation>
  /** How many such requests have come, refused ones with them. */
  count(on: Operation, at?: string): number
  /** Forgets the resumable uploads that are under way, as the real one does after a day. */
  forgetUploads(): void
  stop(): Promise<void>
}

export interface SupabaseServerOptions {
  buckets?: Record<string, { public: boolean }>
  /** In bytes. */
  fileSizeLimit?: number
  /** Types that the buckets take; any, where not given. */
  mimeTypes?: readonly string[]
  /** Checks the key before anything else, as the gateway of a hosted project does. */
  gateway?: boolean
  /** Leaves the code out of a refusal, as older servers do. */
  withoutCodes?: boolean
  /** What the server calls itself in the address of a resumable upload. */
  selfUrl?: string
}

/**
 * A stand-in for Supabase Storage on loopback, with its ways: https://github.com/supabase/storage (`src/http/routes`).
 * It refuses what the real one refuses, and keeps everything in memory.
 */
export async function startSupabaseServer(options: SupabaseServerOptions = {}): Promise<SupabaseServer> {
  const newKey = () => `sb_secret_${randomUUID().replaceAll('-', '')}`
  let secretKey = newKey()
  const objects = new Map<string, StoredObject>()
  const buckets = new Map(Object.entries(options.buckets ?? {}))
  const { faults, count, begin } = createFaults<Operation>()
  const limits = { fileSizeLimit: 1_000_000_000, ...options }
  const save = (path: string, object: StoredObject) => void objects.set(path, object)
  const resumable = createResumableUploads({ limits, objects, buckets, save })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    const route = decodeURIComponent(pathname).replace(/^\/storage\/v1\//, '')
    const { operation, path } = routed(request.method ?? '', route)
    const fault = await begin(operation, request, response)
    if (fault?.kind === 'answer') {
      request.resume()
      throw planned(fault.status)
    }
    const cutAt = fault?.kind === 'cut' ? fault.afterBytes : Number.POSITIVE_INFINITY
    const known = isKnown(request)
    if (!known && options.gateway && operation !== 'open-link') {
      request.resume()
      throw new Refusal(401, '', 'Invalid API key', true)
    }
    // objects are looked for with a wrong key as well, as somebody who may see nothing
    if (!known && operation !== 'open-link') {
      request.resume()
      if (operation === 'info' || operation === 'read') throw noBucket()
      throw new Refusal(403, 'AccessDenied', 'Invalid Compact JWS')
    }

    const json = (body: object) => {
      response.setHeader('content-type', 'application/json; charset=utf-8')
      response.end(JSON.stringify(body))
    }
    const bucketOf = (id: string) => buckets.get(id) ?? fail(noBucket())
    const objectOf = () => {
      bucketOf(path.split('/')[0] ?? '')
      return objects.get(path) ?? fail(new Refusal(404, 'NoSuchKey', 'Object not found'))
    }

    if (operation === 'bucket') {
      json({ id: path, name: path, ...bucketOf(path) })
    } else if (operation === 'create-bucket') {
      const order = JSON.parse(String((await bodyOf(request)).bytes))
      checkFields(order, { id: 'string', name: 'string', public: 'boolean' })
      if (buckets.has(order.id)) throw new Refusal(409, 'BucketAlreadyExists', 'The resource already exists')
      buckets.set(order.id, { public: order.public })
      json({ name: order.id })
    } else if (operation === 'upload') {
      const body = await bodyOf(request, cutAt)
      if (!body.whole) return
      bucketOf(path.split('/')[0] ?? '')
      checkKey(path)
      const upsert = request.method === 'PUT' || request.headers['x-upsert'] === 'true'
      if (objects.has(path) && !upsert)
        throw new Refusal(409, 'KeyAlreadyExists', 'The resource already exists')
      const object = await uploaded(request, body.bytes)
      checkObject(object, limits)
      save(path, object)
      json({ Id: randomUUID(), Key: path })
    } else if (operation.startsWith('part')) {
      await resumable.handle(operation, path, request, response, { cutAt, selfUrl: options.selfUrl ?? url })
    } else if (operation === 'info') {
      const { bytes, contentType, cacheControl } = objectOf()
      json({ name: path, size: bytes.length, content_type: contentType, cache_control: cacheControl })
    } else if (operation === 'read') {
      send(request, response, objectOf(), cutAt)
    } else if (operation === 'sign') {
      const order = JSON.parse(String((await bodyOf(request)).bytes))
      checkFields(order, { expiresIn: 'number' })
      if (!Number.isInteger(order.expiresIn) || order.expiresIn < 1) throw invalid('expiresIn must be >= 1')
      objectOf()
      json({ signedURL: `/object/sign/${path}?token=${token(path, Date.now() + order.expiresIn * 1000)}` })
    } else if (operation === 'open-link') {
      checkToken(searchParams.get('token') ?? '', path)
      const name = searchParams.get('download')
      const encoded = encodeURIComponent(name ?? '')
      const disposition = `attachment; filename=${encoded}; filename*=UTF-8''${encoded};`
      if (name !== null) response.setHeader('content-disposition', name ? disposition : 'attachment;')
      send(request, response, objectOf(), cutAt)
    } else if (operation === 'list') {
      const order = JSON.parse(String((await bodyOf(request)).bytes))
      const { prefix, search, limit, offset } = order
      checkFields(order, {
        ...{ prefix: 'string', search: 'string' },
        ...{ limit: 'number', offset: 'number', sortBy: 'object' },
      })
      bucketOf(path)
      const inside = `${path}/${prefix}/`
      // what lies deeper shows as its folder
      const names = [...objects.keys()]
        .filter((key) => key.startsWith(inside))
        .map((key) => key.slice(inside.length).split('/')[0] ?? '')
      const found = [...new Set(names)].filter((name) => name.includes(search)).sort()
      json(found.slice(offset, offset + limit).map((name) => ({ name })))
    } else {
      const order = JSON.parse(String((await bodyOf(request)).bytes))
      checkFields(order, { prefixes: 'object' })
      bucketOf(path)
      const removed = order.prefixes.filter((key: string) => objects.delete(`${path}/${key}`))
      json(removed.map((name: string) => ({ name })))
    }
  }

  const isKnown = ({ headers }: IncomingMessage) =>
    headers.apikey === secretKey && headers.authorization === `Bearer ${secretKey}`
  const token = (path: string, expires: number) => {
    const claims = Buffer.from(JSON.stringify({ url: path, exp: expires })).toString('base64url')
    return `${claims}.${createHmac('sha256', secretKey).update(claims).digest('base64url')}`
  }
  const checkToken = (given: string, path: string) => {
    const { exp, url: signed } = JSON.parse(
      String(Buffer.from(given.split('.')[0] ?? '', 'base64url')) || '{}',
    )
    if (given !== token(signed, exp)) throw new Refusal(400, 'InvalidJWT', 'signature verification failed')
    if (exp < Date.now()) throw new Refusal(400, 'InvalidJWT', '"exp" claim timestamp check failed')
    if (signed !== path) throw new Refusal(400, 'InvalidSignature', 'Invalid signature')
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError', String(error))
      refuse(response, refusal, !options.withoutCodes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    get secretKey() {
      return secretKey
    },
    changeKey: () => {
      secretKey = newKey()
    },
    objects,
    buckets,
    faults,
    count,
    forgetUploads: resumable.forget,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const ROUTES: readonly [method: string, route: RegExp, operation: Operation][] = [
  ['GET', /^bucket\/([^/]+)$/, 'bucket'],
  ['POST', /^bucket\/?()$/, 'create-bucket'],
  ['POST', /^upload\/resumable\/?()$/, 'part-create'],
  ['HEAD', /^upload\/resumable\/(.+)$/, 'part-offset'],
  ['PATCH', /^upload\/resumable\/(.+)$/, 'part'],
  ['GET', /^object\/info\/(?:authenticated\/)?(.+)$/, 'info'],
  ['POST', /^object\/list\/([^/]+)$/, 'list'],
  ['POST', /^object\/sign\/(.+)$/, 'sign'],
  ['GET', /^object\/sign\/(.+)$/, 'open-link'],
  ['GET', /^object\/(?:authenticated\/)?(.+)$/, 'read'],
  ['POST', /^object\/(.+)$/, 'upload'],
  ['PUT', /^object\/(.+)$/, 'upload'],
  ['DELETE', /^object\/([^/]+)$/, 'remove'],
]

function routed(method: string, route: string): { operation: Operation; path: string } {
  for (const [wanted, pattern, operation] of ROUTES) {
    const path = wanted === method ? pattern.exec(route)?.[1] : undefined
    if (path !== undefined) return { operation, path }
  }
  throw new Refusal(404, 'Error', `Route ${method}:/${route} not found`, true)
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes, contentType, cacheControl }: StoredObject,
  cutAt: number,
): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const start = Number(range?.[1] ?? 0)
  const end = Math.min(range?.[2] ? Number(range[2]) : bytes.length - 1, bytes.length - 1)
  if (range && start > end) throw new Refusal(416, 'InvalidRange', 'The requested range is not satisfiable')
  const part = bytes.subarray(start, end + 1)
  response.writeHead(range ? 206 : 200, {
    'accept-ranges': 'bytes',
    'content-type': contentType,
    'content-length': part.length,
    'cache-control': cacheControl,
    ...(range && { 'content-range': `bytes ${start}-${end}/${bytes.length}` }),
  })
  if (part.length <= cutAt) return void response.end(part)
  response.write(part.subarray(0, cutAt), () => response.destroy())
}
