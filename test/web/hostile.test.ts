import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startSingleWeb } from '../support/single-web.ts'

let address: string

// a hook that is registered within another is never run
const closes: (() => Promise<void>)[] = []
beforeAll(async () => {
  address = (await startSingleWeb((close) => void closes.unshift(close))).address
})
afterAll(async () => {
  for (const close of closes) await close()
})

afterEach(async () => {
  expect((await fetch(`${address}/readyz`)).status).toBe(200)
})

/** Sends bytes as they are, a client's own tidying left out, and gives what was answered until the connection ended. */
async function raw(...parts: (string | Uint8Array)[]): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  const answer: Buffer[] = []
  socket.on('data', (bytes: Buffer) => answer.push(bytes))
  // whoever is refused in the middle of what they send may see that the connection is gone: what was answered counts
  const closed = new Promise((done) => {
    socket.on('error', () => {}).on('close', done)
  })
  await once(socket, 'connect')
  for (const part of parts) socket.write(part)
  await closed
  const said = Buffer.concat(answer).toString()
  return { status: Number(said.split(' ')[1]), body: said.split('\r\n\r\n').slice(1).join('\r\n\r\n') }
}

const head = (line: string, ...headers: string[]) =>
  `${[line, `host: ${new URL(address).host}`, 'connection: close', ...headers].join('\r\n')}\r\n\r\n`

const posted = (body: string | Uint8Array, type = 'application/json') =>
  fetch(`${address}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: new Blob([body as BlobPart]),
  })

const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code

test.each([
  '/../../etc/passwd',
  '/assets/../../package.json',
  '/api/download/../../secret',
  '/api/download/..%2f..%2fsecret',
  '/objects/%2e%2e/%2e%2e/secret',
  '/objects/..%2f..%2fsecret?expires=9999999999&signature=x',
  '/v/..%5c..%5csecret',
  '/jobs/%00/film.mp4',
  '/api/status/%ff%fe',
  '/api/status/%',
])('%s leads nowhere', async (path) => {
  const { status, body } = await raw(head(`GET ${path} HTTP/1.1`))
  expect([400, 404]).toContain(status)
  expect(body).not.toContain('root:')
  expect(body).not.toContain('"dependencies"')
})

test('a header of a megabyte is refused in words', async () => {
  const { status, body } = await raw(head('GET /api/jobs HTTP/1.1', `x-long: ${'a'.repeat(1_000_000)}`))
  expect([status, JSON.parse(body).code]).toEqual([431, 'headers_too_large'])
})

test('what is no HTTP at all is refused in words', async () => {
  const { status, body } = await raw('\x16\x03\x01 this is no request\r\n\r\n')
  expect([status, JSON.parse(body).code]).toEqual([400, 'request_invalid'])
})

test('a body of 50 MB is refused, whether it says its length or not', async () => {
  const said = await posted(new Uint8Array(50_000_000))
  expect([said.status, await codeOf(said)]).toEqual([413, 'body_too_large'])
  const type = 'content-type: application/json'
  const chunk = Buffer.concat([Buffer.from('f4240\r\n'), Buffer.alloc(1_000_000, 97), Buffer.from('\r\n')])
  const start = head('POST /api/generate HTTP/1.1', type, 'transfer-encoding: chunked')
  const { status } = await raw(start, ...Array.from({ length: 50 }, () => chunk), '0\r\n\r\n')
  expect(status).toBe(413)
})

test.each([
  ['broken JSON', '{"prompt": "a'],
  ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ['nothing', ''],
  ['JSON that is no object', '[]'],
  ['a very deep JSON', '['.repeat(100_000)],
])('%s is refused as a bad request', async (_, body) => {
  const answer = await posted(body)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ detail: expect.any(String), code: expect.any(String) })
})

test('a form that is none, and a type that nobody reads, are refused', async () => {
  expect((await posted('no form', 'multipart/form-data; boundary=x')).status).toBe(400)
  expect((await posted('a', 'text/plain')).status).toBe(415)
})

test('while slow clients hold their requests back, others are answered', async () => {
  const { hostname, port } = new URL(address)
  const slow = Array.from({ length: 200 }, () => connect(Number(port), hostname).on('error', () => {}))
  await Promise.all(slow.map((socket) => once(socket, 'connect')))
  for (const socket of slow) socket.write('POST /api/generate HTTP/1.1\r\nhost: 127')
  expect((await fetch(`${address}/api/models`)).status).toBe(200)
  for (const socket of slow) socket.destroy()
})

test('a client that never ends its headers is told so, and let go', async () => {
  const { status, body } = await raw('GET /api/jobs HTTP/1.1\r\nx-slow: ')
  expect([status, JSON.parse(body).code]).toEqual([408, 'request_too_slow'])
}, 60_000)
