import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { ObjectStore } from '../../src/core/ports.ts'
import { createLocalObjects } from '../../src/storage/objects/local.ts'

const folder = await mkdtemp(join(tmpdir(), 'objects-test-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const NOW = Date.parse('2026-11-23T20:00:00Z')

function localObjects(
  changes: { secret?: Buffer; now?: () => number; root?: string; publicUrl?: string } = {},
) {
  return createLocalObjects({
    root: join(folder, 'objects'),
    secret: Buffer.alloc(32, 7),
    publicUrl: 'http://127.0.0.1:3000',
    now: () => NOW,
    ...changes,
  })
}

/** Every store that the product can put films in. */
const STORES: { name: string; create: () => ObjectStore }[] = [{ name: 'local disk', create: localObjects }]

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = []
  for await (const chunk of chunks) read.push(chunk)
  return Buffer.concat(read)
}

async function film(bytes: Buffer = randomBytes(3000)): Promise<{ path: string; bytes: Buffer }> {
  const path = join(folder, `${randomUUID()}.mp4`)
  await writeFile(path, bytes)
  return { path, bytes }
}

const newKey = () => `films/${randomUUID()}.mp4`
const mp4 = (signal: AbortSignal = new AbortController().signal) => ({ contentType: 'video/mp4', signal })

const BAD_KEYS = [
  '',
  '.',
  '..',
  '../film.mp4',
  'films/../../film.mp4',
  'films/..',
  '/films/film.mp4',
  'films//film.mp4',
  'films/',
  'films/.hidden',
  'films\\film.mp4',
  'films/film.mp4\n',
  'films/film\u0000.mp4',
  'films/film.mp4?x=1',
  'films/%2e%2e/film.mp4',
  'films/영상.mp4',
  'films/a b.mp4',
]

describe.each(STORES)('objects on $name', ({ create }) => {
  const objects = create()

  test('what was put is read back to the byte, with its size', async () => {
    const { path, bytes } = await film()
    const key = newKey()
    expect(await objects.size(key)).toBeNull()
    await objects.put(key, path, mp4())
    expect(await objects.size(key)).toBe(bytes.length)
    expect(await bytesOf(await objects.read(key))).toEqual(bytes)
  })

  test('an empty file is an object too', async () => {
    const { path } = await film(Buffer.alloc(0))
    const key = newKey()
    await objects.put(key, path, mp4())
    expect(await objects.size(key)).toBe(0)
    expect(await bytesOf(await objects.read(key))).toHaveLength(0)
  })

  test.each([
    [0, 0],
    [0, 99],
    [1000, 1999],
    [2999, 2999],
    [0, 2999],
  ])('a range has both its first and its last byte (%i–%i)', async (start, end) => {
    const { path, bytes } = await film()
    const key = newKey()
    await objects.put(key, path, mp4())
    expect(await bytesOf(await objects.read(key, { start, end }))).toEqual(bytes.subarray(start, end + 1))
  })

  test('putting again replaces the object, and putting the same again changes nothing', async () => {
    const [old, young] = [await film(), await film(randomBytes(10))]
    const key = newKey()
    await objects.put(key, old.path, mp4())
    await objects.put(key, old.path, mp4())
    expect(await bytesOf(await objects.read(key))).toEqual(old.bytes)
    await objects.put(key, young.path, mp4())
    expect(await bytesOf(await objects.read(key))).toEqual(young.bytes)
  })

  test('an object outlives the file that it came from', async () => {
    const { path, bytes } = await film()
    const key = newKey()
    await objects.put(key, path, mp4())
    const replacement = await film()
    await rename(replacement.path, path)
    await rm(path)
    expect(await bytesOf(await objects.read(key))).toEqual(bytes)
  })

  test('a removed object is gone, and removing it again is no fault', async () => {
    const { path } = await film()
    const key = newKey()
    await objects.put(key, path, mp4())
    await objects.remove(key)
    expect(await objects.size(key)).toBeNull()
    await expect((async () => objects.read(key))()).rejects.toThrow()
    await objects.remove(key)
  })

  test('what lies beside an object is found by how its key begins, and nothing else', async () => {
    const { path } = await film()
    const [mine, others] = [randomUUID(), randomUUID()]
    const keys = [`films/${mine}.mp4`, `films/${mine}.poster.jpg`]
    for (const key of [...keys, `films/${others}.mp4`]) await objects.put(key, path, mp4())
    expect((await objects.list(`films/${mine}`)).sort()).toEqual(keys)
    expect(await objects.list(`films/${randomUUID()}`)).toEqual([])
    expect(await objects.list(`nowhere/${mine}`)).toEqual([])
  })

  test('the folders in a folder are found as long as something is in them', async () => {
    const { path } = await film()
    const [one, other] = [randomUUID(), randomUUID()]
    for (const key of [`jobs/${one}/a.mp4`, `jobs/${one}/b.mp4`, `jobs/${other}/a.mp4`]) {
      await objects.put(key, path, mp4())
    }
    expect((await objects.list('jobs/')).sort()).toEqual([`jobs/${one}`, `jobs/${other}`].sort())
    await objects.remove(`jobs/${other}/a.mp4`)
    await objects.remove(`jobs/${one}/a.mp4`)
    expect(await objects.list('jobs/')).toEqual([`jobs/${one}`])
  })

  test('the folder of an object is no object', async () => {
    const { path } = await film()
    const key = `${randomUUID()}/film.mp4`
    await objects.put(key, path, mp4())
    expect(await objects.size(key.split('/')[0] ?? '')).toBeNull()
  })

  test('a file that isn’t there is not put, and an object that was there stays', async () => {
    const { path, bytes } = await film()
    const key = newKey()
    await objects.put(key, path, mp4())
    await expect(objects.put(key, join(folder, 'nowhere.mp4'), mp4())).rejects.toThrow()
    expect(await bytesOf(await objects.read(key))).toEqual(bytes)
  })

  test('a put that is aborted either happened or left nothing', async () => {
    const { path, bytes } = await film()
    const before = newKey()
    await expect(objects.put(before, path, mp4(AbortSignal.abort()))).rejects.toThrow()
    expect(await objects.size(before)).toBeNull()
    const during = newKey()
    const abort = new AbortController()
    const putting = objects.put(during, path, mp4(abort.signal)).then(
      () => bytes.length,
      () => null,
    )
    abort.abort()
    expect(await putting).toBe(await objects.size(during))
  })

  test.each(BAD_KEYS)('no call takes %j for a key', async (key) => {
    const { path } = await film()
    await expect((async () => objects.put(key, path, mp4()))()).rejects.toThrow()
    await expect((async () => objects.size(key))()).rejects.toThrow()
    await expect((async () => objects.read(key))()).rejects.toThrow()
    await expect((async () => objects.link(key, { seconds: 60, name: 'a.mp4' }))()).rejects.toThrow()
    await expect((async () => objects.remove(key))()).rejects.toThrow()
    expect(() => objects.file(key)).toThrow()
  })
})

describe('links to objects on the local disk', () => {
  const NAME = '미래 도시 & "film" #1.mp4'

  async function link(seconds = 60) {
    const key = newKey()
    return { key, url: await localObjects().link(key, { seconds, name: NAME }) }
  }

  test('a link opens its object under the name that it gives, from the whole address and from its path', async () => {
    const { key, url } = await link()
    expect(url.startsWith(`http://127.0.0.1:3000/objects/${key}?`)).toBe(true)
    const { pathname, search } = new URL(url)
    for (const way of [url, pathname + search])
      expect(localObjects().openLink(way)).toEqual({ key, name: NAME })
  })

  test('a link works below a path, with or without a slash at the end', async () => {
    for (const publicUrl of ['https://example.com/sora', 'https://example.com/sora/']) {
      const objects = localObjects({ publicUrl })
      const key = newKey()
      const url = await objects.link(key, { seconds: 60, name: NAME })
      expect(url).toContain(`https://example.com/sora/objects/${key}?`)
      expect(objects.openLink(url)).toEqual({ key, name: NAME })
    }
  })

  test('a link opens until it expires, and then no more', async () => {
    const { url } = await link(60)
    const openedAfter = (ms: number) => localObjects({ now: () => NOW + ms }).openLink(url)
    expect(openedAfter(59_999)).not.toBeNull()
    expect(openedAfter(60_000)).toBeNull()
    expect(openedAfter(365 * 86_400_000)).toBeNull()
  })

  test('a link that was made with another secret opens nothing', async () => {
    const { url } = await link()
    expect(localObjects({ secret: Buffer.alloc(32, 8) }).openLink(url)).toBeNull()
  })

  const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

  test('a link in which any one character was changed opens nothing', async () => {
    const { key, url } = await link()
    const from = url.indexOf(key)
    const opened: string[] = []
    for (let i = from; i < url.length; i++) {
      for (const other of BASE64URL) {
        if (url[i] === other || '?&=%'.includes(url[i] ?? '')) continue
        // the digits of an escape may be written in either case: the same link
        if (/%[0-9A-F]?$/.test(url.slice(0, i)) && other.toUpperCase() === url[i]) continue
        const changed = url.slice(0, i) + other + url.slice(i + 1)
        if (localObjects().openLink(changed)) opened.push(changed)
      }
    }
    expect(opened.map((changed) => changed.replace(url.slice(0, from), ''))).toEqual([])
  })

  test('a link that was cut, lengthened, or lent to another object opens nothing', async () => {
    const { key, url } = await link()
    const objects = localObjects()
    for (let length = url.indexOf('?'); length < url.length; length++) {
      expect(objects.openLink(url.slice(0, length))).toBeNull()
    }
    expect(objects.openLink(`${url}A`)).toBeNull()
    expect(objects.openLink(url.replace(key, newKey()))).toBeNull()
    const later = url.replace(/expires=\d+/, `expires=${Math.floor(NOW / 1000) + 9999}`)
    expect(objects.openLink(later)).toBeNull()
    for (const forever of ['Infinity', 'NaN', '', '1e99']) {
      expect(objects.openLink(url.replace(/expires=\d+/, `expires=${forever}`))).toBeNull()
    }
  })

  test.each([
    '',
    '/',
    '//',
    'http://[',
    '/objects/',
    '/objects/../secret?expires=9999999999',
    '/films/a.mp4',
    '%',
  ])('nonsense in place of a link (%j) opens nothing', (nonsense) => {
    expect(localObjects().openLink(nonsense)).toBeNull()
  })

  test('nothing but objects lies in the folder: not after a failed put, not after two of the same', async () => {
    const root = join(folder, 'tidy')
    const objects = localObjects({ root })
    const { path } = await film()
    await objects.put('films/one.mp4', path, mp4())
    await objects.put('films/one.mp4', path, mp4())
    await expect(objects.put('films/two.mp4', join(folder, 'nowhere'), mp4())).rejects.toThrow()
    await expect(objects.put('films/three.mp4', path, mp4(AbortSignal.abort()))).rejects.toThrow()
    await mkdir(join(root, 'films', 'taken'))
    await expect(objects.put('films/taken', path, mp4())).rejects.toThrow()
    expect((await readdir(join(root, 'films'))).sort()).toEqual(['one.mp4', 'taken'])
    expect(objects.file('films/one.mp4')).toBe(join(root, 'films', 'one.mp4'))
  })
})

test('what a killed process had half written of an object goes with it, and nothing of another', async () => {
  const objects = localObjects()
  const { path } = await film()
  const signal = new AbortController().signal
  for (const key of ['half/one.mp4', 'half/one.mp4.mp4']) {
    await objects.put(key, path, { contentType: 'video/mp4', signal })
    await writeFile(join(folder, 'objects', `${key}.${randomUUID()}.part`), 'half')
  }
  await objects.remove('half/one.mp4.mp4')
  expect(await objects.list('half/')).toEqual(['half/one.mp4'])
  await objects.remove('half/one.mp4')
  expect(await readdir(join(folder, 'objects', 'half'))).toEqual([])
})
