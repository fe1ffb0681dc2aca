import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { webApi } from '@slack/bolt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chatErrorOf } from '../../../src/bot/slack/faults.ts'

let answer: (response: ServerResponse) => void
const server = createServer((request, response) => request.resume().on('end', () => answer(response)))
let client: webApi.WebClient

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const slackApiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const once = { retryConfig: { retries: 0 }, rejectRateLimitedCalls: true }
  client = new webApi.WebClient('xoxb-1', { slackApiUrl, ...once, logLevel: webApi.LogLevel.ERROR })
})

afterAll(() => void server.close())

/** What an answer means for a card. */
async function faultOf(answering: typeof answer) {
  answer = answering
  return client.chat.update({ channel: 'C1', ts: '1.1', text: 'x' }).then(() => null, chatErrorOf)
}

const says = (error: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ok: false, error }))
}
const page = (status: number, text: string) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'text/html' }).end(text)
}

test.each<[string, typeof answer, string]>([
  ['message_not_found', says('message_not_found'), 'gone'],
  ['not_in_channel', says('not_in_channel'), 'no_access'],
  ['invalid_blocks', says('invalid_blocks'), 'refused'],
  ['account_inactive', says('account_inactive'), 'passing'],
  ['token_revoked', says('token_revoked'), 'passing'],
  ['a proxy’s page', page(200, '<html>secret page</html>'), 'passing'],
  ['nothing at all', page(200, ''), 'passing'],
  ['an answer that is cut off', page(200, '{"ok":fal'), 'passing'],
  ['403', page(403, 'no'), 'passing'],
  ['408', page(408, 'late'), 'passing'],
  ['503', page(503, 'down'), 'passing'],
  ['413', page(413, 'big'), 'too_large'],
  ['a broken line', (response) => void response.destroy(), 'passing'],
])('%s is known for what it is, and what it says isn’t repeated', async (_, answering, fault) => {
  const error = await faultOf(answering)
  expect([error?.fault, error?.message.includes('secret')]).toEqual([fault, false])
})

test('a rate limit brings its time along', async () => {
  const error = await faultOf((response) => response.writeHead(429, { 'retry-after': '7' }).end())
  expect([error?.fault, error?.retryAfterMs]).toEqual(['passing', 7000])
})
