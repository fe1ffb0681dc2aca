import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { COMMAND, REQUEST_PATH } from '../../../src/bot/slack/app.ts'
import { readManifest } from '../../support/slack-bot.ts'

const manifestText = readFileSync(new URL('../../../slack.manifest.yaml', import.meta.url), 'utf8')
const manifest = readManifest()

/** The methods that the bot calls, by the scope that Slack asks for. docs.slack.dev/reference/scopes */
const SCOPES: Record<string, readonly string[]> = {
  commands: ['/sora'],
  'chat:write': ['chat.postMessage', 'chat.update', 'chat.delete', 'chat.postEphemeral'],
  'chat:write.public': ['chat.postMessage'],
  'im:write': ['conversations.open'],
  'im:history': ['conversations.history'],
  'users:read': ['users.info'],
  'files:write': ['files.uploadV2', 'files.delete'],
  'files:read': ['files.info'],
}

/** Those that need none. */
const FREE = ['auth.test', 'chat.getPermalink', 'views.open']

test('the manifest declares the command, its buttons and forms, and that text comes as it was typed', () => {
  const { slash_commands } = manifest.features
  expect(slash_commands.map(({ command, should_escape }) => [command, should_escape])).toEqual([
    [COMMAND, false],
  ])
  expect(manifest.settings).toMatchObject({ interactivity: { is_enabled: true }, socket_mode_enabled: true })
  // for those who take signed requests instead: the two addresses that they put back in
  const addresses = [...manifestText.matchAll(/# (?:url|request_url): https:\/\/[^/\s]+(\S+)/g)]
  expect(addresses.map(([, path]) => path)).toEqual([REQUEST_PATH, REQUEST_PATH])
})

test('it asks for the scopes of what the code calls, and for no other', async () => {
  const folder = new URL('../../../src/bot/slack/', import.meta.url)
  const files = await readdir(folder)
  const code = (await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')))).join('\n')
  const calls = code.matchAll(/\bclient\s*\.\s*([a-z]+\s*\.\s*[a-zA-Z0-9]+)\(/g)
  const called = new Set([...calls].map(([, method = '']) => method.replace(/\s/g, '')))
  const known = [...Object.values(SCOPES).flat(), ...FREE].filter((method) => method.includes('.'))
  expect([...called].sort()).toEqual([...new Set(known)].sort())
  expect([...manifest.oauth_config.scopes.bot].sort()).toEqual(Object.keys(SCOPES).sort())
})
