import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Log } from '../../src/core/ports.ts'
import { createSupabaseObjects, type SupabaseObjectsDeps } from '../../src/storage/objects/supabase.ts'
import {
  type Operation,
  type SupabaseServer,
  type SupabaseServerOptions,
  startSupabaseServer,
} from '../support/supabase-server.ts'

const MB = 1024 * 1024
const KEY = 'films/019ab-1.mp4'
const never = new AbortController().signal

let folder: string
const small = { path: '', bytes: randomBytes(300_000) }
/** Three parts of a resumable upload: 6 MB, 6 MB and a rest. */
const large = { path: '', bytes: randomBytes(13 * MB + 7) }
/** Everything that a test logs or catches; no secret may be in it. */
let seen: string[] = []
let secrets: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'supabase-'))
  for (const [name, film] of Object.entries({ small, large })) {
    film.path = join(folder, `${name}.mp4`)
    await writeFile(film.path, film.bytes)
  }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

afterEach(() => {
  for (const secret of secrets) expect(seen.filter((line) => line.includes(secret))).toEqual([])
  seen = []
  secrets = []
})

async function setUp(options: SupabaseServerOptions = {}, deps: Partial<SupabaseObjectsDeps> = {}) {
  const server = await startSupabaseServer(options)
  onTestFinished(() => server.stop())
  secrets.push(server.secretKey)
  return { server, objects: objectsOf(server, deps) }
}

function objectsOf(server: SupabaseServer, deps: Partial<SupabaseObjectsDeps> = {}) {
  const note = (fields: object, message: string) => void seen.push(JSON.stringify([message, fields]))
  const log: Log = { debug: note, info: note, warn: note, error: note }
  const { url, secretKey } = server
  return createSupabaseObjects({
    url,
    secretKey,
    bucket: 'films',
    log,
    pauseMs: 1,
    resumableAbove: MB,
    ...deps,
  })
}

const film = { contentType: 'video/mp4', signal: never }

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of bytes) parts.push(part)
  return Buffer.concat(parts)
}

/** What a call was refused with. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (caught) => caught,
  )
  if (!(error instanceof Error)) throw new Error('the call was not refused')
  // all that a logger could print of it
  seen.push(
    `${error.stack} ${JSON.stringify(error, Object.getOwnPropertyNames(error))} ${String(error.cause)}`,
  )
  return error.message
}

describe.for([
  { name: 'a small film', of: small, sends: 'upload' as Operation },
  { name: 'a film of several parts', of: large, sends: 'part' as Operation },
])('$name', ({ of, sends }) => {
  it('comes back byte for byte, with its type, and is gone when it is removed', async () => {
    const { server, objects } = await setUp()
    await objects.put(KEY, of.path, film)
    expect(server.objects.get(`films/${KEY}`)).toMatchObject({
      contentType: 'video/mp4',
      cacheControl: 'max-age=3600',
    })
    expect(await objects.size(KEY)).toBe(of.bytes.length)
    expect((await collect(await objects.read(KEY))).equals(of.bytes)).toBe(true)
    const middle = await collect(await objects.read(KEY, { start: 1000, end: 250_000 }))
    expect(middle.equals(of.bytes.subarray(1000, 250_001))).toBe(true)
    expect(objects.file(KEY)).toBeNull()
    await objects.remove(KEY)
    await objects.remove(KEY)
    expect(await objects.size(KEY)).toBeNull()
  })

  it('takes the place of an earlier one of the same key', async () => {
    const { objects } = await setUp()
    const earlier = join(folder, 'earlier.mp4')
    await writeFile(earlier, 'what a run that was cut off had stored')
    await objects.put(KEY, earlier, film)
    await objects.put(KEY, of.path, film)
    expect((await collect(await objects.read(KEY))).equals(of.bytes)).toBe(true)
  })

  it('is stored although the server is overloaded at first', async () => {
    const { server, objects } = await setUp()
    for (const on of ['bucket', 'create-bucket', 'part-create', sends, 'info', 'read'] as const) {
      server.faults.answer(on, 503)
      server.faults.answer(on, 429)
    }
    await objects.put(KEY, of.path, film)
    expect(await objects.size(KEY)).toBe(of.bytes.length)
    expect((await collect(await objects.read(KEY))).equals(of.bytes)).toBe(true)
  })

  it('is stored whole where the connection breaks on the way, and where an answer is lost', async () => {
    const { server, objects } = await setUp()
    server.faults.cut(sends, 200_000, 2)
    server.faults.loseAnswer(sends)
    server.faults.loseAnswer('create-bucket')
    server.faults.loseAnswer('part-create')
    await objects.put(KEY, of.path, film)
    expect(server.objects.get(`films/${KEY}`)?.bytes.equals(of.bytes)).toBe(true)
  })

  it('is given up in clear words when the server stays down', async () => {
    const { server, objects } = await setUp()
    server.faults.answer(sends, 503, Number.POSITIVE_INFINITY)
    expect(await refusal(objects.put(KEY, of.path, film))).toBe('Supabase Storage failed (503: planned 503)')
    expect(server.count(sends)).toBe(8)
    expect(server.objects.size).toBe(0)
  })

  it('is not asked for twice when it is refused for good', async () => {
    const { server, objects } = await setUp()
    server.faults.answer(sends, 403, Number.POSITIVE_INFINITY)
    expect(await refusal(objects.put(KEY, of.path, film))).toBe(
      'Supabase refused SUPABASE_SECRET_KEY (403: planned 403): it has to be a secret key of the project at SUPABASE_URL',
    )
    expect(server.count(sends)).toBe(1)
  })

  it('stops on its way when the work is aborted', async () => {
    const { server, objects } = await setUp()
    const cancel = new AbortController()
    const held = server.faults.hold(sends)
    const put = objects.put(KEY, of.path, { contentType: 'video/mp4', signal: cancel.signal })
    await held.arrived
    cancel.abort(new Error('cancelled by its owner'))
    await expect(put).rejects.toThrow('cancelled by its owner')
    expect(server.objects.size).toBe(0)
    expect(server.count(sends)).toBe(1)
  })

  it('stops between two tries when the work is aborted', async () => {
    const { server, objects } = await setUp({}, { pauseMs: 3_600_000 })
    const cancel = new AbortController()
    server.faults.answer(sends, 503)
    const put = objects.put(KEY, of.path, { contentType: 'video/mp4', signal: cancel.signal })
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThan(0)
    cancel.abort(new Error('cancelled by its owner'))
    await expect(put).rejects.toThrow('cancelled by its owner')
  })

  it('is refused with the limit named when it is too large', async () => {
    const { objects } = await setUp({ fileSizeLimit: 100_000 })
    expect(await refusal(objects.put(KEY, of.path, film))).toMatch(
      /^the file is over the size limit of Supabase Storage \(413: .*\): raise it for the project or the bucket films$/,
    )
  })

  it('is refused with the bucket named when that does not take its type', async () => {
    const { objects } = await setUp({ mimeTypes: ['image/png'] })
    expect(await refusal(objects.put(KEY, of.path, film))).toBe(
      'the bucket films does not take this type of file (415: mime type video/mp4 is not supported): allow it there',
    )
  })
})

describe('a film of several parts', () => {
  it('goes on from what has arrived instead of starting again', async () => {
    const { server, objects } = await setUp()
    server.faults.cut('part', 4 * MB)
    server.faults.answer('part-offset', 500)
    await objects.put(KEY, large.path, film)
    expect(server.objects.get(`films/${KEY}`)?.bytes.equals(large.bytes)).toBe(true)
    expect(server.count('part-create')).toBe(1)
  })

  it('is stored over a bad line that breaks again and again, since it gets further each time', async () => {
    const { server, objects } = await setUp()
    for (let i = 0; i < 3; i += 1) {
      server.faults.answer('part', 502, 3)
      server.faults.loseAnswer('part')
    }
    await objects.put(KEY, large.path, film)
    expect(server.objects.get(`films/${KEY}`)?.bytes.equals(large.bytes)).toBe(true)
  })

  it('is sent anew where the server has forgotten the part of it that it had', async () => {
    const { server, objects } = await setUp()
    server.faults.cut('part', 4 * MB)
    const held = server.faults.hold('part-offset')
    const put = objects.put(KEY, large.path, film)
    await held.arrived
    server.forgetUploads()
    held.release()
    await put
    expect(server.objects.get(`films/${KEY}`)?.bytes.equals(large.bytes)).toBe(true)
    expect(server.count('part-create')).toBe(2)
  })

  it('is stored although the server falls silent once', async () => {
    const { server, objects } = await setUp({}, { silenceMs: 1000 })
    server.faults.hold('part')
    await objects.put(KEY, large.path, film)
    expect(server.objects.get(`films/${KEY}`)?.bytes.equals(large.bytes)).toBe(true)
  })

  it('and the key stay with SUPABASE_URL, whatever the server calls itself', async () => {
    let strangers = 0
    const elsewhere = createServer((_, response) => {
      strangers += 1
      response.end()
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void elsewhere.close())
    const selfUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
    const { server, objects } = await setUp({ selfUrl })
    await objects.put(KEY, large.path, film)
    expect(server.objects.get(`films/${KEY}`)?.bytes.equals(large.bytes)).toBe(true)
    expect(strangers).toBe(0)
  })
})

describe('the bucket', () => {
  it('is made once, and private, however many ask at the same time', async () => {
    const { server, objects } = await setUp()
    const others = objectsOf(server)
    await Promise.all(
      [objects, others, objects, others].map((store, i) => store.put(`films/${i}.mp4`, small.path, film)),
    )
    expect([...server.buckets]).toEqual([['films', { public: false }]])
    expect(server.objects.size).toBe(4)
    expect(server.count('create-bucket')).toBeLessThanOrEqual(2)
  })

  it('is used as it is where it exists', async () => {
    const { server, objects } = await setUp({ buckets: { films: { public: false } } })
    await objects.put(KEY, small.path, film)
    expect(server.count('create-bucket')).toBe(0)
    expect(seen).toEqual([])
  })

  it('is warned of where it is open to the public', async () => {
    const { objects } = await setUp({ buckets: { films: { public: true } } })
    await objects.put(KEY, small.path, film)
    expect(seen).toEqual([
      '["the bucket is public: whoever knows a key can read its object",{"bucket":"films"}]',
    ])
  })

  it('is made again where somebody has removed it, once that was told', async () => {
    const { server, objects } = await setUp()
    await objects.put(KEY, small.path, film)
    server.buckets.clear()
    server.objects.clear()
    expect(await refusal(objects.size(KEY))).toMatch(/^SUPABASE_SECRET_KEY shows no bucket films \(404: /)
    await objects.put(KEY, small.path, film)
    expect(await objects.size(KEY)).toBe(small.bytes.length)
  })
})

describe.for([
  { name: 'a wrong key', options: {} },
  { name: 'a wrong key at the gateway of a hosted project', options: { gateway: true } },
  { name: 'a wrong key at an older server', options: { withoutCodes: true } },
])('with $name', ({ options }) => {
  it('nothing reads as absent, and every call says which variable is wrong', async () => {
    const { server } = await setUp(options)
    const secretKey = 'sb_secret_wrong_0123456789'
    secrets.push(secretKey)
    const objects = objectsOf(server, { secretKey })
    const calls = [
      () => objects.size(KEY),
      () => objects.put(KEY, small.path, film),
      () => objects.put(KEY, large.path, film),
      () => objects.read(KEY),
      () => objects.link(KEY, { seconds: 60, name: 'film.mp4' }),
      () => objects.remove(KEY),
    ]
    for (const call of calls) {
      expect(await refusal(call())).toMatch(/^Supabase refused SUPABASE_SECRET_KEY \(40[13]: .*\)/)
    }
  })

  it('a film does not read as absent either, where the key is changed while the program runs', async () => {
    const { server, objects } = await setUp(options)
    await objects.put(KEY, small.path, film)
    server.changeKey()
    expect(await refusal(objects.size(KEY))).toContain('SUPABASE_SECRET_KEY')
    expect(await refusal(objects.size(KEY))).toMatch(/^Supabase refused SUPABASE_SECRET_KEY \(40[13]: .*\)/)
  })
})

it('a key that no request can carry is told of, and not repeated', async () => {
  const { server } = await setUp()
  const secretKey = 'sb_secret_with_a\nline_break'
  secrets.push(secretKey, JSON.stringify(secretKey).slice(1, -1))
  const objects = objectsOf(server, { secretKey })
  expect(await refusal(objects.size(KEY))).toContain('invalid header value')
})

it('an object that is not there reads as absent on an older server, too', async () => {
  const { objects } = await setUp({ withoutCodes: true })
  expect(await objects.size(KEY)).toBeNull()
})

describe('a link', () => {
  it('opens for anybody until it expires, in parts as well, and is saved under its name', async () => {
    const { objects } = await setUp()
    await objects.put(KEY, small.path, film)
    const name = '고양이 & 바다 100%.mp4'
    const link = await objects.link(KEY, { seconds: 60, name })
    const whole = await fetch(link)
    expect(Buffer.from(await whole.arrayBuffer()).equals(small.bytes)).toBe(true)
    expect(whole.headers.get('content-type')).toBe('video/mp4')
    expect(whole.headers.get('content-disposition')).toContain(
      `filename*=UTF-8''${encodeURIComponent(name)};`,
    )
    const part = await fetch(link, { headers: { range: 'bytes=5-9' } })
    expect(part.status).toBe(206)
    expect(Buffer.from(await part.arrayBuffer())).toEqual(small.bytes.subarray(5, 10))
    const forged = await fetch(link.replace(KEY, 'films/another.mp4'))
    expect(forged.ok).toBe(false)
  })

  it('is not made for what is not there', async () => {
    const { server, objects } = await setUp()
    expect(await refusal(objects.link(KEY, { seconds: 60, name: 'film.mp4' }))).toBe(
      'Supabase Storage refused (404: Object not found)',
    )
    expect(server.count('sign')).toBe(1)
  })
})

describe('reading', () => {
  it('fails in clear words where the connection breaks on the way, instead of ending early', async () => {
    const { server, objects } = await setUp()
    await objects.put(KEY, small.path, film)
    server.faults.cut('read', 100_000)
    const bytes = await objects.read(KEY)
    expect(await refusal(collect(bytes))).toMatch(/^no answer from Supabase Storage: /)
  })

  it('fails at once for what is not there', async () => {
    const { objects } = await setUp()
    expect(await refusal(objects.read(KEY))).toBe('Supabase Storage refused (404: Object not found)')
  })
})

describe('a server that cannot be used', () => {
  it('is told of when nothing listens there', async () => {
    const { server, objects } = await setUp()
    await server.stop()
    expect(await refusal(objects.put(KEY, small.path, film))).toMatch(
      /^no answer from Supabase Storage: .*ECONNREFUSED/,
    )
  })

  it('is tried again by the next call', async () => {
    const { server, objects } = await setUp()
    server.faults.answer('bucket', 500, 8)
    expect(await refusal(objects.size(KEY))).toBe('Supabase Storage failed (500: planned 500)')
    expect(await objects.size(KEY)).toBeNull()
  })

  it('is waited for no longer than it may be silent', async () => {
    const { server, objects } = await setUp({}, { silenceMs: 1000 })
    server.faults.hold('info')
    expect(await objects.size(KEY)).toBeNull()
    expect(server.count('info')).toBeGreaterThan(1)
  })
})

it.for([
  '',
  '/films/a.mp4',
  'films/../a.mp4',
  'films//a.mp4',
  'films/.hidden',
  'films/영화.mp4',
  'films/a b.mp4',
])('the key %j is refused before anything is sent', async (key) => {
  const { server, objects } = await setUp()
  const calls = [
    () => objects.put(key, small.path, film),
    () => objects.size(key),
    () => objects.read(key),
    () => objects.link(key, { seconds: 60, name: 'film.mp4' }),
    () => objects.remove(key),
    async () => objects.file(key),
  ]
  for (const call of calls) expect(await refusal(call())).toContain('not a key of an object')
  expect(server.count('bucket')).toBe(0)
})

it('hundreds of objects are found by how their keys begin, and nothing beside them', async () => {
  const { server, objects } = await setUp()
  await objects.put(KEY, small.path, film)
  const object = server.objects.get(`films/${KEY}`)
  if (!object) throw new Error('nothing was stored')
  const keys = Array.from({ length: 250 }, (_, i) => `films/job.${i}mb.mp4`)
  for (const key of [...keys, 'films/other-films-job.mp4']) server.objects.set(`films/${key}`, object)
  expect((await objects.list('films/job')).sort()).toEqual(keys.sort())
})
