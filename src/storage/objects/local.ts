import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ObjectStore } from '../../core/ports.ts'

/** What a valid link stands for. */
export interface OpenedLink {
  key: string
  name: string
}

/** How the name of a file ends that is still being written. */
const PART = '.part'

/** An object store in a folder. Its links go to `<publicUrl>/objects/<key>` and are signed with the folder's secret. */
export interface LocalObjects extends ObjectStore {
  /** The object behind a link; null where it was forged, changed or has expired. */
  openLink(url: string): OpenedLink | null
}

/** Makes the store; `now` in milliseconds. A file is linked into place where the disk allows it, else copied. */
export function createLocalObjects(deps: {
  root: string
  secret: Buffer
  publicUrl: string
  now: () => number
}): LocalObjects {
  const path = (key: string) => join(deps.root, checked(key))
  const sign = (key: string, expires: number, name: string) =>
    createHmac('sha256', deps.secret).update(`${key}\n${expires}\n${name}`).digest('base64url')

  return {
    async put(key, file, { signal }) {
      signal.throwIfAborted()
      const target = path(key)
      const part = `${target}.${randomUUID()}${PART}`
      await mkdir(dirname(target), { recursive: true })
      try {
        await link(file, part).catch(() => copyFile(file, part))
        const handle = await open(part, 'r+')
        await handle.sync().finally(() => handle.close())
        await rename(part, target)
        // renaming one name of a file onto another of the same file leaves both
        await rm(part, { force: true })
        await syncFolder(dirname(target))
      } catch (error) {
        await rm(part, { force: true })
        throw error
      }
    },
    size: (key) =>
      stat(path(key)).then(
        (found) => (found.isFile() ? found.size : null),
        () => null,
      ),
    read: async (key, range) => {
      const handle = await open(path(key))
      return createReadStream('', { fd: handle, ...range })
    },
    async link(key, { seconds, name }) {
      const expires = Math.floor(deps.now() / 1000) + seconds
      const signature = sign(checked(key), expires, name)
      const query = new URLSearchParams({ expires: String(expires), name, signature })
      return `${deps.publicUrl.replace(/\/$/, '')}/objects/${key}?${query}`
    },
    openLink(url) {
      const parsed = URL.parse(url, deps.publicUrl)
      if (!parsed) return null
      const { pathname, searchParams } = parsed
      const key = pathname.slice(pathname.indexOf('/objects/') + '/objects/'.length)
      const expires = Number(searchParams.get('expires'))
      const name = searchParams.get('name') ?? ''
      // compared as text: base64url has several texts for the same bytes
      const given = Buffer.from(searchParams.get('signature') ?? '')
      if (!KEY.test(key) || !(expires * 1000 > deps.now())) return null
      const expected = Buffer.from(sign(key, expires, name))
      return given.length === expected.length && timingSafeEqual(given, expected) ? { key, name } : null
    },
    file: path,
    async list(beginning) {
      const folder = checked(beginning.slice(0, beginning.lastIndexOf('/')))
      const names = await readdir(join(deps.root, folder)).catch(() => [])
      return names
        .map((name) => `${folder}/${name}`)
        .filter((key) => key.startsWith(beginning) && !key.endsWith(PART))
    },
    async remove(key) {
      const target = path(key)
      const names = await readdir(dirname(target)).catch(() => [])
      // what a killed process had half written of it goes too
      const parts = names.filter((name) => name.endsWith(PART) && partOf(name) === basename(target))
      for (const name of [basename(target), ...parts]) await rm(join(dirname(target), name), { force: true })
      // a job's folder goes with the last that was in it
      const folder = dirname(key)
      if (folder.includes('/')) await rmdir(join(deps.root, folder)).catch(() => {})
    },
  }
}

/** The name of the object that a half-written file is of. */
function partOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.', name.length - PART.length - 1))
}

/** ASCII, no empty, hidden or parent step. */
const KEY = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/

function checked(key: string): string {
  if (!KEY.test(key)) throw new Error(`not a key of an object: ${JSON.stringify(key)}`)
  return key
}

/** A renamed file is only safe from a power cut once its folder is written too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}
