import { expect, onTestFinished, test, vi } from 'vitest'
import { createDatabase } from '../support/databases.ts'
import { prepareBot, shown, toldOf } from '../support/discord-bot.ts'
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
