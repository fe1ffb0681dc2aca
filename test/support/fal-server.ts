import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { clipOf, type MakeClip } from './fal-clip.ts'
import { complaintsOf, ENDPOINTS } from './fal-endpoints.ts'

/** Where a fault can be put: the next request that comes there meets it. */
type Point = 'initiate' | 'upload' | 'submit' | 'status' | 'result' | 'cancel' | 'list' | 'download'

/** A door that a request waits at: `arrived` when one stands there, until `release`. */
interface Hold {
  arrived: Promise<void>
  release(): void
}

/**
 * What goes wrong with one request. `accept`, at `submit`: the request is taken in (and paid) before it goes wrong;
 * a hold always takes it in.
 */
export type Fault =
  | { answer: number; body?: unknown; headers?: Record<string, string>; accept?: boolean }
  | { drop: 'at once' | 'in the body'; accept?: boolean }
  | { hold: Hold & { stand(): Promise<void> } }
  | { cutAfter: number }

/** How a request ends. `steps` is what its status says before that, one for each time it is asked; `ms` how long it is at work instead. */
interface Outcome {
  steps?: readonly (number | 'running')[]
  ms?: number
  never?: boolean
  answer?: { status: number; body: unknown; headers?: Record<string, string> }
  /** How the clip differs from what was asked for, or what makes it instead. */
  clip?: 'no video' | { width?: number; height?: number; fps?: number; sound?: boolean } | MakeClip
  units?: string | null
}

/** A request that was taken in, which is what fal is paid for. */
interface AcceptedRequest {
  id: string
  endpoint: string
  input: Record<string, unknown>
  sentAt: Date
  looks: number
  listings: number
  cancelled: boolean
  /** Somebody has been told that it is over. */
  told: boolean
  outcome: Outcome
}

const UNTOUCHED = { looks: 0, listings: 0, cancelled: false, told: false }

const USUAL_STEPS: NonNullable<Outcome['steps']> = [1, 0, 'running']

export interface FalServerOptions {
  key?: string
  /** How clips are made: shorter or smaller ones than asked for make tests fast. */
  clip?: { seconds?: number; scale?: number }
  /** What happens to requests that `outcomes` has none for. */
  outcome?: Outcome
  /** How often the list is read before a new request shows in it. */
  unlistedFor?: number
}

/** A stand-in for fal on loopback, which refuses what fal refuses. */
export interface FalServer {
  /** Without a slash at the end. `url` is also where the list and the live schemas are. */
  url: string
  /** What `createFalModel` and the configuration take. */
  deps: { key: string; queueUrl: string; restUrl: string; apiUrl: string; mediaHosts: readonly string[] }
  env: Record<string, string>
  accepted: AcceptedRequest[]
  /** How many requests were paid for each prompt. */
  paid(): Record<string, number>
  /** Most requests that had been taken in and that nobody had been told the end of, at the same time. */
  mostAtOnce(): number
  /** Method and path of everything that came, in order. */
  seen: string[]
  fault(point: Point, ...faults: Fault[]): void
  hold(point: Point): Hold
  /** How the next requests end, in order. */
  outcomes: Outcome[]
  /** Live schemas for `npm run models -- --check`, by endpoint. */
  schemas: Map<string, unknown>
  close(): Promise<void>
}

export async function startFalServer(options: FalServerOptions = {}): Promise<FalServer> {
  const key = options.key ?? `fal-key-${randomUUID()}`
  const faults = new Map<Point, Fault[]>()
  const files = new Map<string, { bytes: Buffer | null; type: string }>()
  const accepted: AcceptedRequest[] = []
  const outcomes: Outcome[] = []
  const seen: string[] = []
  const schemas = new Map<string, unknown>()
  let url = ''
  let most = 0

  const server = createServer((request, response) => {
    serve(request, response).catch((error) => {
      if (!response.headersSent) json(response, 500, { detail: `stand-in: ${String(error)}` })
      else response.destroy()
    })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request
    const where = new URL(path, url)
    const body = await bytesOf(request)
    seen.push(`${method} ${where.pathname}`)
    if (where.pathname === '/api/openapi/queue/openapi.json') return liveSchema(where, response)
    if (where.pathname.startsWith('/media/')) return media(request, where, body, response)
    if (request.headers.authorization !== `Key ${key}`) {
      return json(response, 401, {
        detail: `Cannot access application with ${request.headers.authorization}`,
      })
    }
    if (method === 'POST' && where.pathname === '/rest/storage/upload/initiate')
      return initiate(body, response)
    if (method === 'GET' && where.pathname === '/v1/models/requests/by-endpoint') return list(where, response)
    if (where.pathname.startsWith('/queue/')) return queue(method, where, body, response)
    json(response, 404, { detail: 'Not Found' })
  }

  /** Lets a request meet the next fault of its point. True where that has answered it. */
  async function faulted(
    point: Point,
    response: ServerResponse,
    accept?: () => AcceptedRequest,
  ): Promise<boolean> {
    const fault = faults.get(point)?.shift()
    if (!fault || 'cutAfter' in fault) return false
    if ('hold' in fault) {
      const taken = accept?.()
      await fault.hold.stand()
      if (taken) json(response, 200, submitted(taken))
      return taken !== undefined
    }
    if (fault.accept) accept?.()
    if ('answer' in fault)
      json(response, fault.answer, fault.body ?? { detail: 'Bad Gateway' }, fault.headers)
    else if (fault.drop === 'at once') response.destroy()
    else {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 })
      response.write('{"request_id":')
      setImmediate(() => response.destroy())
    }
    return true
  }

  async function initiate(body: Buffer, response: ServerResponse): Promise<void> {
    if (await faulted('initiate', response)) return
    const { file_name, content_type } = JSON.parse(body.toString()) as Record<string, string>
    if (!file_name || !content_type) return json(response, 422, { detail: 'file_name and content_type' })
    const path = `/media/files/${randomUUID().slice(0, 8)}_${file_name}`
    files.set(path, { bytes: null, type: content_type })
    json(response, 200, { upload_url: `${url}${path}?signature=s`, file_url: `${url}${path}` })
  }

  async function media(
    request: IncomingMessage,
    where: URL,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const file = files.get(where.pathname)
    if (!file) return json(response, 404, { detail: 'Not Found' })
    if (request.method === 'PUT') {
      if (await faulted('upload', response)) return
      file.bytes = body
      return json(response, 200, {})
    }
    const next = faults.get('download')?.[0]
    const cutAfter = next && 'cutAfter' in next ? next.cutAfter : null
    if (cutAfter !== null) faults.get('download')?.shift()
    else if (await faulted('download', response)) return
    const bytes = file.bytes ?? Buffer.alloc(0)
    const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const partly = from > 0 && from < bytes.length && request.headers['if-range'] === etag
    const rest = bytes.subarray(partly ? from : 0)
    const range = partly ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}
    const headers = { 'content-type': file.type, 'content-length': rest.length, etag, ...range }
    response.writeHead(partly ? 206 : 200, headers)
    if (cutAfter === null) return void response.end(rest)
    response.write(rest.subarray(0, cutAfter), () => setImmediate(() => response.destroy()))
  }

  async function queue(method: string, where: URL, body: Buffer, response: ServerResponse): Promise<void> {
    const path = where.pathname.slice('/queue/'.length)
    const [, app, id, what] = /^([^/]+\/[^/]+)\/requests\/([^/]+)(?:\/(status|cancel))?$/.exec(path) ?? []
    if (id !== undefined) {
      const known = accepted.find((one) => one.id === id && one.endpoint.startsWith(app ?? ''))
      if (!known) return json(response, 404, { detail: 'Request not found' })
      if (method === 'GET' && what === 'status') return status(known, response)
      if (method === 'GET' && what === undefined) return result(known, response)
      if (method === 'PUT' && what === 'cancel') return cancel(known, response)
      return json(response, 405, { detail: 'Method Not Allowed' })
    }
    const endpoint = ENDPOINTS[path]
    if (method !== 'POST' || !endpoint)
      return json(response, 404, { detail: `Application "${path}" not found` })
    const input = JSON.parse(body.toString()) as Record<string, unknown>
    const complaints = complaintsOf(endpoint, input)
    if (complaints.length > 0) return json(response, 422, { detail: complaints })
    for (const [field, value] of Object.entries(input)) {
      if (!field.endsWith('image_url') || openingOf(value)) continue
      const msg = `Failed to download the file from ${value}`
      return json(response, 422, { detail: [{ loc: ['body', field], msg, type: 'file_download_error' }] })
    }
    const accept = (): AcceptedRequest => {
      const outcome = outcomes.shift() ?? options.outcome ?? {}
      const taken = { endpoint: path, input, outcome, sentAt: new Date(), ...UNTOUCHED }
      accepted.push({ id: randomUUID(), ...taken })
      most = Math.max(most, accepted.filter(isOpen).length)
      return accepted.at(-1) ?? { id: '', ...taken }
    }
    if (await faulted('submit', response, accept)) return
    json(response, 200, submitted(accept()))
  }

  function submitted({ id, endpoint }: AcceptedRequest) {
    const base = `${url}/queue/${endpoint.split('/').slice(0, 2).join('/')}/requests/${id}`
    return {
      request_id: id,
      status_url: `${base}/status`,
      response_url: base,
      cancel_url: `${base}/cancel`,
      queue_position: 0,
    }
  }

  async function status(one: AcceptedRequest, response: ServerResponse): Promise<void> {
    if (await faulted('status', response)) return
    const step = stepOf(one)
    one.looks += 1
    const about = { request_id: one.id, response_url: submitted(one).response_url }
    if (one.cancelled || step === undefined) {
      one.told = true
      return json(response, 200, { ...about, status: 'COMPLETED', metrics: {} })
    }
    if (step === 'running') return json(response, 202, { ...about, status: 'IN_PROGRESS', logs: null })
    json(response, 202, { ...about, status: 'IN_QUEUE', queue_position: step })
  }

  async function result(one: AcceptedRequest, response: ServerResponse): Promise<void> {
    if (await faulted('result', response)) return
    const { answer, clip, units } = one.outcome
    if (one.cancelled) return json(response, 400, { detail: 'Request was cancelled' })
    if (answer) return json(response, answer.status, answer.body, answer.headers)
    const seconds = Number.parseInt(String(one.input.duration), 10)
    const path = `/media/files/${one.id}_output.mp4`
    if (!files.has(path)) {
      const bytes = clip === 'no video' ? Buffer.from('<html>not a video</html>') : await clipFor(one, clip)
      files.set(path, { bytes, type: 'video/mp4' })
    }
    const billed: Record<string, string> =
      units === null ? {} : { 'x-fal-billable-units': units ?? `${seconds}` }
    const video = { url: `${url}${path}`, content_type: 'video/mp4', file_name: 'output.mp4' }
    json(response, 200, { video, seed: one.input.seed ?? 7 }, { 'x-fal-request-id': one.id, ...billed })
  }

  function clipFor(
    { input, endpoint }: AcceptedRequest,
    outcome: Exclude<Outcome['clip'], 'no video'>,
  ): Promise<Buffer> {
    const [make, changed] = typeof outcome === 'function' ? [outcome, undefined] : [clipOf, outcome]
    const opening = openingOf(input.image_url ?? input.start_image_url)
    const short = Number.parseInt(String(input.resolution ?? (endpoint.includes('/pro/') ? 1080 : 720)), 10)
    // a PNG has its size at byte 16
    const wanted = opening
      ? [opening.readUInt32BE(16), opening.readUInt32BE(20)]
      : String(input.aspect_ratio ?? '16:9')
          .split(':')
          .map(Number)
    const [across = 16, down = 9] = wanted
    const unit = (short * (options.clip?.scale ?? 1)) / Math.min(across, down)
    const even = (side: number) => Math.round((side * unit) / 2) * 2
    return make({
      opening,
      width: changed?.width ?? even(across),
      height: changed?.height ?? even(down),
      seconds: options.clip?.seconds ?? Number.parseInt(String(input.duration), 10),
      fps: changed?.fps ?? 24,
      sound: changed?.sound ?? input.generate_audio !== false,
    })
  }

  async function cancel(one: AcceptedRequest, response: ServerResponse): Promise<void> {
    if (await faulted('cancel', response)) return
    if (stepOf(one) === undefined) return json(response, 400, { status: 'ALREADY_COMPLETED' })
    one.cancelled = true
    json(response, 202, { status: 'CANCELLATION_REQUESTED' })
  }

  async function list(where: URL, response: ServerResponse): Promise<void> {
    if (await faulted('list', response)) return
    const ask = where.searchParams
    const limit = Number(ask.get('limit') ?? 50)
    const start = Date.parse(ask.get('start') ?? new Date(Date.now() - 24 * 3600_000).toISOString())
    if (!ask.get('endpoint_id') || !(limit >= 1 && limit <= 100) || Number.isNaN(start)) {
      return json(response, 422, { detail: 'endpoint_id, limit and start' })
    }
    const page = Number(ask.get('cursor') ?? 0)
    const all = accepted.filter(
      (one) => one.endpoint === ask.get('endpoint_id') && one.sentAt.getTime() >= start,
    )
    for (const one of all) one.listings += 1
    const shown = all.filter((one) => one.listings > (options.unlistedFor ?? 0)).reverse()
    const items = shown.slice(page * limit, (page + 1) * limit).map(({ id, endpoint, sentAt, input }) => ({
      request_id: id,
      endpoint_id: endpoint,
      sent_at: sentAt.toISOString(),
      started_at: sentAt.toISOString(),
      ...(ask.get('expand') === 'payloads' ? { json_input: input } : {}),
    }))
    const more = shown.length > (page + 1) * limit
    json(response, 200, { items, next_cursor: more ? `${page + 1}` : null, has_more: more })
  }

  function liveSchema(where: URL, response: ServerResponse): void {
    const document = schemas.get(where.searchParams.get('endpoint_id') ?? '')
    json(response, document === undefined ? 404 : 200, document ?? { detail: 'Not Found' })
  }

  /** The picture behind an address, if it was uploaded here. */
  function openingOf(address: unknown): Buffer | null {
    if (typeof address !== 'string' || !URL.canParse(address)) return null
    return files.get(new URL(address).pathname)?.bytes ?? null
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  url = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`
  const deps = { key, queueUrl: `${url}/queue`, restUrl: `${url}/rest`, apiUrl: url, mediaHosts: [] }

  return {
    url,
    deps,
    env: { FAL_KEY: key, FAL_QUEUE_URL: deps.queueUrl, FAL_REST_URL: deps.restUrl, FAL_API_URL: url },
    accepted,
    paid() {
      const prompts = Object.groupBy(accepted, ({ input }) => String(input.prompt))
      return Object.fromEntries(Object.entries(prompts).map(([prompt, all]) => [prompt, all?.length ?? 0]))
    },
    mostAtOnce: () => most,
    seen,
    outcomes,
    schemas,
    fault(point, ...more) {
      faults.set(point, [...(faults.get(point) ?? []), ...more])
    },
    hold(point) {
      const arrived = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      const door = { arrived: arrived.promise, release: released.resolve }
      const stand = () => {
        arrived.resolve()
        return released.promise
      }
      faults.set(point, [...(faults.get(point) ?? []), { hold: { ...door, stand } }])
      return door
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

function isOpen({ cancelled, told }: AcceptedRequest): boolean {
  return !cancelled && !told
}

/** What its status says now; undefined: it is over. */
function stepOf({ looks, sentAt, outcome }: AcceptedRequest): number | 'running' | undefined {
  const { steps = USUAL_STEPS, ms, never } = outcome
  if (never) return 'running'
  if (ms === undefined) return steps[looks]
  return Date.now() - sentAt.getTime() < ms ? 'running' : undefined
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
