import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PermissionsBitField, REST } from 'discord.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { discordCommands, registerCommands } from '../../../src/bot/discord/register.ts'

type Stored = Record<string, unknown>

/** What Discord makes of commands: it adds ids and defaults, and leaves out what is empty. */
function stored(commands: readonly object[]): Stored[] {
  return commands.toReversed().map((command, i) => {
    const { options, ...rest } = structuredClone(command) as Stored & { options: object[] }
    const given = options.length === 0 ? {} : { options }
    return {
      id: `${i}`,
      version: '1',
      type: 1,
      nsfw: false,
      default_member_permissions: null,
      contexts: null,
      integration_types: [0],
      ...rest,
      ...given,
    }
  })
}

/** Discord, where these commands are registered for everywhere. */
async function discord(everywhere: Stored[]) {
  const commands: Record<string, Stored[]> = { '/v10/applications/1/commands': everywhere }
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    let body = ''
    for await (const part of request) body += part
    const [route = ''] = (request.url ?? '').split('?')
    if (request.method === 'PUT') commands[route] = stored(JSON.parse(body))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(commands[route] ?? []))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const rest = new REST({ api: `http://127.0.0.1:${port}`, version: '10' }).setToken('token')
  return { rest, asked }
}

describe('commands', () => {
  test('are written where there are none, and left alone where they are the same', async () => {
    const { rest, asked } = await discord([])
    expect(await registerCommands(rest, '1', null)).toBe(true)
    expect(await registerCommands(rest, '1', null)).toBe(false)
    expect(asked.map((line) => line.split('?')[0])).toEqual([
      'GET /v10/applications/1/commands',
      'PUT /v10/applications/1/commands',
      'GET /v10/applications/1/commands',
    ])
  })

  test.each([
    ['a description', (first: Stored) => ({ ...first, description: 'old' })],
    ['a Korean text', (first: Stored) => ({ ...first, description_localizations: { ko: '옛말' } })],
    [
      'a limit that is gone',
      (first: Stored) => ({ ...first, options: [{ type: 3, name: 'x', max_length: 3 }] }),
    ],
    ['where it may be used', (first: Stored) => ({ ...first, contexts: [0] })],
  ])('are written anew where %s differs', async (_, change) => {
    const [first = {}, ...rest_] = stored(discordCommands(false))
    const { rest } = await discord([change(first), ...rest_])
    expect(await registerCommands(rest, '1', null)).toBe(true)
  })

  test('that are no longer ours are taken away', async () => {
    const { rest } = await discord([...stored(discordCommands(false)), { id: '9', name: 'old', type: 1 }])
    expect(await registerCommands(rest, '1', null)).toBe(true)
    expect(await registerCommands(rest, '1', null)).toBe(false)
  })

  test('of one server are that server’s alone', async () => {
    const { rest, asked } = await discord(stored(discordCommands(false)))
    expect(await registerCommands(rest, '1', '2')).toBe(true)
    expect(await registerCommands(rest, '1', '2')).toBe(false)
    expect(asked.filter((request) => request.startsWith('PUT'))).toEqual([
      'PUT /v10/applications/1/commands',
      'PUT /v10/applications/1/guilds/2/commands',
    ])
  })
})

test.each(['README.md', 'README.ko.md'])('the invitation in %s asks for all that the bot does', (name) => {
  const [, asked = ''] = /permissions=(\d+)/.exec(readFileSync(name, 'utf8')) ?? []
  const needed = ['ViewChannel', 'SendMessages', 'SendMessagesInThreads', 'AttachFiles', 'ReadMessageHistory']
  expect(new PermissionsBitField(BigInt(asked)).toArray()).toEqual(expect.arrayContaining(needed))
})

/** docs.discord.com/developers/interactions/application-commands#application-command-object-application-command-naming */
const NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u

interface Declared {
  name: string
  name_localizations: { ko: string }
  description: string
  description_localizations: { ko: string }
  options: (Declared & Stored)[]
}

const declared: Declared[] = JSON.parse(JSON.stringify(discordCommands(false)))

test('every name and description is one that Discord takes, in both languages', () => {
  for (const part of declared.flatMap((command) => [command, ...command.options])) {
    for (const name of [part.name, part.name_localizations.ko]) {
      expect(name).toMatch(NAME)
      expect(name).toBe(name.toLowerCase())
    }
    for (const said of [part.description, part.description_localizations.ko]) {
      expect(said.length).toBeGreaterThan(0)
      expect(said.length).toBeLessThanOrEqual(100)
    }
    expect(part.description_localizations.ko).toMatch(/[가-힣]/)
  }
  expect(declared.map(({ name }) => name)).toEqual([
    'sora',
    'sora-jobs',
    'sora-cancel',
    'sora-link',
    'sora-help',
  ])
})

test('what is required comes first, and limits are declared', () => {
  const [first, ...others] = declared[0]?.options ?? []
  const option = (name: string) => others.find((other) => other.name === name)
  expect(first).toMatchObject({ name: 'prompt', required: true })
  expect(option('segments')).toMatchObject({ min_value: 2, max_value: 10 })
  expect(option('model')).toMatchObject({ autocomplete: true })
  expect(option('seconds')?.choices).toEqual([4, 8, 12].map((value) => ({ name: String(value), value })))
})
