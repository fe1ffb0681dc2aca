import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { BotService } from '../../../src/bot/service.ts'
import { startSlackBot } from '../../../src/bot/slack/app.ts'
import { silentLog } from '../../support/databases.ts'
import { until } from '../../support/until.ts'
import { acceptWebSocket, type WebSocketEnd } from '../../support/websocket.ts'

test('a start that Slack keeps waiting ends with the program, and leaves no call behind', async () => {
  const stopping = new AbortController()
  const closed = Promise.withResolvers<void>()
  const server = createServer((request) => {
    request.socket.on('close', () => closed.resolve())
    stopping.abort()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const starting = startSlackBot({
    botToken: 'xoxb-1',
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    uploadFilm: false,
    door: { appToken: 'xapp-1' },
    defaultLocale: 'en',
    service: {} as BotService,
    models: { models: [], usable: [], default: '' },
    log: silentLog,
    signal: stopping.signal,
  })
  await expect(starting).rejects.toThrow()
  await closed.promise
})

/** A Slack for Socket Mode alone: `refuse` answers the next connections, one after another. */
async function socketSlack(cleanup: (close: () => void | Promise<void>) => void) {
  const refuse: string[] = []
  const links: WebSocketEnd[] = []
  const acknowledged: unknown[] = []
  const slack = { refuse, links, acknowledged, greets: true, start, send }
  const server = createServer((request, response) => {
    request.resume()
    const answers: Record<string, object> = {
      '/auth.test': { ok: true, user: 'sora', user_id: 'U1', bot_id: 'B1', team: 'T' },
      '/apps.connections.open': { ok: true, url: `${url.replace('http', 'ws')}/link` },
    }
    const error = request.url === '/apps.connections.open' ? refuse.shift() : undefined
    const answer = error === undefined ? (answers[request.url ?? ''] ?? { ok: true }) : { ok: false, error }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  server.on('upgrade', (request, socket) => {
    const message = (said: unknown) => void acknowledged.push((said as { envelope_id: string }).envelope_id)
    const link = acceptWebSocket(request, socket, { message, closed() {} })
    links.push(link)
    if (slack.greets) link.send({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A1' } })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanup(() => {
    for (const link of links) link.destroy()
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  function start(stopping = new AbortController(), takeUp = () => {}) {
    return startSlackBot({
      botToken: 'xoxb-1',
      apiUrl: url,
      uploadFilm: false,
      door: { appToken: 'xapp-1' },
      defaultLocale: 'en',
      service: {
        cards: {
          waiting: async () => {
            takeUp()
            return []
          },
        },
      } as unknown as BotService,
      models: { models: [], usable: [], default: '' },
      log: silentLog,
      signal: stopping.signal,
    })
  }

  function send(envelope_id: string): void {
    const who = { team_id: 'T1', user_id: 'U1', channel_id: 'C1', trigger_id: envelope_id }
    const payload = { command: '/sora', text: 'help', ...who }
    links.at(-1)?.send({ envelope_id, type: 'slash_commands', payload, accepts_response_payload: true })
  }
  return slack
}

// at once: they wait for Bolt's own pauses
describe.concurrent('by Socket Mode', () => {
  test.for([
    { errors: [] },
    { errors: ['account_inactive', 'token_revoked'] },
    { errors: ['user_removed_from_team'] },
    { errors: ['internal_error'] },
  ])(
    'a connection that drops is opened again, though Slack refuses it meanwhile: $errors',
    { timeout: 30_000 },
    async ({ errors }, { onTestFinished }) => {
      const slack = await socketSlack(onTestFinished)
      const bot = await slack.start()
      onTestFinished(() => bot.stop())
      slack.refuse.push(...errors)
      slack.links[0]?.close(1000)
      await until('another connection', () => slack.links.length === 2, { seconds: 20 })
      slack.send('e1')
      await until('an acknowledgement', () => slack.acknowledged.includes('e1'))
      expect(slack.refuse).toEqual([])
    },
  )

  test('a bot that is stopped while it connects again stops', { timeout: 30_000 }, async ({
    onTestFinished,
  }) => {
    const slack = await socketSlack(onTestFinished)
    const bot = await slack.start()
    slack.greets = false
    slack.links[0]?.close(1000)
    await until('another connection', () => slack.links.length === 2, { seconds: 20 })
    await bot.stop()
  })
})

test('a start that is ended while it takes up cards ends, and connects to nothing', async () => {
  const slack = await socketSlack(onTestFinished)
  slack.greets = false
  const stopping = new AbortController()
  await expect(slack.start(stopping, () => stopping.abort())).rejects.toThrow()
  expect(slack.links).toEqual([])
})
