import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { UserError, userError } from '../core/errors.ts'
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
  /** Where it is as soon as it is there. Rejects with `UserError` `image_…`. */
  path: Promise<string>
  /** Removes it, once it is there. */
  remove(): Promise<void>
}

const ENDINGS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
}

/** Refuses a picture by what is known of it before it is fetched. Throws `UserError` `image_…`. */
export function checkPicture({ name, size, contentType, width, height }: GivenPicture): void {
  if (size > IMAGE.bytesMax) throw userError('image_too_large', { given: size, max: IMAGE.bytesMax })
  const type = contentType?.split(';')[0]
  if (type !== undefined && !(type in ENDINGS)) throw unreadablePicture(name)
  if (width !== null && height !== null && Math.min(width, height) < IMAGE.sideMin) {
    throw userError('image_too_small', { width, height, min: IMAGE.sideMin })
  }
}

/** Begins to fetch a picture by what `open` opens, and never more bytes than are allowed. */
export function fetchPicture(
  { name, contentType }: Pick<GivenPicture, 'name' | 'contentType'>,
  open: () => Promise<AsyncIterable<Uint8Array>>,
): FetchedPicture {
  const folder = mkdtemp(join(tmpdir(), 'sora-image-'))
  const fetched = async () => {
    const path = join(await folder, `image.${ENDINGS[contentType?.split(';')[0] ?? ''] ?? 'png'}`)
    try {
      await pipeline(limited(await open()), createWriteStream(path))
    } catch (error) {
      throw error instanceof UserError ? error : unreadablePicture(name, error)
    }
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
