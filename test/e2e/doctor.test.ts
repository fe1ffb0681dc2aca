import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { type Env, MAIN, type Machine, newMachine } from '../support/cli.ts'
import { createDatabase, openUrl } from '../support/databases.ts'
import { type DiscordFront, startDiscordFront } from '../support/discord-front.ts'
import { serveAllSchemas } from '../support/fal-schemas.ts'
import { ON_PG_BOSS } from '../support/queue.ts'
import { type Services, startServices } from '../support/services.ts'
import { readManifest } from '../support/slack-bot.ts'
import { startSlackFront } from '../support/slack-front.ts'
import { startWeb } from '../support/web.ts'

vi.setConfig({ testTimeout: 240_000 })

/** What the doctor says with `--json`. */
interface Line {
  check: string
  state: string
  code?: string
  data?: Record<string, unknown>
  message: string
}

const closes: (() => Promise<void>)[] = []
let services: Services
let env: Env
let discord: DiscordFront

beforeAll(async () => {
  const cleanup = (close: () => Promise<void>) => void closes.unshift(close)
  services = await startServices(cleanup)
  serveAllSchemas(services.fal)
  discord = await startDiscordFront()
  cleanup(() => discord.close())
  const slack = await startSlackFront(readManifest().oauth_config.scopes.bot)
  cleanup(() => slack.close())
  env = {
    ...{ ...services.env, ...discord.env, DEFAULT_LOCALE: 'en' },
    ...{ SLACK_BOT_TOKEN: slack.token, SLACK_APP_TOKEN: slack.appToken, SLACK_API_URL: slack.url },
  }
})
afterAll(async () => {
  for (const close of closes) await close()
})

async function ask(more: Env = {}, machine: Machine = services.machine) {
  const { code, stdout, stderr } = await machine.run(['doctor', '--json'], { ...env, ...more })
  expect(stderr).toBe('')
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  const of = (check: string) => lines.filter((line) => line.check === check)
  return { code, lines, of, stdout }
}

test('where all is well each part has a line that says so, and nothing was rendered', async () => {
  await openUrl(env.DATABASE_URL ?? '', onTestFinished)
  const { code, lines } = await ask()
  expect(lines.filter(({ state }) => state !== 'right')).toEqual([])
  expect(code).toBe(0)
  expect(lines.map(({ check }) => check)).toEqual([
    ...['settings', 'data', 'disk', 'ffmpeg', 'database', 'storage', 'openai', 'fal', 'models'],
    ...['discord', 'slack', 'clock'],
  ])
  expect(services.fal.accepted).toEqual([])
  expect(services.supabase.objects.size).toBe(0)
})

test('with nothing set up it says what could be, and that is no fault', async () => {
  const machine = await newMachine()
  onTestFinished(() => machine.remove())
  const nothing = { QUEUE: '', DATABASE_URL: '' }
  const { code, stdout } = await machine.run(['doctor'], { DEFAULT_LOCALE: 'en', ...nothing })
  expect(code).toBe(0)
  expect(stdout).toContain('– Discord: not connected; DISCORD_TOKEN connects it')
  expect(stdout).toContain('✓ database: embedded')
  expect((await machine.run(['doctor', '--lang', 'ko'], nothing)).stdout).toContain('모두 정상입니다.')
})

test('each wrong key is named by its variable, and none is shown', async () => {
  const wrong = {
    ...{
      OPENAI_API_KEY: 'sk-proj-wrong0000',
      FAL_KEY: 'wrong-fal-key',
      DISCORD_TOKEN: 'wrong-discord-token',
    },
    ...{ SLACK_BOT_TOKEN: 'xoxb-wrong', SUPABASE_SECRET_KEY: 'sb_secret_wrong' },
  }
  const { code, lines, stdout } = await ask(wrong)
  expect(code).toBe(1)
  const messages = lines.filter(({ state }) => state === 'wrong').map(({ message }) => message)
  expect(messages).toHaveLength(5)
  for (const variable of Object.keys(wrong)) expect(messages.join('\n')).toContain(variable)
  for (const secret of Object.values(wrong)) expect(stdout).not.toContain(secret)
})

test('a wrong token for Socket Mode, a key that no request can carry, and a planner’s model that is closed', async () => {
  const key = 'zwölf-schlüssel-한글'
  const more = { SLACK_APP_TOKEN: 'xapp-wrong', FAL_KEY: key, PLANNER_MODEL: 'gpt-9' }
  const { of, stdout } = await ask(more)
  expect(of('slack')[0]?.message).toContain('SLACK_APP_TOKEN')
  expect(of('fal')[0]?.state).toBe('wrong')
  expect(of('openai')[0]?.message).toContain('gpt-9')
  for (const secret of [key, 'xapp-wrong']) expect(stdout).not.toContain(secret)
})

test('where Discord sends interactions elsewhere than to where they are waited for, it says what to do', async () => {
  const byRequests = { DISCORD_PUBLIC_KEY: discord.webhook.publicKey }
  expect((await ask(byRequests)).of('discord')[0]).toMatchObject({
    state: 'wrong',
    code: 'discord_has_no_url',
  })
  const other = await ask({ DISCORD_PUBLIC_KEY: 'ab'.repeat(32) })
  expect(other.of('discord')[0]).toMatchObject({ state: 'wrong', code: 'discord_key_wrong' })
  const url = 'https://films.example.com/discord/interactions'
  discord.webhook.url = url
  onTestFinished(() => {
    discord.webhook.url = null
  })
  expect((await ask(byRequests)).of('discord')[0]?.state).toBe('right')
  const { of, code } = await ask({ DEFAULT_LOCALE: 'ko' })
  expect(of('discord')[0]).toMatchObject({ state: 'wrong', message: expect.stringContaining(url) })
  expect(code).toBe(1)
})

test('variables that can’t be used, too little room and no ffmpeg are said with what to do, and the rest is looked at', async () => {
  const machine = { MIN_FREE_DISK_MB: '100000000', FFMPEG_PATH: '/nowhere/ffmpeg' }
  const { code, of } = await ask({ PORT: 'http', VIDEO_MODEL: 'sora-2', ...machine })
  expect(of('disk')[0]?.message).toContain('100000000 MB')
  expect(of('ffmpeg')[0]?.message).toContain('Install ffmpeg')
  expect(code).toBe(1)
  const [port, model] = of('settings')
  expect(port?.message).toContain('PORT')
  expect(model?.message).toContain('VIDEO_MODEL')
  expect(of('fal')[0]?.state).toBe('right')
})

test('a model that fal no longer has is named', async () => {
  const schemas = new Map(services.fal.schemas)
  services.fal.schemas.clear()
  onTestFinished(() => {
    for (const [endpoint, schema] of schemas) services.fal.schemas.set(endpoint, schema)
  })
  const { code, of } = await ask()
  expect(code).toBe(1)
  expect(of('models')[0]?.message).toContain('wan-2.7 (fal has no such endpoint)')
})

test('a database that is new, ahead of this version, or not there', async () => {
  const url = await createDatabase()
  expect((await ask({ DATABASE_URL: url })).of('database')[0]).toMatchObject({
    state: 'note',
    code: 'database_new',
  })
  await openUrl(url, onTestFinished)
  const db = postgres(url, { max: 1 })
  onTestFinished(() => db.end())
  await db`insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 9999999999999)`
  expect((await ask({ DATABASE_URL: url })).of('database')[0]).toMatchObject({
    state: 'wrong',
    code: 'database_ahead',
  })
  const away = await ask({ DATABASE_URL: 'postgres://someone:their-password@127.0.0.1:1/x' })
  expect(away.of('database')[0]).toMatchObject({
    state: 'wrong',
    message: expect.stringContaining('127.0.0.1:1'),
  })
  expect(away.stdout).not.toContain('their-password')
})

test('a clock that is off is found by what the services’ answers say', async () => {
  const server = createServer((_request, response) => {
    response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString())
    response.setHeader('content-type', 'application/json')
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const machine = await newMachine()
  onTestFinished(() => machine.remove())
  const { stdout, code } = await machine.run(['doctor', '--lang', 'en'], {
    DISCORD_TOKEN: 'x',
    DISCORD_API_URL: address,
  })
  expect(code).toBe(1)
  expect(stdout).toMatch(/✗ clock: -3(599|600|601)\.\d s beside that of 127\.0\.0\.1/)
})

// with pg-boss nobody holds the folder
test.skipIf(ON_PG_BOSS)(
  'while the program runs its data folder is said to be in use, which is right',
  async () => {
    const program = await newMachine(MAIN)
    onTestFinished(() => program.remove())
    const { DISCORD_TOKEN: _d, SLACK_BOT_TOKEN: _b, SLACK_APP_TOKEN: _a, ...quiet } = env
    const { running } = await startWeb(program, { ...quiet, DATA_DIR: services.machine.dataDir })
    expect((await ask()).of('data')[0]).toMatchObject({
      ...{ state: 'right', code: 'data_held', data: { pid: running.pid } },
    })
  },
)

test('an option that has nothing to do with it is refused', async () => {
  const { code, stderr } = await services.machine.run(['doctor', '--segments', '2'], env)
  expect([code, stderr]).toEqual([2, expect.stringContaining('--json and --lang')])
})
