import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { InteractionResponseType } from 'discord.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test, vi } from 'vitest'
import type { Running } from '../support/cli.ts'
import { createDatabase } from '../support/databases.ts'
import { type BotAtWork, buttonsOf, prepareBot, shown, toldOf } from '../support/discord-bot.ts'
import type { DiscordFront } from '../support/discord-front.ts'
import type { Shown } from '../support/discord-messages.ts'
import type { Place } from '../support/discord-people.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'

vi.setConfig({ testTimeout: 120_000 })

const FILM = { prompt: 'a lighthouse in the rain', segments: 2, seconds: 4 }

const closes: (() => Promise<void>)[] = []
let bot: BotAtWork
let front: DiscordFront
let env: Record<string, string>
/** Two processes that people reach, and one that renders. */
let serves: { running: Running; url: string }[]

beforeAll(async () => {
  bot = await prepareBot((close) => void closes.unshift(close))
  front = bot.front
  const { fal, supabase } = bot
  env = {
    ...fal.env,
    ...front.env,
    FAL_LOOKUP_SECONDS: '1',
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    DATABASE_URL: await createDatabase(),
    DISCORD_PUBLIC_KEY: front.webhook.publicKey,
    QUEUE: 'pg-boss',
    DEFAULT_LOCALE: 'en',
  }
  serves = []
  for (let i = 0; i < 2; i += 1) {
    const port = await freePort()
    const running = bot.machine.start(['serve'], { ...env, PORT: String(port) })
    await running.said('Ready.')
    serves.push({ running, url: `http://127.0.0.1:${port}/discord/interactions` })
  }
  await bot.machine.start(['worker'], env).said('Ready.')
  await front.webhook.toUrl(urlOf(0))
})

afterAll(async () => {
  for (const close of closes) await close()
})

beforeEach(() => {
  onTestFailed(() => {
    for (const { running } of serves) process.stderr.write(running.output().slice(-4000))
  })
})

afterEach(() => {
  expect([...front.invalid.splice(0), ...front.webhook.invalid.splice(0)]).toEqual([])
})

const urlOf = (i: number) => serves[i]?.url ?? ''
const cancelOf = (card: Shown) => buttonsOf(card).find((id) => id.startsWith('cancel:')) ?? ''
const begun = (place: Place) => shown(front, place, (message) => cancelOf(message) !== '', 'a card')
const hasFilm = ({ attachments }: Shown) => attachments.some(({ filename }) => filename.endsWith('.mp4'))
const finished = (place: Place) => shown(front, place, hasFilm, 'a card with the film')

describe('with the application’s public key', () => {
  test('every process says where Discord’s requests go, and none is connected to the gateway', () => {
    for (const { running, url } of serves) {
      expect(running.output()).toContain(
        `Discord: TestBot, servers: 1, by signed requests to ${url.slice(7)}`,
      )
    }
    expect(front.gateway.identified).toBe(0)
  })

  test('/sora makes a film: the card grows, holds the film, and one direct message comes with a link to the card', async () => {
    const [person, place] = [await front.people.person('Minji'), front.people.channel()]
    const call = await front.command(person, place, 'sora', FILM)
    const card = await finished(place)
    expect((await call.first).type).toBe(InteractionResponseType.DeferredChannelMessageWithSource)
    const told = await toldOf(front, person)
    const link = `https://discord.com/channels/${front.guildId}/${place.channelId}/${card.id}`
    expect(buttonsOf(told)).toContain(link)
    expect([await front.dms(person), front.messages(place.channelId)]).toEqual([[told], [card]])
    // without a gateway a channel’s address has to be asked for
    const asked = front.requests.filter(({ path }) => path === `/channels/${place.channelId}`)
    expect(asked).toHaveLength(1)
  })

  test('buttons, suggestions and private answers work, in Korean too, and where the app is a person’s own', async () => {
    const [person, group] = [await front.people.person('Jiwoo'), await front.people.group()]
    const rendering = bot.fal.hold('status')
    await front.command(person, group, 'sora', FILM, { locale: 'ko' })
    const card = await begun(group)
    const offered = await front.autocomplete(person, group, 'sora-cancel', { job: '' })
    expect(offered.map(({ value }) => `cancel:${value}`)).toEqual([cancelOf(card)])
    const stranger = await front.people.person('Sam')
    const press = await front.press(stranger, card, cancelOf(card), { locale: 'ko' })
    const isKorean = ({ private: alone, text }: Shown) => alone && /[가-힣]/.test(text)
    await until('a private answer in Korean', () => press.answers().find(isKorean))
    await front.press(person, card, cancelOf(card), { locale: 'ko' })
    await until('a card of a cancelled job', () => cancelOf(card) === '')
    rendering.release()
    const refused = await front.command(person, group, 'sora', { prompt: '   ' }, { locale: 'ko' })
    await until('a refusal', () => refused.answers().find(isKorean))
  })

  test('a request that is sent again makes no second film', async () => {
    const [person, place] = [await front.people.person('Ann'), front.people.channel()]
    await front.command(person, place, 'sora', FILM)
    await finished(place)
    await toldOf(front, person)
    const { length } = bot.fal.accepted
    const again = front.webhook.last
    for (const { url } of serves) {
      const answer = await fetch(url, { method: 'POST', ...again })
      expect(answer.status).toBe(202)
    }
    // each of the two tries to answer, and to say that it couldn't
    await until('what Discord says of second answers', () => front.invalid.length >= 4)
    front.invalid.splice(0)
    const jobs = await front.command(person, place, 'sora-jobs')
    const list = await until('a list', () => jobs.answers().find(({ text }) => text.includes('lighthouse')))
    expect(list.text.match(/lighthouse/g)).toHaveLength(1)
    const publicly = front.messages(place.channelId).filter((one) => !one.private)
    expect([bot.fal.accepted.length, publicly.length]).toEqual([length, 1])
    expect(await front.dms(person)).toHaveLength(1)
  })
})

describe('what isn’t Discord’s is refused, and nothing is done', () => {
  const ping = JSON.stringify({ id: '1', type: 1, version: 1 })
  const { privateKey } = generateKeyPairSync('ed25519')
  const post = (headers: Record<string, string>, body: string) =>
    fetch(urlOf(1), { method: 'POST', headers, body }).then(async (answer) => [
      answer.status,
      await answer.text(),
    ])

  test.for<
    [string, (signed: DiscordFront['webhook']['signed']) => { headers: Record<string, string>; body: string }]
  >([
    ['unsigned', () => ({ headers: {}, body: ping })],
    ['signed by another key', (signed) => signed(ping, Date.now(), privateKey)],
    ['changed on its way', (signed) => ({ ...signed(ping), body: ping.replace('"1"', '"2"') })],
    [
      'with another time than was signed',
      (signed) => {
        const { headers, body } = signed(ping)
        return { headers: { ...headers, 'x-signature-timestamp': '1' }, body }
      },
    ],
    [
      'with a signature that is none',
      (signed) => ({
        headers: { ...signed(ping).headers, 'x-signature-ed25519': 'zz'.repeat(64) },
        body: ping,
      }),
    ],
    [
      'with half a signature',
      (signed) => {
        const { headers } = signed(ping)
        const half = headers['x-signature-ed25519']?.slice(64) ?? ''
        return { headers: { ...headers, 'x-signature-ed25519': half }, body: ping }
      },
    ],
  ])('%s', async ([, make]) => {
    const { headers, body } = make(front.webhook.signed)
    expect(await post(headers, body)).toEqual([401, 'invalid request signature\n'])
  })

  test('signed ten minutes ago', async () => {
    const { headers, body } = front.webhook.signed(ping, Date.now() - 600_000)
    expect(await post(headers, body)).toEqual([401, 'request signature too old\n'])
    // the operator's own clock may be what is wrong
    await until('a warning', () => serves[1]?.running.output().includes('another time than this clock'))
  })

  test('signed, but no JSON', async () => {
    const { headers, body } = front.webhook.signed('type=1')
    expect(await post(headers, body)).toEqual([400, 'not JSON\n'])
  })

  test('larger than anything that Discord sends', async () => {
    const { headers, body } = front.webhook.signed(`"${'x'.repeat(1_100_000)}"`)
    expect((await post(headers, body))[0]).toBe(413)
  })

  test('a kind of interaction that nobody knows is acknowledged, and the next one is answered', async () => {
    const { headers, body } = front.webhook.signed(JSON.stringify({ id: '1', type: 99, data: {} }))
    expect(await post(headers, body)).toEqual([202, ''])
    const odd = front.webhook.signed('null')
    expect((await post(odd.headers, odd.body))[0]).toBe(400)
    const again = front.webhook.signed(ping)
    expect(await post(again.headers, again.body)).toEqual([200, '{"type":1}'])
  })

  test('not a POST', async () => {
    expect((await fetch(urlOf(1))).status).toBe(405)
  })

  test('cut off in its middle', async () => {
    const { port } = new URL(urlOf(1))
    const socket = connect(Number(port), '127.0.0.1')
    socket.resume()
    await once(socket, 'connect')
    socket.end('POST /discord/interactions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"type"')
    await once(socket, 'close')
    const signed = front.webhook.signed(ping)
    expect((await post(signed.headers, signed.body))[0]).toBe(200)
  })
})

test('while its process is killed, requests to the other one go on with the same films, and each end is told once', async () => {
  const [person, place] = [await front.people.person('Hana'), front.people.channel()]
  const rendering = bot.fal.hold('status')
  await front.command(person, place, 'sora', FILM)
  const card = await shown(front, place, ({ text }) => text.includes('1/2'), 'a card at the first segment')
  serves[0]?.running.kill('SIGKILL')
  await front.webhook.toUrl(urlOf(1))
  const jobs = await front.command(person, place, 'sora-jobs')
  await until('a list', () => jobs.answers().find(({ text }) => text.includes('lighthouse')))
  rendering.release()
  await toldOf(front, person)
  await until('the film in the card', () => hasFilm(card))
  expect(await front.dms(person)).toHaveLength(1)
})

test('a Discord that can’t be reached at the start keeps nothing else from working, and is tried again', async () => {
  const silent = createServer(() => {})
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const PORT = String(await freePort())
  const { port } = silent.address() as AddressInfo
  const elsewhere = { DISCORD_API_URL: `http://127.0.0.1:${port}/api`, PORT }
  const running = bot.machine.start(['serve'], { ...env, ...elsewhere })
  const ready = async () => {
    const answer = await fetch(`http://127.0.0.1:${PORT}/readyz`)
    return `${answer.status} ${await answer.text()}`
  }
  // nobody is to be sent here before the chats are there, or can't be
  await until('an answer', () => ready().catch(() => null)).then((first) =>
    expect(first).toBe('503 starting\n'),
  )
  silent.close()
  silent.closeAllConnections()
  await running.said('Discord: it can’t be reached now')
  await until('a process that is ready', async () => (await ready()) === '200 ok\n')

  const again = createServer((request, response) => {
    const headers = { authorization: String(request.headers.authorization) }
    fetch(`${env.DISCORD_API_URL}${String(request.url).slice('/api'.length)}`, {
      method: request.method ?? '',
      headers,
    })
      .then(async (answer) =>
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text()),
      )
      .catch(() => response.destroy())
  })
  again.listen(port, '127.0.0.1')
  await until('Discord’s bot', () => running.output().includes('this process is connected now'))
  const { headers, body } = front.webhook.signed(JSON.stringify({ id: '1', type: 1, version: 1 }))
  const pong = await fetch(`http://127.0.0.1:${PORT}/discord/interactions`, { method: 'POST', headers, body })
  expect(await pong.json()).toEqual({ type: 1 })
  running.kill('SIGKILL')
  again.close()
})

test('the key of another application is refused at the start, in words', async () => {
  const other = { ...env, DISCORD_PUBLIC_KEY: 'ab'.repeat(32), DEFAULT_LOCALE: 'ko' }
  const { code, stderr } = await bot.machine.run(['serve'], other)
  expect([code, stderr]).toEqual([2, expect.stringMatching(/DISCORD_PUBLIC_KEY.*애플리케이션/)])
})

test('a key that is none, and one without a bot’s token, are told of, and what was given isn’t', async () => {
  const secret = 'MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs'
  const wrong = await bot.machine.run(['serve'], { ...env, DISCORD_PUBLIC_KEY: secret })
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/DISCORD_PUBLIC_KEY.*64/)])
  expect(wrong.stderr).not.toContain(secret)
  const { DISCORD_TOKEN: _, ...alone } = env
  const missing = await bot.machine.run(['serve'], alone)
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('DISCORD_TOKEN')])
})
