import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type UserError, userError } from '../core/errors.ts'
import { IMAGE } from '../core/request.ts'

/** What is known of a picture before it is fetched: bytes, pixels. */
export interface GivenPicture {
  name: string
  size: number
  contentType: string | null
  width: number | null
  height: number | null
}

/** A picture that is on its way. */
export interface FetchedPicture {
  /** Where it is as soon as it is there. Rejects with `UserError` `image_…`, and with what may work later, such as a host that is down. */
  path: Promise<string>
  /** Removes it, once it is there. */
  remove(): Promise<void>
}

const FETCH_TIMEOUT_MS = 30_000

const ENDINGS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
}

/** Refuses a picture by what is known of it before it is fetched. Throws `UserError` `image_…`. */
export function checkPicture({ name, size, contentType, width, height }: GivenPicture): void {
  if (size > IMAGE.bytesMax) throw userError('image_too_large', { given: size, max: IMAGE.bytesMax })
  const type = contentType?.split(';')[0]
  if (type !== undefined && !Object.hasOwn(ENDINGS, type)) throw unreadablePicture(name)
  if (width !== null && height !== null && Math.min(width, height) < IMAGE.sideMin) {
    throw userError('image_too_small', { width, height, min: IMAGE.sideMin })
  }
}

/** Begins to fetch a picture by what `open` opens, and never more bytes than are allowed. `stopping` ends it. */
export function fetchPicture(
  { contentType }: Pick<GivenPicture, 'contentType'>,
  open: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>,
  stopping: AbortSignal,
): FetchedPicture {
  const folder = mkdtemp(join(tmpdir(), 'sora-image-'))
  const fetched = async () => {
    const path = join(await folder, `image.${ENDINGS[contentType?.split(';')[0] ?? ''] ?? 'png'}`)
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(FETCH_TIMEOUT_MS)])
    await pipeline(limited(await open(signal)), createWriteStream(path))
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

/** What a chat's own host answers with for a picture. Throws `image_unreadable` where it has none, and what may work later where it is down. */
export function bodyOf(name: string, answer: Response): AsyncIterable<Uint8Array> {
  if (answer.ok && answer.body !== null) return answer.body
  throw noPicture(name, new URL(answer.url).hostname, answer.status)
}

/** The error for a host's answer without a picture: one that is down says nothing of the picture. */
export function noPicture(name: string, host: string, status: number | undefined): Error {
  const cause = new Error(`${host} answered ${status}`)
  return status !== undefined && status >= 500 ? cause : unreadablePicture(name, cause)
}

/** The error for a picture that can't be had or read. */
export function unreadablePicture(name: string, cause?: unknown): UserError {
  return userError('image_unreadable', { given: name, allowed: IMAGE.kinds }, { cause })
}

async function* limited(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const part of parts) {
    bytes += part.length
    if (bytes > IMAGE.bytesMax) throw userError('image_too_large', { given: bytes, max: IMAGE.bytesMax })
    yield part
  }
}
