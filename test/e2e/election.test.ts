import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Env } from '../support/cli.ts'
import { createDatabase } from '../support/databases.ts'
import { prepareBot, shown, toldOf } from '../support/discord-bot.ts'
import { freePort } from '../support/free-port.ts'
import { prepareSlackBot, slackShown, slackToldOf } from '../support/slack-bot.ts'
import type { SlackFront, SlackPlace } from '../support/slack-world.ts'
import { until } from '../support/until.ts'

vi.setConfig({ testTimeout: 240_000 })

test('of two processes one is connected to Discord; when it is killed the other takes over, and goes on with its card', async () => {
  const { machine, front, fal, supabase } = await prepareBot(onTestFinished)
  const env = {
    ...fal.env,
    ...front.env,
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    DATABASE_URL: await createDatabase(),
    QUEUE: 'pg-boss',
    DEFAULT_LOCALE: 'en',
  }
  const start = async (part: 'serve' | 'worker') => {
    const running = machine.start([part], env)
    await running.said('Ready.')
    return running
  }
  const first = await start('serve')
  const second = await start('serve')
  await start('worker')
  expect(first.output()).toContain('Discord: TestBot')
  expect(second.output()).toContain('Discord: another process is connected')
  expect(front.gateway.identified).toBe(1)

  const [person, place] = [await front.people.person('Minji'), front.people.channel()]
  await until('commands', () => front.commands.find('sora', null))
  const rendering = fal.hold('status')
  await front.command(person, place, 'sora', { prompt: 'a lighthouse', segments: 2, seconds: 4 })
  await shown(front, place, ({ text }) => text.includes('1/2'), 'a card at the first segment')
  first.kill('SIGKILL')
  await until('another process that is connected', () => front.gateway.identified === 2, { seconds: 30 })
  rendering.release()
  await toldOf(front, person)
  await shown(front, place, ({ text }) => text.includes('100%'), 'a finished card')
  const list = await front.command(person, place, 'sora-jobs')
  await until('a list', () => list.answers().find(({ text }) => text.includes('lighthouse')))
  expect(await front.dms(person)).toHaveLength(1)
  expect(fal.accepted).toHaveLength(2)
  expect([...front.invalid, ...front.gateway.invalid]).toEqual([])

  second.kill('SIGTERM')
  expect((await second.ended).code).toBe(0)
})

describe('of two processes for Slack', () => {
  async function surroundings(door: 'http' | 'socket') {
    const { machine, front, fal, env } = await prepareSlackBot(onTestFinished)
    const shared = { ...env, DATABASE_URL: await createDatabase(), QUEUE: 'pg-boss', DEFAULT_LOCALE: 'en' }
    const by: Env =
      door === 'socket' ? { SLACK_APP_TOKEN: front.appToken } : { SLACK_SIGNING_SECRET: front.signingSecret }
    const start = async (part: 'serve' | 'worker') => {
      const port = await freePort()
      const running = machine.start([part], { ...shared, ...by, PORT: String(port) })
      await running.said('Ready.')
      return { running, url: `http://127.0.0.1:${port}/slack/events` }
    }
    const processes = [await start('serve'), await start('serve')] as const
    await start('worker')
    return { front, fal, processes }
  }

  const COMMAND = 'a lighthouse --segments 2 --seconds 4'
  const begun = (front: SlackFront, { channel }: SlackPlace) =>
    slackShown(front, channel, ({ text }) => text.includes('1/2'), 'a card at the first segment')
  const finished = (front: SlackFront, { channel }: SlackPlace) =>
    slackShown(front, channel, ({ text }) => text.includes('100%'), 'a finished card')

  test('one is connected by Socket Mode; when it is killed the other takes over, and goes on with its card', async () => {
    const { front, fal, processes } = await surroundings('socket')
    const [first, second] = processes
    expect(first.running.output()).toContain('by a connection of its own')
    expect(second.running.output()).toContain('Slack: another process is connected')
    await until('a connection', () => front.deliveries.connected())
    const [person, place] = [front.person(), front.place()]
    const rendering = fal.hold('status')
    const { again } = await front.command(person, place, COMMAND)
    await begun(front, place)
    first.running.kill('SIGKILL')
    await until('no connection', () => !front.deliveries.connected())
    await until('the other’s connection', () => front.deliveries.connected(), { seconds: 30 })
    // Slack delivers once more what it has no answer to
    await again({ retry: 1 })
    rendering.release()
    await finished(front, place)
    await slackToldOf(front, person)
    expect([front.dms(person).length, fal.accepted.length, front.invalid]).toEqual([1, 2, []])
  })

  test('both answer signed requests: one that comes to both makes one film, and a killed one is not missed', async () => {
    const { front, fal, processes } = await surroundings('http')
    const [first, second] = processes
    for (const { running } of processes) expect(running.output()).toContain('by signed requests to')
    front.deliveries.toUrl(first.url)
    const [person, place] = [front.person(), front.place()]
    const rendering = fal.hold('status')
    const { again } = await front.command(person, place, COMMAND)
    await begun(front, place)
    front.deliveries.toUrl(second.url)
    await again({ retry: 1 })
    first.running.kill('SIGKILL')
    await again({ retry: 2 })
    rendering.release()
    await finished(front, place)
    await slackToldOf(front, person)
    expect([front.dms(person).length, fal.accepted.length]).toEqual([1, 2])
    expect([front.messages(place.channel).length, front.invalid]).toEqual([1, []])
  })
})
