import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  type APIApplication,
  type APIChannel,
  type APIInteraction,
  type Client,
  channelLink,
  InteractionResponseType,
  InteractionType,
  Routes,
} from 'discord.js'
import type { Log } from '../../core/ports.ts'
import type { Connection } from './bot.ts'
import { chatErrorOf } from './faults.ts'
import { DiscordKeyWrong, DiscordTokenRefused } from './start-errors.ts'

/** The largest request that is read, in bytes. Discord's have some kilobytes. */
const BODY_MAX = 1024 * 1024

/** How far the time of a signature may be from this machine's, in milliseconds. */
const CLOCKS_APART_MS = 5 * 60_000

/** How many channels' addresses are remembered. */
const CHANNELS_KNOWN = 1000

/** A request that isn't answered by what it asks for. */
class Refused extends Error {
  readonly status: number

  constructor(status: number, words: string) {
    super(words)
    this.status = status
  }
}

/**
 * Takes interactions as requests that Discord signs, without a connection of the bot's own. Each is acknowledged at once and answered by
 * REST like those from the gateway: docs.discord.com/developers/interactions/receiving-and-responding#interaction-callback. Throws
 * `DiscordTokenRefused`, `DiscordKeyWrong`, and whatever keeps Discord from being reached.
 */
export async function connectWebhook(
  client: Client,
  deps: {
    token: string
    publicKey: string
    now: () => number
    log: Log
    signal: AbortSignal
    stopping: AbortSignal
  },
): Promise<Connection> {
  const { publicKey, log } = deps
  client.rest.setToken(deps.token)
  const application = await whoIs(client, deps.signal)
  if (application.verify_key !== publicKey) throw new DiscordKeyWrong('the key is another application’s')
  if (!application.interactions_endpoint_url) {
    log.warn({}, 'Discord has no interactions endpoint URL yet: it sends no request')
  }
  const { id, bot } = application
  return {
    name: bot?.username ?? application.name,
    guilds: application.approximate_guild_count ?? 0,
    applicationId: id,
    botId: bot?.id ?? id,
    channelUrl: createChannelUrls(client, log),
    listener: createListener(client, deps),
    lost: new Promise(() => {}),
  }
}

async function whoIs({ rest }: Client, signal: AbortSignal): Promise<APIApplication> {
  try {
    return (await rest.get(Routes.currentApplication(), { signal })) as APIApplication
  } catch (error) {
    const isRefused = error instanceof Error && 'status' in error && error.status === 401
    throw isRefused ? new DiscordTokenRefused('Discord refused the token', { cause: error }) : error
  }
}

function createListener(
  client: Client,
  deps: { publicKey: string; now: () => number; log: Log; stopping: AbortSignal },
): RequestListener {
  const { now, log } = deps
  const x = Buffer.from(deps.publicKey, 'hex').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') throw new Refused(405, 'POST only')
    const body = await readBody(request)
    const skewMs = checkSignature(request, body, key, now())
    if (Math.abs(skewMs) > CLOCKS_APART_MS) {
      // signed by Discord all the same: it is this machine's clock, or somebody sends again what they have overheard
      log.warn(
        { seconds: Math.round(skewMs / 1000) },
        'a request of Discord has another time than this clock',
      )
      throw new Refused(401, 'request signature too old')
    }
    const interaction = readInteraction(body)
    if (interaction.type === InteractionType.Ping) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ type: InteractionResponseType.Pong }))
      return
    }
    if (deps.stopping.aborted) throw new Refused(503, 'stopping')
    response.writeHead(202).end()
    emit(client, interaction)
  }

  return (request, response) => {
    receive(request, response).catch((error) => {
      const { status, message } = error instanceof Refused ? error : new Refused(400, 'unreadable request')
      log.info({ status, reason: String(error?.message) }, 'a request to Discord’s address was refused')
      if (response.headersSent) return
      response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${message}\n`)
    })
  }
}

/** Throws `Refused` where a request is larger than Discord's can be. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  // what is left unread must not take the connection from under the refusal
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > BODY_MAX) {
      request.resume()
      throw new Refused(413, `at most ${BODY_MAX} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** How far this clock is ahead of the signature's, in milliseconds. Throws `Refused` where it isn't Discord's. */
function checkSignature({ headers }: IncomingMessage, body: Buffer, key: KeyObject, now: number): number {
  const signature = String(headers['x-signature-ed25519'] ?? '')
  const timestamp = String(headers['x-signature-timestamp'] ?? '')
  const signed = Buffer.concat([Buffer.from(timestamp), body])
  if (!verify(null, signed, key, Buffer.from(signature, 'hex')) || !/^\d+$/.test(timestamp)) {
    throw new Refused(401, 'invalid request signature')
  }
  return now - Number(timestamp) * 1000
}

function readInteraction(body: Buffer): APIInteraction {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new Refused(400, 'not JSON')
  }
}

/** Lets discord.js make of an interaction what it makes of one from its gateway. There is no public way to that. */
function emit(client: Client, interaction: APIInteraction): void {
  const { actions } = client as unknown as {
    actions: { InteractionCreate: { handle(data: APIInteraction): void } }
  }
  actions.InteractionCreate.handle(interaction)
}

/** Channels' addresses in the client, of those on servers that the bot can see. Without a gateway each is asked for once. */
function createChannelUrls({ rest }: Client, log: Log): (channelId: string) => Promise<string | null> {
  const known = new Map<string, string | null>()
  return async (channelId) => {
    const before = known.get(channelId)
    if (before !== undefined) return before
    try {
      const channel = (await rest.get(Routes.channel(channelId))) as APIChannel
      const guildId = 'guild_id' in channel ? channel.guild_id : undefined
      remember(channelId, guildId === undefined ? null : channelLink(channelId, guildId))
    } catch (error) {
      if (chatErrorOf(error).fault === 'passing') {
        log.info({ err: error }, 'a channel’s address could not be asked for')
        return null
      }
      remember(channelId, null)
    }
    return known.get(channelId) ?? null
  }

  function remember(channelId: string, url: string | null): void {
    known.set(channelId, url)
    const [oldest = ''] = known.keys()
    if (known.size > CHANNELS_KNOWN) known.delete(oldest)
  }
}
