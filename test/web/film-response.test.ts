import { Hono } from 'hono'
import { expect, test } from 'vitest'
import type { Film } from '../../src/core/job.ts'
import { filmResponse } from '../../src/web/film-response.ts'

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)
const FILM = { key: 'films/a.mp4' } as Film

const objects = {
  file: (key: string): string | null => `/data/${key}`,
  link: async () => 'https://store.example/films/a.mp4?token=1',
  size: async () => BYTES.length,
  read: async (_: string, range?: { start: number; end: number }) =>
    (async function* () {
      yield BYTES.subarray(range?.start ?? 0, (range?.end ?? BYTES.length - 1) + 1)
    })(),
}

const ask = (headers: Record<string, string> = {}, store = objects) =>
  new Hono().get('/', (c) => filmResponse(c, store, FILM, 'film.mp4')).request('/', { headers })

test.each([
  ['bytes=0-99', 206, 0, 99],
  ['bytes=900-', 206, 900, 999],
  ['bytes=-10', 206, 990, 999],
  ['bytes=-5000', 206, 0, 999],
  ['bytes=500-99999', 206, 500, 999],
  ['bytes=0-0', 206, 0, 0],
  // what can't be read as one range is answered with the whole
  ['bytes=0-1,5-6', 200, 0, 999],
  ['bytes=9-2', 200, 0, 999],
  ['lines=1-2', 200, 0, 999],
])('a player that asks for %s gets just that', async (range, status, start, end) => {
  const answer = await ask({ range })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-length')).toBe(String(end - start + 1))
  expect(answer.headers.get('content-range')).toBe(status === 206 ? `bytes ${start}-${end}/1000` : null)
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(BYTES.slice(start, end + 1))
})

test.each(['bytes=1000-', 'bytes=-0'])(
  'a part that isn’t there (%s) is refused with the size',
  async (range) => {
    const answer = await ask({ range })
    expect(answer.status).toBe(416)
    expect(answer.headers.get('content-range')).toBe('bytes */1000')
  },
)

test('what a browser has already isn’t sent again, and a part only of the same film', async () => {
  const etag = (await ask()).headers.get('etag') ?? ''
  expect((await ask({ 'if-none-match': etag })).status).toBe(304)
  expect((await ask({ range: 'bytes=0-1', 'if-range': etag })).status).toBe(206)
  expect((await ask({ range: 'bytes=0-1', 'if-range': '"another"' })).status).toBe(200)
})

test('a film that is kept elsewhere is a fresh link away', async () => {
  const answer = await ask({}, { ...objects, file: () => null })
  expect([answer.status, answer.headers.get('location')]).toEqual([
    302,
    'https://store.example/films/a.mp4?token=1',
  ])
})
