import { DiscordAPIError, HTTPError } from 'discord.js'
import { expect, test } from 'vitest'
import { createLog } from '../../../src/telemetry.ts'

const ADDRESS = 'https://discord.com/api/webhooks/1/interaction-token/messages/@original'
const BODY = { files: undefined, json: { content: 'a prompt of somebody' } }

test.each([
  [new DiscordAPIError({ code: 50035, message: 'Invalid Form Body' }, 50035, 400, 'PATCH', ADDRESS, BODY)],
  [new HTTPError(502, 'Bad Gateway', 'PATCH', ADDRESS, BODY)],
])('what Discord refuses is logged without the token and the prompt that were sent: %s', (error) => {
  const lines: string[] = []
  createLog('info', { write: (line) => void lines.push(line) }).error({ err: error }, 'refused')
  expect(lines.join()).toContain(error.message)
  expect(lines.join()).not.toMatch(/interaction-token|somebody/)
})
