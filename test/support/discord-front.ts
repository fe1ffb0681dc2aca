import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { ChannelType, ComponentType, InteractionType } from 'discord.js'
import { DigitalDiscord, generateSnowflake } from 'discord-digital-twin'
import { type Call, type Calls, createCalls } from './discord-calls.ts'
import { createChannels } from './discord-channels.ts'
import { type CommandRegistry, commandData, createCommandRegistry, type Options } from './discord-commands.ts'
import { createGatewayFront, type GatewayFront } from './discord-gateway.ts'
import {
  type Answer,
  type Asked,
  type ErrorCode,
  type Fields,
  type Outcome,
  readRequest,
  refusal,
  respond,
  tooMany,
} from './discord-http.ts'
import { createLimiter } from './discord-limiter.ts'
import { partsOf } from './discord-limits.ts'
import { createMessages, type Shown } from './discord-messages.ts'
import { channelIds, createPeople, type People, type Person, type Place } from './discord-people.ts'
import { type Route, type Routed, routed } from './discord-routes.ts'
import { prepareSchemas } from './discord-schemas.ts'
import { createWebhook, type Webhook } from './discord-webhook.ts'

const UNAUTHORIZED: Answer = { status: 401, body: { code: 0, message: '401: Unauthorized' } }

/** A request of the bot, and how it was answered. `at` in ms, as `Date.now()`. */
export interface Recorded {
  at: number
  method: string
  path: string
  route: Route
  /** The channel, the interaction or its token, the server of the commands. */
  of: string
  body: Fields
  files: { name: string; size: number }[]
  status: number
}

/**
 * What goes wrong: one of Discord's errors, a 429 with seconds, another status, a line that
 * breaks (`drop`: before anything was done, `lost`: after it).
 */
export type Failure = ErrorCode | { retryAfter: number } | { status: number } | 'drop' | 'lost'

/** Discord, as far as a bot of slash commands sees it: a server of others' (REST and gateway) behind a front that judges. */
export interface DiscordFront {
  env: { DISCORD_TOKEN: string; DISCORD_API_URL: string }
  guildId: string
  gateway: GatewayFront
  webhook: Webhook
  people: People
  commands: CommandRegistry
  requests: Recorded[]
  /** Everything that a bot did wrong. A test is right where this is empty in the end. */
  invalid: string[]
  command(
    person: Person,
    place: Place,
    name: string,
    options?: Options,
    how?: { locale?: string },
  ): Promise<Call>
  /** What a person is offered while typing `value` into an option. */
  autocomplete(
    person: Person,
    place: Place,
    name: string,
    typed: Record<string, string>,
    how?: { locale?: string },
  ): Promise<{ name: string; value: string | number }[]>
  press(person: Person, message: Shown, customId: string, how?: { locale?: string }): Promise<Call>
  /** What stands in a channel, oldest first. */
  messages(channelId: string): Shown[]
  dms(person: Person): Promise<Shown[]>
  /** Lets the next requests of a route fail; with a channel, those about it. */
  fail(route: Route, failure: Failure, times?: number, of?: string): void
  /** Takes back what was to fail. */
  heal(): void
  /** The person takes no direct messages any more. */
  closeDms(person: Person, code: 50007 | 50278): void
  /** How long the tokens of the next interactions live. In ms. */
  tokenLifetime(ms: number): void
  deleteMessage(id: string): Promise<void>
  /** Forgets which messages came with a nonce, as Discord does after some minutes. */
  forgetNonces(): void
  /** Where a bot can fetch a picture of these bytes; null: one that never comes. */
  host(name: string, bytes: Buffer | null): string
  close(): Promise<void>
}

export async function startDiscordFront(): Promise<DiscordFront> {
  await prepareSchemas()
  const token = `front.${generateSnowflake()}.token`
  const ids = channelIds()
  const rooms = ids.map((id, i) => ({ id, name: `channel-${i + 1}`, type: ChannelType.GuildText }))
  const server = createServer((request, response) => {
    serve(request, response).catch((error) => {
      invalid.push(
        `${request.method} ${request.url}: the front failed: ${error instanceof Error ? error.stack : error}`,
      )
      respond(response, { status: 500, body: { code: 0, message: '500: Internal Server Error' } })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const host = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`
  const gatewayUrl = `ws://${host}/gateway`
  const options = { guild: { name: 'Studio' }, channels: rooms, users: [], botToken: token }
  const twin = new DigitalDiscord({ ...options, gatewayUrlOverride: gatewayUrl })
  await twin.start()
  const people = createPeople(twin, ids)
  const commands = createCommandRegistry(twin.botUserId)
  const limiter = createLimiter()
  const failures: { route: Route; failure: Failure; times: number; of: string | undefined }[] = []
  const pictures = new Map<string, Buffer | null>()
  const requests: Recorded[] = []
  const invalid: string[] = []

  const gateway = createGatewayFront({
    url: gatewayUrl,
    behindUrl: twin.gatewayUrl,
    changed: (event, data) => (event === 'INTERACTION_CREATE' ? calls.opened(data) : data),
  })
  server.on('upgrade', (request, socket) => gateway.upgrade(request, socket))
  const messages = createMessages(behind, async (id, attachments) => {
    await twin.prisma.message.update({ where: { id }, data: { attachments: JSON.stringify(attachments) } })
  })

  const calls = createCalls(twin, behind, messages)
  const channels = createChannels(behind, people, messages)
  const webhook = createWebhook({
    behindUrl: twin.gatewayUrl,
    token,
    applicationId: twin.botUserId,
    opened: (data) => calls.opened(data),
  })

  /** The application, with what the server behind doesn't know of it. */
  async function application(): Promise<Outcome> {
    const { status, body } = await behind('GET', '/applications/@me')
    const more = {
      verify_key: webhook.publicKey,
      interactions_endpoint_url: webhook.url,
      approximate_guild_count: 1,
      bot: { id: twin.botUserId, username: 'TestBot' },
    }
    return { answer: { status, body: { ...(body as Fields), ...more } }, complaints: [] }
  }

  /** Asks the server behind. */
  async function behind(method: string, path: string, body?: unknown): Promise<Answer> {
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const headers = { authorization: `Bot ${token}`, connection: 'close', ...json }
    const answer = await fetch(`${twin.restUrl}/v10${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, ...(text === '' ? {} : { body: JSON.parse(text) as unknown }) }
  }

  function run(asked: Asked, { route, of, id, token: callToken }: Routed): Promise<Outcome> | Outcome {
    switch (route) {
      case 'callback':
        return calls.callback(asked, of, callToken)
      case 'answer read':
      case 'answer edit':
      case 'answer delete':
      case 'follow-up':
        return calls.webhook(asked, callToken, id)
      case 'commands':
        return commands.answer(asked, of, id)
      case 'dm channel':
        return channels.openDm(asked)
      case 'application':
        return application()
      case 'other':
        return channels.other(asked)
      default:
        return channels.channel(asked, of, id)
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now()
    const asked = await readRequest(request)
    const where = routed(asked)
    const { route, of } = where
    const { method, path, files } = asked
    const record: Recorded = {
      at,
      method,
      path,
      route,
      of,
      body: (asked.body ?? {}) as Fields,
      files,
      status: 0,
    }
    requests.push(record)
    if (route === 'picture') {
      record.status = 200
      const bytes = pictures.get(path)
      return void (bytes === null || response.end(bytes))
    }
    const bucket = `${method} ${route} ${of}`
    const isLimited = of !== '' && route !== 'callback' && route !== 'commands'
    const complaints = [...asked.complaints]
    const soonerBy = limiter.soonerBy(bucket)
    if (soonerBy > 0) complaints.push(`it came ${soonerBy} ms before it might`)

    const failure = failureOf(where)
    if (failure === 'drop') return void response.destroy()
    const refused = isLimited && failure === undefined ? limiter.refused(bucket) : null
    const byToken = route === 'callback' || path.startsWith('/webhooks/')
    const authorized = byToken || request.headers.authorization === `Bot ${token}`
    const outcome =
      failure !== undefined && failure !== 'lost'
        ? { answer: failed(failure), complaints: [] }
        : refused
          ? { answer: refused, complaints: ['one too many for its limit'] }
          : authorized
            ? await run(asked, where)
            : { answer: UNAUTHORIZED, complaints: ['it has not the bot’s token'] }
    invalid.push(...[...complaints, ...outcome.complaints].map((one) => `${method} ${path}: ${one}`))
    if (failure === 'lost') return void response.destroy()

    const { answer } = outcome
    record.status = answer.status
    const { retry_after = 0 } = (answer.body ?? {}) as { retry_after?: number }
    if (answer.status === 429) limiter.wait(bucket, retry_after)
    const headers = isLimited ? { ...limiter.headers(bucket), ...answer.headers } : (answer.headers ?? {})
    respond(response, { ...answer, headers })
  }

  function failureOf({ route, of }: Routed): Failure | undefined {
    const failing = failures.find((one) => one.route === route && (one.of ?? of) === of)
    if (!failing) return undefined
    failing.times -= 1
    if (failing.times === 0) failures.splice(failures.indexOf(failing), 1)
    return failing.failure
  }

  function failed(failure: Exclude<Failure, 'drop' | 'lost'>): Answer {
    if (typeof failure === 'number') return refusal(failure)
    if ('retryAfter' in failure) return tooMany(failure.retryAfter)
    return { status: failure.status, body: { code: 0, message: `${failure.status}: on demand` } }
  }

  function commandOf(name: string, place: Place) {
    const command = commands.find(name, place.kind === 'server' ? place.guildId : null)
    if (!command) throw new Error(`there is no command /${name}`)
    return command
  }

  const interact: Calls['interact'] = async (...about) => {
    if (webhook.url === null) await gateway.connected()
    return calls.interact(...about)
  }

  return {
    env: { DISCORD_TOKEN: token, DISCORD_API_URL: `http://${host}/api` },
    guildId: twin.guildId,
    gateway,
    webhook,
    people,
    commands,
    requests,
    invalid,
    async command(person, place, name, options = {}, how = {}) {
      const data = commandData(commandOf(name, place), options)
      return interact(InteractionType.ApplicationCommand, person, place, data, how)
    },
    async autocomplete(person, place, name, typed, how = {}) {
      const focused = Object.keys(typed).at(-1) ?? ''
      const command = commandOf(name, place)
      const option = command.options.find((one) => one.name === focused)
      if (!option?.autocomplete) throw new Error(`/${name} completes no ${focused}`)
      const data = commandData(command, typed, focused)
      const type = InteractionType.ApplicationCommandAutocomplete
      const call = await interact(type, person, place, data, { ...how, focused: option.type })
      return (await call.first).body.choices as { name: string; value: string | number }[]
    },
    async press(person, message, customId, how = {}) {
      const button = partsOf(message.components).find((part) => part.custom_id === customId)
      if (!button || button.disabled) throw new Error(`the message has no button ${customId}`)
      const place = people.placeOf(message.channelId)
      if (!place) throw new Error('the message stands nowhere')
      const data = { custom_id: customId, component_type: ComponentType.Button }
      const more = { ...how, messageId: message.id }
      return interact(InteractionType.MessageComponent, person, place, data, more)
    },
    messages: (channelId) =>
      [...messages.all.values()].filter((one) => one.channelId === channelId && !one.deleted),
    async dms(person) {
      const { channelId } = await people.dm(person)
      return [...messages.all.values()].filter((one) => one.channelId === channelId && !one.deleted)
    },
    fail: (route, failure, times = 1, of) => void failures.push({ route, failure, times, of }),
    closeDms: (person, code) => void channels.closedDms.set(person.id, code),
    tokenLifetime(ms) {
      calls.lifetime = ms
    },
    heal: () => void failures.splice(0),
    forgetNonces: messages.forgetNonces,
    host(name, bytes) {
      pictures.set(`/pictures/${name}`, bytes)
      return `http://${host}/api/v10/pictures/${name}`
    },
    async deleteMessage(id) {
      const message = messages.all.get(id)
      if (!message) throw new Error(`there is no message ${id}`)
      message.deleted = true
      await twin.simulateUserMessageDelete({ messageId: id, channelId: message.channelId })
    },
    async close() {
      gateway.close()
      webhook.close()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await twin.stop()
    },
  }
}
