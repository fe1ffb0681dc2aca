import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type AttachedImage, fetchAttachedImage } from '../../../src/bot/discord/image.ts'
import { checkPicture } from '../../../src/bot/picture.ts'
import { UserError } from '../../../src/core/errors.ts'

const NEVER = new AbortController().signal
const ELSEWHERE = 'https://discord.example.com/api'

function image(changes: Partial<AttachedImage> = {}): AttachedImage {
  const url = 'https://cdn.discordapp.com/attachments/1/2/a.png'
  return { name: 'a.png', url, size: 1000, contentType: 'image/png', width: 800, height: 600, ...changes }
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    return (error as UserError).detail.code
  }
  return 'taken'
}

async function host(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([
  ['taken', {}],
  ['taken', { contentType: null, width: null, height: null }],
  ['taken', { contentType: 'image/jpeg; charset=binary' }],
  ['image_too_large', { size: 30_000_000 }],
  ['image_unreadable', { contentType: 'image/gif' }],
  ['image_unreadable', { contentType: 'constructor' }],
  ['image_unreadable', { contentType: 'video/mp4' }],
  ['image_too_small', { width: 299 }],
] as const)('by what is known of it, a picture is %s: %o', async (code, changes) => {
  expect(await codeOf(() => checkPicture(image(changes)))).toBe(code)
})

test.each([
  'http://cdn.discordapp.com/a.png',
  'https://cdn.discordapp.com.example.com/a.png',
  'https://cdn.discordapp.com:8443/a.png',
  'https://example.com/a.png',
  'file:///etc/passwd',
  'no address',
])('a picture is not fetched from %s', async (url) => {
  const fetched = fetchAttachedImage(image({ url }), ELSEWHERE, NEVER)
  expect(await codeOf(() => fetched.path)).toBe('image_unreadable')
  await fetched.remove()
})

test('a picture is there until it is removed', async () => {
  const origin = await host((_, response) => response.end('bytes'))
  const fetched = fetchAttachedImage(image({ url: `${origin}/a.png` }), `${origin}/api`, NEVER)
  const path = await fetched.path
  expect(await readFile(path, 'utf8')).toBe('bytes')
  await fetched.remove()
  expect(existsSync(dirname(path))).toBe(false)
})

test.each<[string, RequestListener]>([
  ['image_unreadable', (_, response) => response.writeHead(404).end()],
  ['image_unreadable', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
  [
    'image_too_large',
    (_, response) => {
      // more than it said to be
      response.write(Buffer.alloc(20_000_001))
      response.end()
    },
  ],
])('a host that does not keep to it is answered with %s', async (code, answer) => {
  const origin = await host(answer)
  const fetched = fetchAttachedImage(image({ url: `${origin}/a.png` }), origin, NEVER)
  expect(await codeOf(() => fetched.path)).toBe(code)
  await fetched.remove()
})

test.each<[string, RequestListener]>([
  ['is down', (_, response) => response.writeHead(503).end()],
  ['breaks off', (request) => request.socket.destroy()],
])('a picture whose host %s is not called unreadable', async (_, answer) => {
  const origin = await host(answer)
  const fetched = fetchAttachedImage(image({ url: `${origin}/a.png` }), origin, NEVER)
  const error = await fetched.path.catch((failure) => failure)
  expect(error).not.toBeInstanceOf(UserError)
  expect(error).toBeInstanceOf(Error)
  await fetched.remove()
})

test('a picture that is on its way is given up where the program stops', async () => {
  const stopping = new AbortController()
  const origin = await host(() => stopping.abort())
  const fetched = fetchAttachedImage(image({ url: `${origin}/a.png` }), origin, stopping.signal)
  await expect(fetched.path).rejects.toThrow('aborted')
  await fetched.remove()
})
