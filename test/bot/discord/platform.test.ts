import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { REST, SnowflakeUtil } from 'discord.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDiscordPlatform, type DiscordPlatform } from '../../../src/bot/discord/platform.ts'
import { restOptions } from '../../../src/bot/discord/rest.ts'
import type { CardView } from '../../../src/bot/view.ts'
import type { Card } from '../../../src/core/card.ts'
import { silentLog } from '../../support/databases.ts'
import { JOB_ID, START } from '../support.ts'

interface Answer {
  status: number
  headers?: Record<string, string>
  body: unknown
}

interface Asked {
  what: string
  path: string
  query: URLSearchParams
}

const CARD: Card = {
  jobId: JOB_ID,
  platform: 'discord',
  team: '',
  channelId: '111111111111111111',
  messageId: '222222222222222222',
  externalUserId: '333333333333333333',
  shownSeq: 0,
  deleted: false,
  notifiedAt: null,
  createdAt: new Date(START),
}

const VIEW: CardView = {
  jobId: JOB_ID,
  tone: 'working',
  title: null,
  prompt: 'a lighthouse',
  state: 'generating',
  detail: '',
  progress: 0.5,
  shots: [],
  facts: [],
  notes: [],
  buttons: [],
}

/** Discord, with these answers. */
async function discord(answer: (asked: Asked) => Answer) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://discord')
    const path = pathname.replace('/v10', '')
    const one = { what: `${request.method} ${path}`, path, query: searchParams }
    asked.push(one)
    await request.resume().toArray()
    const { status, headers, body } = answer(one)
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const rest = new REST(restOptions(`http://127.0.0.1:${port}`)).setToken('token')
  const clock = { now: START }
  const platform = createDiscordPlatform({
    rest,
    applicationId: '9',
    botId: '9',
    channelUrl: async () => null,
    now: () => clock.now,
    log: silentLog,
  })
  return { platform, asked, clock }
}

const edit = (platform: DiscordPlatform) => platform.edit(CARD, VIEW, null)

describe('an edit that Discord refuses', () => {
  const TOO_OFTEN = { code: 30046, message: 'Maximum number of edits…', retry_after: 1, global: false }

  test.for<[string, Record<string, string>, number]>([
    ['a second', { 'retry-after': '1' }, 1000],
    ['ten minutes', { 'retry-after': '600' }, 600_000],
    ['no time', {}, 0],
  ])(
    'as one too many of an old message is left to the pen, with the wait that it asks for: %s',
    async ([, headers, wait]) => {
      const { platform, asked } = await discord(() => ({ status: 429, headers, body: TOO_OFTEN }))
      const error = await edit(platform).catch((refusal) => refusal)
      expect(error).toMatchObject({ name: 'ChatError', fault: 'too_often' })
      expect(error.retryAfterMs).toBeGreaterThanOrEqual(wait)
      expect(asked).toHaveLength(1)
    },
  )

  test('as one too many of its channel, for a moment, is sent again', async () => {
    let refused = false
    const { platform, asked } = await discord(() => {
      const headers = { 'x-ratelimit-limit': '5', 'x-ratelimit-reset-after': '0.1', 'retry-after': '1' }
      if (refused) return { status: 200, body: {} }
      refused = true
      return { status: 429, headers: { ...headers, 'x-ratelimit-remaining': '0' }, body: {} }
    })
    await edit(platform)
    expect(asked).toHaveLength(2)
  })

  test.each([
    [400, 50083, 'passing'],
    [403, 50001, 'no_access'],
    [403, 50013, 'no_access'],
    [404, 10003, 'gone'],
    [404, 10008, 'gone'],
    [413, 40005, 'too_large'],
    [401, 0, 'passing'],
    [400, 50035, 'refused'],
  ])('with %i and %i is a fault of its own: %s', async (status, code, fault) => {
    const { platform } = await discord(() => ({ status, body: { code, message: 'no' } }))
    await expect(edit(platform)).rejects.toMatchObject({ fault })
  })
})

describe('a card where the bot is not', () => {
  const MINUTE = 60_000
  const NO_ACCESS = { status: 403, body: { code: 50001, message: 'Missing Access' } }
  const interaction = (token: string, at: number, ephemeral = false) => {
    return { token, at, fileLimit: 500_000_000, ephemeral }
  }

  /** Lets the bot edit by these tokens alone. */
  async function elsewhere() {
    const living = new Set<string>()
    const scene = await discord(({ path }) => {
      if (path.startsWith('/channels/')) return NO_ACCESS
      const token = path.split('/')[3] ?? ''
      return living.has(token)
        ? { status: 200, body: {} }
        : { status: 401, body: { code: 50027, message: 'Invalid Webhook Token' } }
    })
    return { ...scene, living }
  }

  test('is edited by the token of what its person did, and said to be out of reach after that', async () => {
    const { platform, asked, clock, living } = await elsewhere()
    living.add('first')
    platform.remember(JOB_ID, interaction('first', START))
    expect(platform.editableUntil(CARD)).toBeNull()
    await edit(platform)
    await edit(platform)
    expect(asked.map(({ path }) => path.split('/')[1])).toEqual(['channels', 'webhooks', 'webhooks'])
    expect(platform.editableUntil(CARD)).toBe(START + 15 * MINUTE)
    clock.now = START + 16 * MINUTE
    await expect(edit(platform)).rejects.toMatchObject({ fault: 'no_access' })

    // a press of Cancel or Retry brings another token
    living.add('second')
    platform.remember(JOB_ID, interaction('second', clock.now))
    await edit(platform)
    expect(asked.at(-1)?.path).toContain('/second/')
    expect(platform.editableUntil(CARD)).toBe(START + 31 * MINUTE)
  })

  test('that its person alone sees is never tried as the bot', async () => {
    const { platform, asked, living } = await elsewhere()
    living.add('alone')
    platform.remember(JOB_ID, interaction('alone', START, true))
    expect(platform.editableUntil(CARD)).toBe(START + 15 * MINUTE)
    await edit(platform)
    expect(asked).toHaveLength(1)
  })

  test('takes the files that its place takes, as far as they are worth their upload', async () => {
    const { platform } = await elsewhere()
    expect(platform.fileLimit(CARD)).toBe(10 * 1024 * 1024)
    platform.remember(JOB_ID, { ...interaction('x', START), fileLimit: 20_000_000 })
    expect(platform.fileLimit(CARD)).toBe(20_000_000)
    platform.remember(JOB_ID, interaction('x', START))
    expect(platform.fileLimit(CARD)).toBe(25 * 1024 * 1024)
  })
})

test('an end of a while ago is not told of again where a message about it stands, whose clock may be behind', async () => {
  const sent = String(SnowflakeUtil.generate({ timestamp: START - 20_000 }))
  const { platform, asked, clock } = await discord(({ path, query }) => {
    if (path === '/users/@me/channels') return { status: 200, body: { id: '444444444444444444' } }
    const isThere = BigInt(query.get('after') ?? 0) < BigInt(sent)
    const message = { id: sent, author: { id: '9' }, content: `ready\n-# ${JOB_ID}` }
    return { status: 200, body: isThere ? [message] : [] }
  })
  clock.now = START + 10 * 60_000
  const notice = { jobId: JOB_ID, lines: ['ready'], buttons: [], showCard: 'Show the card' }
  await platform.direct(CARD, notice, 'key', new Date(START))
  await platform.mention(CARD, notice, 'key', new Date(START))
  expect(asked.map(({ what }) => what)).toEqual([
    'POST /users/@me/channels',
    'GET /channels/444444444444444444/messages',
    `GET /channels/${CARD.channelId}/messages`,
  ])
})
