import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { Hono } from 'hono'

/** Where a page finds its styles, script and icon: addresses that change with what is in the files. */
export interface AssetLinks {
  styles: readonly string[]
  script: string
  icon: string
}

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const STYLES = ['base.css', 'controls.css', 'ask.css', 'job.css', 'films.css']

const FOLDER = new URL('./public/', import.meta.url)

/** The pages' own files, read once. A browser keeps them for a year; other contents have another address. */
export function createAssets(): { links: AssetLinks; routes: Hono } {
  const files = readdirSync(FOLDER)
    .filter((name) => extname(name) in TYPES)
    .map((name) => ({ name, content: readFileSync(new URL(name, FOLDER)) }))
  const hash = createHash('sha256')
  for (const { name, content } of files) hash.update(name).update(content)
  const tag = hash.digest('base64url').slice(0, 16)
  const routes = new Hono()
  const path = (name: string) => `/assets/${tag}/${name}`
  for (const { name, content } of files) {
    const headers = {
      'content-type': TYPES[extname(name)] ?? '',
      'cache-control': 'public, max-age=31536000, immutable',
      etag: `"${tag}"`,
    }
    routes.get(path(name), (c) =>
      c.req.header('if-none-match') === headers.etag
        ? c.body(null, 304, headers)
        : c.body(new Uint8Array(content), 200, headers),
    )
  }
  return { links: { styles: STYLES.map(path), script: path('page.js'), icon: path('icon.svg') }, routes }
}
