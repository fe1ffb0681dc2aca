import { createHash } from 'node:crypto'
import {
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { crc32 } from 'node:zlib'
import { ProviderError, UserError, userError } from '../../core/errors.ts'
import type { RenderOrder, VideoModel } from '../../core/ports.ts'
import type { Ffmpeg } from '../media/ffmpeg.ts'
import { pamOf } from './local/canvas.ts'
import { clipCommand, paintClip } from './local/clip.ts'

const ID = /^local-[0-9a-f]{24}$/

/**
 * The video model that costs nothing: pictures painted by a program and moved by ffmpeg.
 * It keeps requests and clips as files in `dir`, as a provider with a durable queue would: whatever moment the process
 * ends at, `find` and `wait` go on from there. A clip is kept until it has been downloaded, or its request cancelled.
 * One worker at a time may wait for an order; the claim on its job sees to that.
 *
 * Throws `ProviderError` (`rejected`: the first frame is missing or broken, or no such request or clip; `transient`:
 * ffmpeg or the disk failed), `UserError` `disk_full`, or the signal's reason.
 */
export function createLocalModel({ ffmpeg, dir }: { ffmpeg: Ffmpeg; dir: string }): VideoModel {
  const root = resolve(dir)
  const file = (id: string, ending: string) => join(root, `${id}${ending}`)

  return {
    submit: (order) =>
      told(null, root, async () => {
        const id = idOf(order)
        if (await exists(file(id, '.json'))) return { id, urls: {} }
        await mkdir(root, { recursive: true })
        if (order.firstFrame !== null) {
          const { firstFrame } = order
          await checkPng(firstFrame)
          await atomically(file(id, '.png'), (part) => copyFile(firstFrame, part))
        }
        // last: with it the request is accepted
        await atomically(file(id, '.json'), (part) => writeFile(part, JSON.stringify(order, null, 2)))
        return { id, urls: {} }
      }),

    find: (order, signal) =>
      told(signal, root, async () => {
        const id = idOf(order)
        return (await exists(file(id, '.json'))) ? { id, urls: {} } : 'absent'
      }),

    wait: (order, { id }, signal) =>
      told(signal, root, async () => {
        if (!ID.test(id) || !(await exists(file(id, '.json')))) {
          throw new ProviderError('rejected', `There is no request ${id}`, { requestId: id })
        }
        const clip = file(id, '.mp4')
        if (!(await exists(clip))) {
          await render(order, id, clip, signal)
          await removeAll(root, (name) => name.startsWith(`${id}.work-`))
        }
        return { url: pathToFileURL(clip).href, costUsd: 0 }
      }),

    download: (url, path, signal) =>
      told(signal, dirname(path), async () => {
        const clip = clipAt(root, url)
        if (!(await exists(clip))) throw new ProviderError('rejected', `There is no clip at ${url}`)
        // a second name for the same bytes; where the file system can't, a copy
        await atomically(path, (part) => link(clip, part).catch(() => copyFile(clip, part)))
        await forget(basename(clip, '.mp4'))
      }),

    async cancel(_order, { id }) {
      if (ID.test(id)) await forget(id)
    },
  }

  /** The request goes first: without it nothing takes up the rest again. */
  async function forget(id: string): Promise<void> {
    await rm(file(id, '.json'), { force: true })
    await removeAll(root, (name) => name.startsWith(`${id}.`))
  }

  /** Works in a folder of its own, so that a render that is still being stopped can't touch the next one's files. */
  async function render(order: RenderOrder, id: string, clip: string, signal: AbortSignal): Promise<void> {
    const firstFrame = order.firstFrame === null ? null : file(id, '.png')
    if (firstFrame !== null) await checkPng(firstFrame)
    const work = await mkdtemp(file(id, '.work-'))
    try {
      const painted = await paintClip(order, signal)
      const scene = join(work, 'scene.pam')
      const layers = painted.layers.map(({ name }) => join(work, `${name}.pam`))
      await writeFile(scene, pamOf(painted.scene), { signal })
      for (const [i, { picture }] of painted.layers.entries()) {
        await writeFile(layers[i] ?? '', pamOf(picture), { signal })
      }
      const output = join(work, 'clip.mp4')
      await ffmpeg.run(clipCommand(order, painted, { scene, layers, firstFrame, output }), signal)
      await rename(output, clip)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
}

function idOf(order: RenderOrder): string {
  return `local-${createHash('sha256').update(order.key).digest('hex').slice(0, 24)}`
}

/** The clip's path behind an address that `wait` gave; anything else is refused, so that no address reads other files. */
function clipAt(root: string, url: string): string {
  const path = URL.canParse(url) && new URL(url).protocol === 'file:' ? fileURLToPath(url) : ''
  const id = path.slice(root.length + 1, -'.mp4'.length)
  if (!ID.test(id) || path !== join(root, `${id}.mp4`)) {
    throw new ProviderError('rejected', `Not a clip of the local model: ${url}`)
  }
  return path
}

/** Runs a step and says what its failure means. */
async function told<T>(signal: AbortSignal | null, path: string, step: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await step()
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ProviderError || error instanceof UserError) throw error
    if (codeOf(error) === 'ENOSPC') throw userError('disk_full', { path }, { cause: error })
    throw new ProviderError('transient', error instanceof Error ? error.message : String(error), {
      cause: error,
    })
  }
}

/** Walks a PNG's chunks to its end: ffmpeg would take half a picture without a word. */
async function checkPng(path: string): Promise<void> {
  const refuse = (why: string, cause?: unknown) =>
    new ProviderError('rejected', `The first frame ${path} ${why}`, { cause })
  const bytes = await readFile(path).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? refuse('is missing', error) : error
  })
  if (bytes.subarray(0, 8).toString('latin1') !== '\x89PNG\r\n\x1a\n') throw refuse('is no PNG')
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at)
    if (end + 4 > bytes.length || crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) break
    if (bytes.toString('latin1', at + 4, at + 8) === 'IEND') return
    at = end + 4
  }
  throw refuse('is damaged')
}

/** Lets `write` fill a file beside `path`, then gives it its name: whoever looks sees the whole file or none. */
async function atomically(path: string, write: (part: string) => Promise<void>): Promise<void> {
  const part = `${path}.part`
  await rm(part, { force: true })
  await write(part)
  await rename(part, path)
  // renaming one name of a file to another name of the same file does nothing
  await rm(part, { force: true })
}

async function removeAll(root: string, match: (name: string) => boolean): Promise<void> {
  const names = await readdir(root).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  for (const name of names.filter(match)) await rm(join(root, name), { recursive: true, force: true })
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
