import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDiskFull, ProviderError, reasonOf, userError } from '../../core/errors.ts'

export interface DownloadOptions {
  /** Exact hosts, with a port where it isn't the protocol's own, or `*.example.com` for every host below it. */
  allowedHosts: readonly string[]
  /** Lets loopback addresses through: only where the provider's own address is one. */
  allowLoopback: boolean
  maxBytes: number
  signal: AbortSignal
  /** The first pause before it is tried again, in milliseconds; it doubles each time. */
  pause?: number
  /** The longest silence that is borne, in milliseconds. */
  idle?: number
  fetch?: typeof fetch
}

const TRIES = 5
const MOST_REDIRECTS = 3

/** One file on its way: what is on disk, and what it needs to go on from there. */
interface Transfer {
  file: FileHandle
  size: number
  /** A strong ETag, by which the server can tell that the rest belongs to what we have. */
  etag: string | null
}

/**
 * Brings a clip to `path`, which is the whole file or isn't there. A transfer that is cut goes on where it ended when the
 * server can, else from the start. Redirects lead to allowed hosts alone.
 *
 * Throws `ProviderError` (`rejected`: the address is refused, there is no such file, or it is too large; `transient`: it
 * could not be brought whole), `UserError` `disk_full`, or the signal's reason.
 */
export async function downloadClip(url: string, path: string, options: DownloadOptions): Promise<void> {
  const { signal, pause = 1000 } = options
  const address = allowedAddress(url, options)
  const part = `${path}.${randomUUID()}.part`
  const file = await onDisk(path, () => open(part, 'wx'))
  try {
    const transfer: Transfer = { file, size: 0, etag: null }
    for (let tries = 1; ; tries += 1) {
      try {
        await transferRest(address, transfer, path, options)
        break
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof ProviderError) || error.kind === 'rejected' || tries >= TRIES) throw error
      }
      await sleep(pause * 2 ** (tries - 1), undefined, { signal })
    }
    await onDisk(path, () => file.sync())
    await file.close()
    await rename(part, path)
  } finally {
    await file.close().catch(() => {})
    await rm(part, { force: true })
  }
}

/** Whether an address is one of this machine's own. */
export function isLoopback(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** The address, if a clip may come from there. Throws `ProviderError` `rejected`. */
function allowedAddress(given: string, { allowedHosts, allowLoopback }: DownloadOptions): URL {
  const refuse = (why: string) => new ProviderError('rejected', `The clip's address is refused: ${why}`)
  if (!URL.canParse(given)) throw refuse('it is no address')
  const url = new URL(given)
  url.hash = ''
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse(`${url.protocol} is not http(s)`)
  if (url.username || url.password) throw refuse('it holds a user name')
  const allowed = allowedHosts.some((host) =>
    host.startsWith('*.') ? url.port === '' && url.hostname.endsWith(host.slice(1)) : url.host === host,
  )
  if (allowed || (allowLoopback && isLoopback(url.href))) return url
  throw refuse(`${url.host} is not one of the provider's media hosts (MEDIA_HOSTS adds others)`)
}

async function transferRest(
  address: URL,
  to: Transfer,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const { signal, maxBytes, idle = 30_000 } = options
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error(`nothing came for ${idle / 1000} s`)), idle)
  try {
    const limits = AbortSignal.any([signal, silence.signal])
    const response = await connect(address, to, limits, options)
    const total = await accept(response, to, path)
    if (total !== null && total > maxBytes) throw tooLarge(maxBytes)
    const chunks = response.body?.getReader()
    for (;;) {
      const chunk = (await online(async () => chunks?.read()))?.value
      if (chunk === undefined) break
      timer.refresh()
      if (to.size + chunk.byteLength > maxBytes) throw tooLarge(maxBytes)
      await onDisk(path, () => append(to, chunk))
    }
    if (to.size === 0) throw cutShort('it is empty')
    if (total !== null && to.size !== total) throw cutShort(`${to.size} of ${total} bytes came`)
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

async function append(to: Transfer, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.byteLength; ) {
    const { bytesWritten } = await to.file.write(chunk, written, chunk.byteLength - written, to.size)
    written += bytesWritten
    to.size += bytesWritten
  }
}

/** Follows redirects by hand, each to an allowed host, and throws for every answer that is no file. */
async function connect(
  from: URL,
  to: Transfer,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<Response> {
  // compressed, its length could not be checked
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  if (to.size > 0 && to.etag !== null)
    Object.assign(headers, { range: `bytes=${to.size}-`, 'if-range': to.etag })
  const load = options.fetch ?? fetch
  let address = from
  for (let redirects = 0; ; redirects += 1) {
    const here = address
    const response = await online(() => load(here, { headers, redirect: 'manual', signal }))
    const location = response.headers.get('location')
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel()
      if (redirects >= MOST_REDIRECTS)
        throw new ProviderError('rejected', "The clip's address only leads elsewhere")
      address = allowedAddress(new URL(location, address).href, options)
      continue
    }
    if (response.status === 200 || response.status === 206) return response
    await response.body?.cancel()
    const message = `The clip could not be downloaded: ${address.host} answered ${response.status}`
    const passing = response.status >= 500 || [408, 416, 425, 429].includes(response.status)
    if (response.status === 416) to.etag = null
    throw new ProviderError(passing ? 'transient' : 'rejected', message)
  }
}

/** Takes up a transfer where it ended, or starts it anew. Returns the file's size where the server says it. */
async function accept(response: Response, to: Transfer, path: string): Promise<number | null> {
  const { headers, status } = response
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  if (status === 206) {
    if (Number(start) === to.size && to.etag !== null) return Number(total)
    to.etag = null
    throw cutShort('the rest did not fit to its beginning')
  }
  to.size = 0
  await onDisk(path, () => to.file.truncate(0))
  const etag = headers.get('etag')
  to.etag = etag?.startsWith('"') ? etag : null
  const length = headers.get('content-length')
  const encoded = (headers.get('content-encoding') ?? 'identity') !== 'identity'
  return length === null || encoded ? null : Number(length)
}

function cutShort(why: string, cause?: unknown): ProviderError {
  return new ProviderError('transient', `The clip's download was cut short: ${why}`, { cause })
}

function tooLarge(maxBytes: number): ProviderError {
  return new ProviderError('rejected', `The clip is larger than ${maxBytes} bytes`)
}

/** Whatever breaks on the network may work the next time. */
async function online<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw cutShort(reasonOf(error), error)
  }
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isDiskFull(error) ? userError('disk_full', { path: dirname(path) }, { cause: error }) : error
  }
}
