import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { userError } from '../../core/errors.ts'
import { IMAGE } from '../../core/request.ts'

/** What an attachment says of itself: bytes, pixels. */
export interface AttachedImage {
  name: string
  url: string
  size: number
  contentType: string | null
  width: number | null
  height: number | null
}

const ENDINGS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
}

/** Where Discord keeps what people attach. */
const HOSTS = ['cdn.discordapp.com', 'media.discordapp.net']

const FETCH_TIMEOUT_MS = 30_000

/** Refuses a picture by what is known of it before it is fetched. Throws `UserError` `image_…`. */
export function checkAttachedImage({ name, size, contentType, width, height }: AttachedImage): void {
  if (size > IMAGE.bytesMax) throw userError('image_too_large', { given: size, max: IMAGE.bytesMax })
  const type = contentType?.split(';')[0]
  if (type !== undefined && !Object.hasOwn(ENDINGS, type)) throw unreadable(name)
  if (width !== null && height !== null && Math.min(width, height) < IMAGE.sideMin) {
    throw userError('image_too_small', { width, height, min: IMAGE.sideMin })
  }
}

/** A picture that is on its way. */
export interface FetchedImage {
  /** Where it is as soon as it is there. Rejects with `UserError` `image_…`, and with what may work later: a host that is down. */
  path: Promise<string>
  /** Removes it, once it is there. */
  remove(): Promise<void>
}

/**
 * Begins to fetch a picture: from Discord's own hosts alone, and from that of `apiUrl`, without following anywhere else; never more
 * bytes than are allowed. `stopping` ends it.
 */
export function fetchAttachedImage(
  image: AttachedImage,
  apiUrl: string,
  stopping: AbortSignal,
): FetchedImage {
  const folder = mkdtemp(join(tmpdir(), 'sora-image-'))
  const fetched = async () => {
    const path = join(await folder, `image.${ENDINGS[image.contentType?.split(';')[0] ?? ''] ?? 'png'}`)
    await fetchImage(image, apiUrl, path, AbortSignal.any([stopping, AbortSignal.timeout(FETCH_TIMEOUT_MS)]))
    return path
  }
  const path = fetched()
  return {
    path,
    async remove() {
      await path.catch(() => {})
      await rm(await folder, { recursive: true, force: true })
    },
  }
}

async function fetchImage(
  { name, url }: AttachedImage,
  apiUrl: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const address = URL.parse(url)
  const api = new URL(apiUrl)
  const isDiscords = address?.protocol === 'https:' && address.port === '' && HOSTS.includes(address.hostname)
  if (address === null || !(isDiscords || address.origin === api.origin)) throw unreadable(name)
  const answer = await fetch(address, { redirect: 'manual', signal })
  if (!answer.ok || answer.body === null) {
    const cause = new Error(`${address.hostname} answered ${answer.status}`)
    // a host that is down says nothing of the picture
    throw answer.status >= 500 ? cause : unreadable(name, cause)
  }
  await pipeline(limited(answer.body), createWriteStream(path))
}

async function* limited(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const part of parts) {
    bytes += part.length
    if (bytes > IMAGE.bytesMax) throw userError('image_too_large', { given: bytes, max: IMAGE.bytesMax })
    yield part
  }
}

function unreadable(name: string, cause?: unknown): Error {
  return userError('image_unreadable', { given: name, allowed: IMAGE.kinds }, { cause })
}
