import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { BotService } from '../../../src/bot/service.ts'
import { startSlackBot } from '../../../src/bot/slack/app.ts'
import { silentLog } from '../../support/databases.ts'

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
