import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { webApi } from '@slack/bolt'
import { expect, onTestFinished, test } from 'vitest'
import { fetchNamedPicture } from '../../../src/bot/slack/image.ts'
import { UserError } from '../../../src/core/errors.ts'

/** Fetches a file at a Slack whose file host answers so, with a program that stops when it is asked if `stops`. */
async function fetchFrom(
  answer: { status: number; location?: string },
  { stops = false, about = { user: 'U1' } as object } = {},
): Promise<unknown> {
  const stopping = new AbortController()
  const server = createServer((request, response) => {
    if (request.url === '/files.info') {
      const file = { name: 'a.png', mimetype: 'image/png', size: 4, url_private: `${url}/a.png`, ...about }
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ ok: true, file }))
    } else if (stops) stopping.abort()
    else response.writeHead(answer.status, answer.location ? { location: answer.location } : {}).end('data')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new webApi.WebClient('xoxb-1', { slackApiUrl: `${url}/`, allowAbsoluteUrls: true })
  const given = { client, token: 'xoxb-1', apiUrl: url, stopping: stopping.signal }
  const asked = { userId: 'U1', channelId: 'C1' }
  const fetched = await fetchNamedPicture({ fileId: 'F1' }, asked, given)
  const failure = await fetched.path.then(
    () => null,
    (error) => error,
  )
  await fetched.remove()
  return failure
}

test.each([404, 302])('a file that Slack hasn’t got, by a %i, is called unreadable', async (status) => {
  const failure = await fetchFrom({ status, location: 'http://127.0.0.1:9/' })
  expect(failure).toBeInstanceOf(UserError)
  expect((failure as UserError).detail.code).toBe('image_unreadable')
})

test('a file whose host is down is not called unreadable', async () => {
  const failure = await fetchFrom({ status: 503 })
  expect(failure).not.toBeInstanceOf(UserError)
  expect(failure).toMatchObject({ message: '127.0.0.1 answered 503' })
})

test('a file that is on its way is given up where the program stops', async () => {
  expect(await fetchFrom({ status: 200 }, { stops: true })).toMatchObject({ name: 'AbortError' })
})

test.each<[string, object]>([
  ['that they have shared', { user: 'U1' }],
  ['that is public', { user: 'U2', is_public: true }],
  ['that stands where they ask', { user: 'U2', groups: ['C1'] }],
])('a film may open on a picture %s', async (_, about) => {
  expect(await fetchFrom({ status: 200 }, { about })).toBeNull()
})

test('nobody is given a picture that somebody else has shared with the bot alone', async () => {
  const about = { user: 'U2', is_public: false, ims: ['D2'] }
  await expect(fetchFrom({ status: 200 }, { about })).rejects.toMatchObject({
    detail: { code: 'image_unreadable' },
  })
})
