import { reasonOf } from '../core/errors.ts'
import { type Check, type Finding, found } from './finding.ts'

/** How long a service may take to answer, in milliseconds. */
const PATIENCE_MS = 10_000

/** How far this machine's clock is behind a server's, in milliseconds. */
export interface ClockSample {
  host: string
  behindMs: number
}

/** What was found out about a service, and the time that its answer told. */
export interface Examined {
  findings: Finding[]
  clock: ClockSample | null
}

/** A call that costs nothing and needs the key. `refused` says of an answer why it is none; null: the key works. */
interface KeyCall {
  check: Check
  variable: string
  url: string
  init: RequestInit
  secret: string
  refused?: (status: number, body: Record<string, unknown>) => Finding | string | null
}

/** Whether a key works, by one call to its service. Neither the key nor what the service says of it is told. */
async function examineKey({ check, variable, url, init, secret, refused }: KeyCall): Promise<Examined> {
  const { host } = new URL(url)
  const start = Date.now()
  try {
    const answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(PATIENCE_MS) })
    const end = Date.now()
    const body = await answer.json().catch(() => ({}))
    const clock = sampleOf(host, answer.headers.get('date'), (start + end) / 2)
    const why = refused?.(answer.status, body) ?? (answer.ok ? null : String(answer.status))
    if (typeof why === 'object' && why !== null) return { findings: [why], clock }
    if (why !== null && answer.status >= 500) {
      return { findings: [found(check, 'wrong', 'no_answer', { host, reason: why })], clock }
    }
    const finding =
      why === null
        ? found(check, 'right', 'key_works', { ms: end - start })
        : found(check, 'wrong', 'key_refused', { variable, reason: why })
    return { findings: [finding], clock }
  } catch (error) {
    // of a key that no header can carry, fetch tells the whole
    const reason = reasonOf(error).replaceAll(secret, '…')
    return { findings: [found(check, 'wrong', 'no_answer', { host, reason })], clock: null }
  }
}

/** The header counts whole seconds: its middle is taken. https://www.rfc-editor.org/rfc/rfc9110#field.date */
function sampleOf(host: string, date: string | null, at: number): ClockSample | null {
  const told = Date.parse(date ?? '')
  return Number.isNaN(told) ? null : { host, behindMs: told + 500 - at }
}

/** `apiUrl` and `endpoint`: the list of a model's own requests needs the key, and costs nothing. */
export function examineFal(fal: { key: string; apiUrl: string }, endpoint: string): Promise<Examined> {
  const start = new Date(Date.now() - 60_000).toISOString()
  const query = new URLSearchParams({ endpoint_id: endpoint, start, limit: '1' })
  return examineKey({
    check: 'fal',
    variable: 'FAL_KEY',
    url: `${fal.apiUrl}/v1/models/requests/by-endpoint?${query}`,
    secret: fal.key,
    init: { headers: { authorization: `Key ${fal.key}` } },
  })
}

/** The planner's model is asked for: https://platform.openai.com/docs/api-reference/models/retrieve */
export function examineOpenAi(openai: {
  apiKey: string
  baseUrl: string | null
  model: string
}): Promise<Examined> {
  const { apiKey, baseUrl, model } = openai
  return examineKey({
    check: 'openai',
    variable: 'OPENAI_API_KEY',
    url: `${baseUrl ?? 'https://api.openai.com/v1'}/models/${encodeURIComponent(model)}`,
    secret: apiKey,
    init: { headers: { authorization: `Bearer ${apiKey}` } },
    refused: (status) =>
      status === 404 ? found('openai', 'wrong', 'planner_model_closed', { model }) : null,
  })
}

/**
 * Also whether Discord sends interactions to where they are waited for: it sends them to the application's address where it has one, and
 * over the gateway else. https://docs.discord.com/developers/resources/application#get-current-application
 */
export function examineDiscord(discord: {
  token: string
  publicKey: string | null
  apiUrl: string
}): Promise<Examined> {
  const { token, publicKey, apiUrl } = discord
  return examineKey({
    check: 'discord',
    variable: 'DISCORD_TOKEN',
    url: `${apiUrl}/v10/applications/@me`,
    secret: token,
    init: { headers: { authorization: `Bot ${token}` } },
    refused(status, { verify_key, interactions_endpoint_url: url }) {
      if (status !== 200) return null
      if (publicKey === null) {
        return url ? found('discord', 'wrong', 'discord_sends_requests', { url: String(url) }) : null
      }
      if (verify_key !== publicKey) return found('discord', 'wrong', 'discord_key_wrong', {})
      return url ? null : found('discord', 'wrong', 'discord_has_no_url', {})
    },
  })
}

/** Slack refuses with 200 and a word. https://api.slack.com/methods/auth.test, …/apps.connections.open */
export async function examineSlack(slack: {
  botToken: string
  apiUrl: string
  door: { appToken: string } | { signingSecret: string }
}): Promise<Examined> {
  const ask = (variable: string, method: string, token: string) =>
    examineKey({
      check: 'slack',
      variable,
      url: `${slack.apiUrl}/${method}`,
      secret: token,
      init: {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
      },
      refused: (_status, body) => (body.ok === false ? String(body.error) : null),
    })
  const bot = await ask('SLACK_BOT_TOKEN', 'auth.test', slack.botToken)
  if (!('appToken' in slack.door) || bot.findings.some(({ state }) => state === 'wrong')) return bot
  // the address that it gives is for one connection, and nobody opens it
  return ask('SLACK_APP_TOKEN', 'apps.connections.open', slack.door.appToken)
}
