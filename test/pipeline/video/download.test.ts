import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type DownloadOptions, downloadClip } from '../../../src/pipeline/video/download.ts'
import { testFolder } from '../../support/clips.ts'

const FILE = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251))
const folder = await testFolder()
const servers: ReturnType<typeof createServer>[] = []
let files = 0

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** A server that answers with `answer`; `asked` are the ranges that came. */
async function serve(answer: Answer): Promise<{ url: string; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.range)
    answer(request, response, asked.length)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  return { url: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}/clip.mp4`, asked }
}

async function target(): Promise<{ path: string; left: () => Promise<string[]> }> {
  files += 1
  const own = join(folder, `${files}`)
  await mkdir(own)
  return { path: join(own, 'clip.mp4'), left: () => readdir(own) }
}

const options = (more: Partial<DownloadOptions> = {}): DownloadOptions => ({
  allowedHosts: ['*.fal.media'],
  allowLoopback: true,
  maxBytes: 1_000_000,
  pause: 1,
  signal: new AbortController().signal,
  ...more,
})

const whole: Answer = (_, response) => response.writeHead(200, { 'content-length': FILE.length }).end(FILE)

/** Sends the file, or the rest of it that is asked for, but breaks off after some bytes for the first `times`. */
function cutting(times: number, etag: string | null): Answer {
  return (request, response, count) => {
    const from =
      etag && request.headers['if-range'] === etag ? Number(/\d+/.exec(request.headers.range ?? '')) : 0
    const rest = FILE.subarray(from)
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': rest.length,
      ...(etag ? { etag } : {}),
      ...(from > 0 ? { 'content-range': `bytes ${from}-${FILE.length - 1}/${FILE.length}` } : {}),
    })
    if (count > times) response.end(rest)
    else response.write(rest.subarray(0, 60_000), () => setTimeout(() => response.destroy(), 20))
  }
}

describe('a clip that is downloaded', () => {
  it('is on disk whole, with nothing beside it', async () => {
    const { url } = await serve(whole)
    const { path, left } = await target()
    await downloadClip(url, path, options())
    expect((await readFile(path)).equals(FILE)).toBe(true)
    expect(await left()).toEqual(['clip.mp4'])
  })

  it('goes on where it was cut, twice', async () => {
    const { url, asked } = await serve(cutting(2, '"v1"'))
    const { path } = await target()
    await downloadClip(url, path, options())
    expect((await readFile(path)).equals(FILE)).toBe(true)
    expect(asked).toHaveLength(3)
    expect(asked.slice(1).every((range) => /^bytes=[1-9]/.test(range ?? ''))).toBe(true)
  })

  it('starts anew where the server cannot say that the rest belongs to it', async () => {
    const { url, asked } = await serve(cutting(2, null))
    const { path } = await target()
    await downloadClip(url, path, options())
    expect((await readFile(path)).equals(FILE)).toBe(true)
    expect(asked).toEqual([undefined, undefined, undefined])
  })

  it('is not mixed from two files when it changes on the way', async () => {
    const { url } = await serve((request, response, count) => {
      if (count === 1) return cutting(1, '"v1"')(request, response, count)
      response.writeHead(200, { 'content-length': 5, etag: '"v2"' }).end('other')
    })
    const { path } = await target()
    await downloadClip(url, path, options())
    expect(await readFile(path, 'utf8')).toBe('other')
  })

  it('comes when the server was only busy', async () => {
    const { url } = await serve((request, response, count) =>
      count <= 2 ? response.writeHead(503).end() : whole(request, response, count),
    )
    const { path } = await target()
    await downloadClip(url, path, options())
    expect((await readFile(path)).equals(FILE)).toBe(true)
  })

  it.each<[string, Answer, string]>([
    ['is cut each time', cutting(99, null), 'transient'],
    ['is empty', (_, response) => response.writeHead(200, { 'content-length': 0 }).end(), 'transient'],
    ['is gone', (_, response) => response.writeHead(404).end(), 'rejected'],
    [
      'says that it is too large',
      (_, response) => response.writeHead(200, { 'content-length': 2_000_000 }).write('x'),
      'rejected',
    ],
    [
      'turns out too large',
      (_, response) => {
        response.writeHead(200)
        for (let i = 0; i < 8; i += 1) response.write(FILE)
        response.end()
      },
      'rejected',
    ],
  ])('leaves nothing behind when it %s', async (_, answer, kind) => {
    const { url } = await serve(answer)
    const { path, left } = await target()
    await expect(downloadClip(url, path, options())).rejects.toMatchObject({ name: 'ProviderError', kind })
    expect(await left()).toEqual([])
  })

  it('is given up on when nothing comes any more', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': FILE.length }).write(FILE.subarray(0, 10))
    })
    const { path, left } = await target()
    await expect(downloadClip(url, path, options({ idle: 50 }))).rejects.toMatchObject({ kind: 'transient' })
    expect(await left()).toEqual([])
  })

  it('stops when it is told to', async () => {
    const stop = new AbortController()
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': FILE.length }).write(FILE.subarray(0, 10))
      stop.abort(new Error('cancelled'))
    })
    const { path, left } = await target()
    await expect(downloadClip(url, path, options({ signal: stop.signal }))).rejects.toThrow('cancelled')
    expect(await left()).toEqual([])
  })

  it('follows a redirect to an allowed host', async () => {
    const { url: there } = await serve(whole)
    const { url } = await serve((_, response) => response.writeHead(302, { location: there }).end())
    const { path } = await target()
    await downloadClip(url, path, options())
    expect((await readFile(path)).equals(FILE)).toBe(true)
  })

  it.each([
    ['another host', 'https://evil.example/clip.mp4'],
    ['the cloud’s own address', 'http://169.254.169.254/latest/meta-data'],
    ['a file', 'file:///etc/passwd'],
    ['itself, for ever', ''],
  ])('is refused when it is redirected to %s', async (_, location) => {
    const { url } = await serve((_, response) =>
      response.writeHead(302, { location: location || '/clip.mp4' }).end(),
    )
    const { path } = await target()
    await expect(downloadClip(url, path, options())).rejects.toMatchObject({ kind: 'rejected' })
  })
})

describe('an address that a clip may come from', () => {
  const asking = (url: string, more: Partial<DownloadOptions> = {}) => {
    const asked: string[] = []
    const load: typeof fetch = async (given) => {
      asked.push(String(given))
      return new Response(FILE)
    }
    const done = target().then(({ path }) =>
      downloadClip(url, path, options({ allowLoopback: false, fetch: load, ...more })),
    )
    return { done, asked }
  }

  it.each([
    'https://v3.fal.media/files/a.mp4',
    'https://v3b.fal.media/a.mp4',
    'http://V3.FAL.MEDIA:80/a.mp4',
  ])('is a host of the provider: %s', async (url) => {
    const { done, asked } = asking(url)
    await done
    expect(asked).toHaveLength(1)
  })

  it('is a host that the operator has added, with its port', async () => {
    await asking('http://media.local:9000/a.mp4', { allowedHosts: ['media.local:9000'] }).done
    await expect(
      asking('http://media.local/a.mp4', { allowedHosts: ['media.local:9000'] }).done,
    ).rejects.toThrow('refused')
  })

  it.each([
    'https://evil.example/a.mp4',
    'https://fal.media.evil.example/a.mp4',
    'https://evilfal.media/a.mp4',
    'https://fal.media/a.mp4',
    'http://v3.fal.media@evil.example/a.mp4',
    'https://user:secret@v3.fal.media/a.mp4',
    'https://v3.fal.media./a.mp4',
    'https://v3.fal.media:8443/a.mp4',
    'http://127.0.0.1/a.mp4',
    'http://localhost/a.mp4',
    'http://[::1]/a.mp4',
    'http://[::ffff:127.0.0.1]/a.mp4',
    'http://2130706433/a.mp4',
    'http://10.0.0.1/a.mp4',
    'http://169.254.169.254/a.mp4',
    'ftp://v3.fal.media/a.mp4',
    'file:///etc/passwd',
    'data:video/mp4;base64,AAAA',
    'not an address',
    '',
  ])('is nowhere else: %s', async (url) => {
    const { done, asked } = asking(url)
    await expect(done).rejects.toMatchObject({ name: 'ProviderError', kind: 'rejected' })
    expect(asked).toEqual([])
  })

  it('is on this machine only where the provider is', async () => {
    await asking('http://127.0.0.1:8080/a.mp4', { allowLoopback: true }).done
    await expect(asking('http://10.0.0.1/a.mp4', { allowLoopback: true }).done).rejects.toThrow('refused')
  })
})
