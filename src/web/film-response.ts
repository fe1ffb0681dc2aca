import type { Context } from 'hono'
import { stream } from 'hono/streaming'
import type { ObjectStore } from '../core/ports.ts'

/** How long a link to the store works that a player is sent to, in seconds: longer than anybody watches a film. */
const LINK_SECONDS = 3600

const TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  jpg: 'image/jpeg',
  webp: 'image/webp',
}

/**
 * A film's file, or one beside it: from this machine, whole or the part that a player asks for (RFC 9110, 14), or a redirect to a fresh
 * link where the store is elsewhere.
 */
export async function filmResponse(
  c: Context,
  objects: Pick<ObjectStore, 'file' | 'link' | 'read' | 'size'>,
  { key }: { key: string },
  name: string,
  as: 'inline' | 'attachment' = 'inline',
): Promise<Response> {
  c.header('cache-control', 'private, no-cache')
  if (objects.file(key) === null)
    return c.redirect(await objects.link(key, { seconds: LINK_SECONDS, name }), 302)
  const size = await objects.size(key)
  if (size === null) return c.body(null, 404)
  const etag = `"${key.replace(/[^\w.-]/g, '-')}-${size}"`
  c.header('etag', etag)
  c.header('accept-ranges', 'bytes')
  c.header('content-type', TYPES[key.slice(key.lastIndexOf('.') + 1)] ?? 'application/octet-stream')
  c.header('content-disposition', `${as}; filename="${name.replace(/[^\w.-]/g, '_')}"`)
  if (c.req.header('if-none-match') === etag) return c.body(null, 304)
  const condition = c.req.header('if-range')
  const range = condition === undefined || condition === etag ? rangeOf(c.req.header('range'), size) : null
  if (range === 'unsatisfiable') {
    c.header('content-range', `bytes */${size}`)
    return c.body(null, 416)
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  if (range !== null) c.header('content-range', `bytes ${start}-${end}/${size}`)
  c.header('content-length', String(end - start + 1))
  c.status(range === null ? 200 : 206)
  if (c.req.method === 'HEAD') return c.body(null)
  const parts = await objects.read(key, { start, end })
  return stream(c, async (out) => {
    for await (const part of parts) {
      // a player stops reading when it jumps
      if (out.aborted) return
      await out.write(part)
    }
  })
}

/** The bytes that a header asks for; null: all of them, as for several ranges at once, which no player needs. */
function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return null
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start >= size || (first === '' && Number(last) === 0)) return 'unsatisfiable'
  return end < start ? null : { start, end }
}
