import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  ChannelType,
  ComponentType,
  InteractionResponseType,
  InteractionType,
  MessageFlags,
} from 'discord.js'
import { DigitalDiscord, generateSnowflake } from 'discord-digital-twin'
import { type CommandRegistry, commandData, createCommandRegistry, type Options } from './discord-commands.ts'
import { createGatewayFront, type GatewayFront } from './discord-gateway.ts'
import {
  type Answer,
  type Asked,
  type ErrorCode,
  type Fields,
  readRequest,
  refusal,
  respond,
  tooMany,
} from './discord-http.ts'
import { createLimiter } from './discord-limiter.ts'
import { choicesComplaints, messageComplaints, partsOf } from './discord-limits.ts'
import { createMessages, type Outcome, type Shown, withoutHabits } from './discord-messages.ts'
import {
  channelIds,
  createPeople,
  interactionIn,
  type People,
  type Person,
  type Place,
} from './discord-people.ts'
import { prepareSchemas, shapeComplaints } from './discord-schemas.ts'

/** What a bot asks for, by the name of the route. */
export type Route =
  | 'callback'
  | 'answer'
  | 'answer edit'
  | 'answer delete'
  | 'follow-up'
  | 'message'
  | 'message edit'
  | 'message read'
  | 'message delete'
  | 'dm channel'
  | 'commands'
  | 'channel'
  | 'other'

/** A request of the bot, and how it was answered. `at` in ms, as `Date.now()`. */
export interface Recorded {
  at: number
  method: string
  path: string
  route: Route
  channelId: string
  body: Fields
  files: { name: string; size: number }[]
  status: number
}

/** What goes wrong: one of Discord's errors, a 429 with seconds, another status, or a line that breaks. */
export type Failure = ErrorCode | { retryAfter: number } | { status: number } | 'drop'

/** A command, a button or an autocompletion, and what came of it. */
export interface Call {
  id: string
  token: string
  sentAt: number
  person: Person
  place: Place
  /** The bot's first answer: how long it took, and what it was. */
  first: Promise<{ type: InteractionResponseType; afterMs: number; body: Fields }>
  /** Everything that it has been answered with, newest last; deleted messages are left out. */
  answers(): Shown[]
}

/** Discord, as far as a bot of slash commands sees it: a server of others' (REST and gateway) behind a front that judges. */
export interface DiscordFront {
  env: { DISCORD_TOKEN: string; DISCORD_API_URL: string }
  guildId: string
  gateway: GatewayFront
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
  fail(route: Route, failure: Failure, times?: number, channelId?: string): void
  /** The person takes no direct messages any more. */
  closeDms(person: Person, code: 50007 | 50278): void
  /** How long the tokens of the next interactions live. In ms. */
  tokenLifetime(ms: number): void
  deleteMessage(id: string): Promise<void>
  close(): Promise<void>
}

const ANSWER_WITHIN = 3000
const TOKEN_LIFETIME = 15 * 60_000
/** Where an interaction carries what the server behind has no place for. */
const EXTRAS = 'front'

interface KnownCall extends Call {
  expiresAt: number
  kind: InteractionType
  acknowledged: boolean
  focused: number
  followUps: number
  messageIds: string[]
  resolve: (first: Awaited<Call['first']>) => void
}

export async function startDiscordFront(): Promise<DiscordFront> {
  prepareSchemas()
  const token = `front.${generateSnowflake()}.token`
  const ids = channelIds()
  const channels = ids.map((id, i) => ({ id, name: `channel-${i + 1}`, type: ChannelType.GuildText }))
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
  const options = { guild: { name: 'Studio' }, channels, users: [], botToken: token }
  const twin = new DigitalDiscord({ ...options, gatewayUrlOverride: gatewayUrl })
  await twin.start()
  const people = createPeople(twin, ids)
  const commands = createCommandRegistry(twin.botUserId)
  const limiter = createLimiter()
  const calls = new Map<string, KnownCall>()
  const failures: { route: Route; failure: Failure; times: number; channelId: string | undefined }[] = []
  const closedDms = new Map<string, ErrorCode>()
  const requests: Recorded[] = []
  const invalid: string[] = []
  let lifetime = TOKEN_LIFETIME

  const gateway = createGatewayFront({
    url: gatewayUrl,
    behindUrl: twin.gatewayUrl,
    changed: (event, data) => (event === 'INTERACTION_CREATE' ? opened(data) : data),
  })
  server.on('upgrade', (request, socket) => gateway.upgrade(request, socket))
  const messages = createMessages(behind, async (id, attachments) => {
    await twin.prisma.message.update({ where: { id }, data: { attachments: JSON.stringify(attachments) } })
  })

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

  // ─── interactions ────────────────────────────────────────────────────────────────────────────────────────

  /** Makes an interaction of the server behind what a bot gets, and starts its clock. */
  function opened(data: Fields): Fields {
    const { [EXTRAS]: extras, ...about } = data.data as Fields
    const { person, place, locale, resolve, focused } = extras as Extras
    const known = waiting.get(resolve)
    if (!known) throw new Error('an interaction of nobody')
    waiting.delete(resolve)
    const sentAt = Date.now()
    const first = Promise.withResolvers<Awaited<Call['first']>>()
    const isButton = data.type === InteractionType.MessageComponent
    const call: KnownCall = {
      id: String(data.id),
      token: String(data.token),
      sentAt,
      expiresAt: sentAt + lifetime,
      person,
      place,
      kind: data.type as InteractionType,
      first: first.promise,
      acknowledged: false,
      focused,
      followUps: 0,
      messageIds: isButton ? [String((data.message as Fields).id)] : [],
      resolve: first.resolve,
      answers: () =>
        call.messageIds.flatMap((id) => messages.all.get(id) ?? []).filter(({ deleted }) => !deleted),
    }
    calls.set(call.id, call)
    known(call)
    return interactionIn(place, person, locale, { ...data, data: about })
  }

  interface Extras {
    person: Person
    place: Place
    locale: string
    focused: number
    resolve: string
  }
  const waiting = new Map<string, (call: KnownCall) => void>()

  async function interact(
    type: InteractionType,
    person: Person,
    place: Place,
    data: Fields,
    { locale = 'en-US', messageId, focused = 0 }: { locale?: string; messageId?: string; focused?: number },
  ): Promise<KnownCall> {
    await gateway.connected()
    const { promise, resolve } = Promise.withResolvers<KnownCall>()
    const key = generateSnowflake()
    waiting.set(key, resolve)
    const extras: Extras = { person, place, locale, focused, resolve: key }
    await twin.simulateInteraction({
      type,
      channelId: place.channelId,
      userId: person.id,
      data: { ...data, [EXTRAS]: extras },
      ...(messageId === undefined ? {} : { messageId }),
    })
    return promise
  }

  async function callback(asked: Asked, id: string, callToken: string): Promise<Outcome> {
    const call = calls.get(id)
    if (!call || call.token !== callToken)
      return { answer: refusal(10062), complaints: [`no interaction ${id}`] }
    if (call.acknowledged) return { answer: refusal(40060), complaints: ['it was answered already'] }
    const afterMs = Date.now() - call.sentAt
    if (afterMs > ANSWER_WITHIN) {
      return { answer: refusal(10062), complaints: [`its first answer came after ${afterMs} ms`] }
    }
    const { type, data } = asked.body as { type: InteractionResponseType; data?: Fields }
    const body = { type, ...(data ? { data: withoutHabits(data) } : {}) }
    const complaints = [
      ...shapeComplaints('callback', body),
      ...callbackComplaints(call, type, data ?? {}, asked),
    ]
    if (complaints.length > 0) return { answer: refusal(50035, complaints), complaints }
    call.acknowledged = true
    call.resolve({ type, afterMs, body: data ?? {} })
    const defers = type === InteractionResponseType.DeferredChannelMessageWithSource
    // the server behind makes no message of a deferral; Discord makes one that says that the bot thinks
    const said = defers ? { content: '', flags: Number(data?.flags ?? 0) | MessageFlags.Loading } : data
    const sent = { type: defers ? InteractionResponseType.ChannelMessageWithSource : type, data: said }
    const made = await behind('POST', asked.path, sent)
    if (made.status !== 204) return { answer: made, complaints: [] }
    const carries = [InteractionResponseType.UpdateMessage, InteractionResponseType.ChannelMessageWithSource]
    if (!carries.includes(sent.type)) return { answer: made, complaints: [] }
    const original = await behind('GET', `/webhooks/${twin.botUserId}/${callToken}/messages/@original`)
    const message = messages.adopt(original.body as Fields, data ?? {}, asked.files)
    call.messageIds = [message.id]
    const interaction = {
      id,
      type: call.kind,
      response_message_id: message.id,
      response_message_ephemeral: message.private,
    }
    const resource = { type, message: original.body }
    const answer =
      asked.query.get('with_response') === 'true' ? { status: 200, body: { interaction, resource } } : made
    return { answer, complaints: [], message }
  }

  function callbackComplaints(
    call: KnownCall,
    type: InteractionResponseType,
    data: Fields,
    asked: Asked,
  ): string[] {
    const { files } = asked
    const flags = Number(data.flags ?? 0)
    const isButton = call.kind === InteractionType.MessageComponent
    switch (type) {
      case InteractionResponseType.ApplicationCommandAutocompleteResult:
        if (call.kind !== InteractionType.ApplicationCommandAutocomplete)
          return ['choices for no autocompletion']
        return choicesComplaints(data.choices as Fields[], call.focused)
      case InteractionResponseType.DeferredChannelMessageWithSource:
        return flags & ~MessageFlags.Ephemeral ? ['a deferral takes no flag but EPHEMERAL'] : []
      case InteractionResponseType.DeferredMessageUpdate:
      case InteractionResponseType.UpdateMessage:
        if (!isButton) return ['there is no message to update']
        return type === InteractionResponseType.UpdateMessage
          ? messageComplaints(data, { flags, files, kept: [] })
          : []
      case InteractionResponseType.ChannelMessageWithSource:
        return messageComplaints(data, { flags, files, kept: [] })
      default:
        return [`callback of type ${type}`]
    }
  }

  async function webhook(asked: Asked, callToken: string, messageId: string | undefined): Promise<Outcome> {
    const call = [...calls.values()].find((one) => one.token === callToken)
    if (!call?.acknowledged)
      return { answer: refusal(10015), complaints: ['a token before its first answer'] }
    if (Date.now() > call.expiresAt) return { answer: refusal(50027), complaints: [] }
    const original = messages.all.get(call.messageIds[0] ?? '')
    if (messageId === undefined) {
      // Discord takes a first follow-up to a deferral as its answer, which stays as private as it was
      if (original?.loading && !original.deleted) return edited('follow-up', asked, original, callToken)
      call.followUps += 1
      if (call.place.kind !== 'server' && call.followUps > 5)
        return { answer: refusal(40094), complaints: [] }
      const outcome = await messages.create('follow-up', asked.path, asked, call.place)
      if (outcome.message) call.messageIds.push(outcome.message.id)
      return outcome
    }
    const message = messageId === '@original' ? original : messages.all.get(messageId)
    if (!message || message.deleted) return { answer: refusal(10008), complaints: [] }
    if (asked.method === 'PATCH') return edited('answer edit', asked, message, callToken)
    if (asked.method === 'DELETE') message.deleted = true
    return { answer: await behind(asked.method, asked.path), complaints: [] }
  }

  function edited(
    kind: 'follow-up' | 'answer edit',
    asked: Asked,
    message: Shown,
    callToken: string,
  ): Promise<Outcome> {
    return messages.edit(
      kind,
      `/webhooks/${twin.botUserId}/${callToken}/messages/${message.id}`,
      asked,
      message,
    )
  }

  // ─── channels ────────────────────────────────────────────────────────────────────────────────────────────

  async function channel(asked: Asked, channelId: string, messageId: string | undefined): Promise<Outcome> {
    const owner = people.ownerOf(channelId)
    const place = people.placeOf(channelId)
    if (!place) return { answer: refusal(10003), complaints: [] }
    if (place.kind === 'elsewhere' || place.kind === 'group')
      return { answer: refusal(50001), complaints: [] }
    if (asked.path === `/channels/${channelId}`) {
      const dm = { id: channelId, type: ChannelType.DM, recipients: [{ id: owner }] }
      return { answer: owner ? { status: 200, body: dm } : await behind('GET', asked.path), complaints: [] }
    }
    if (messageId === undefined) {
      if (asked.method !== 'POST') return { answer: await behind(asked.method, asked.path), complaints: [] }
      const closed = closedDms.get(owner ?? '')
      if (closed) return { answer: refusal(closed), complaints: [] }
      return messages.create('message', asked.path, asked, { channelId })
    }
    const message = messages.all.get(messageId)
    if (!message || message.deleted || message.private || message.channelId !== channelId) {
      return { answer: refusal(10008), complaints: [] }
    }
    if (asked.method === 'PATCH') return messages.edit('message edit', asked.path, asked, message)
    if (asked.method === 'DELETE') message.deleted = true
    return { answer: await behind(asked.method, asked.path), complaints: [] }
  }

  async function openDm({ body }: Asked): Promise<Outcome> {
    const complaints = shapeComplaints('dm channel', body)
    if (complaints.length > 0) return { answer: refusal(50035, complaints), complaints }
    const { recipient_id } = body as { recipient_id: string }
    const user = await behind('GET', `/users/${recipient_id}`)
    if (user.status !== 200) return { answer: user, complaints: [] }
    const { channelId } = await people.dm({ id: recipient_id, name: '' })
    const dm = {
      id: channelId,
      type: ChannelType.DM,
      flags: 0,
      last_message_id: null,
      recipients: [user.body],
    }
    return { answer: { status: 200, body: dm }, complaints: [] }
  }

  // ─── the server ──────────────────────────────────────────────────────────────────────────────────────────

  function routeOf({ method, path }: Asked): {
    route: Route
    ids: string[]
    run(asked: Asked): Promise<Outcome>
  } {
    const parts = path.split('/').slice(1).map(decodeURIComponent)
    const [first = '', id = '', second = '', third = '', fourth] = parts
    const plain = async (asked: Asked): Promise<Outcome> => ({
      answer: await behind(asked.method, asked.path, asked.body),
      complaints: [],
    })
    if (first === 'interactions' && third === 'callback') {
      return { route: 'callback', ids: [id], run: (asked) => callback(asked, id, second) }
    }
    if (first === 'webhooks') {
      const route =
        third === ''
          ? 'follow-up'
          : (({ GET: 'answer', PATCH: 'answer edit' } as const)[method] ?? 'answer delete')
      return {
        route,
        ids: [second],
        run: (asked) => webhook(asked, second, third === '' ? undefined : fourth),
      }
    }
    if (first === 'channels') {
      const isMessage = second === 'messages' && third !== ''
      const route = !isMessage
        ? method === 'POST'
          ? 'message'
          : 'channel'
        : (({ GET: 'message read', PATCH: 'message edit' } as const)[method] ?? 'message delete')
      return { route, ids: [id], run: (asked) => channel(asked, id, isMessage ? third : undefined) }
    }
    if (first === 'applications' && parts.includes('commands')) {
      const scope = second === 'guilds' ? third : ''
      const commandId = parts[parts.indexOf('commands') + 1]
      return {
        route: 'commands',
        ids: [scope],
        run: async (asked) => commands.answer(asked, scope, commandId),
      }
    }
    if (path === '/users/@me/channels') return { route: 'dm channel', ids: [], run: openDm }
    return { route: 'other', ids: [], run: plain }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now()
    const asked = await readRequest(request)
    const { route, ids, run } = routeOf(asked)
    const channelId = ids[0] ?? ''
    const record: Recorded = {
      ...{ at, method: asked.method, path: asked.path, route, channelId },
      ...{ body: (asked.body ?? {}) as Fields, files: asked.files, status: 0 },
    }
    requests.push(record)
    const complain = (complaint: string) => void invalid.push(`${asked.method} ${asked.path}: ${complaint}`)
    const bucket = `${asked.method} ${route} ${channelId}`
    const isLimited = route !== 'callback' && route !== 'commands' && ids.length > 0
    const soonerBy = limiter.soonerBy(bucket)
    if (soonerBy > 0) complain(`it came ${soonerBy} ms before it might`)

    const failing = failures.find((one) => one.route === route && (one.channelId ?? channelId) === channelId)
    if (failing) {
      failing.times -= 1
      if (failing.times === 0) failures.splice(failures.indexOf(failing), 1)
    }
    const failure = failing?.failure
    if (failure === 'drop') return void response.destroy()
    const refused = isLimited && failure === undefined ? limiter.refused(bucket) : null
    const authorized = request.headers.authorization === `Bot ${token}`
    const byToken = route === 'callback' || asked.path.startsWith('/webhooks/')
    let outcome: Outcome
    if (failure !== undefined) outcome = { answer: failed(failure), complaints: [] }
    else if (refused) outcome = { answer: refused, complaints: ['one too many for its limit'] }
    else if (!authorized && !byToken) {
      outcome = {
        answer: { status: 401, body: { code: 0, message: '401: Unauthorized' } },
        complaints: ['no token'],
      }
    } else outcome = await run(asked)

    for (const complaint of outcome.complaints) complain(complaint)
    const { answer } = outcome
    if (answer.status === 404 && route === 'other') complain('no such route')
    record.status = answer.status
    const { retry_after } = (answer.body ?? {}) as { retry_after?: number }
    if (answer.status === 429) limiter.wait(bucket, retry_after ?? 0)
    const headers = isLimited ? { ...limiter.headers(bucket), ...answer.headers } : (answer.headers ?? {})
    respond(response, { ...answer, headers })
  }

  function failed(failure: Exclude<Failure, 'drop'>): Answer {
    if (typeof failure === 'number') return refusal(failure)
    if ('retryAfter' in failure) return tooMany(failure.retryAfter)
    return { status: failure.status, body: { code: 0, message: `${failure.status}: on demand` } }
  }

  function commandOf(name: string, place: Place) {
    const command = commands.find(name, place.kind === 'server' ? place.guildId : null)
    if (!command) throw new Error(`there is no command /${name}`)
    return command
  }

  return {
    env: { DISCORD_TOKEN: token, DISCORD_API_URL: `http://${host}/api` },
    guildId: twin.guildId,
    gateway,
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
    fail: (route, failure, times = 1, channelId) => void failures.push({ route, failure, times, channelId }),
    closeDms: (person, code) => void closedDms.set(person.id, code),
    tokenLifetime(ms) {
      lifetime = ms
    },
    async deleteMessage(id) {
      const message = messages.all.get(id)
      if (!message) throw new Error(`there is no message ${id}`)
      message.deleted = true
      await twin.simulateUserMessageDelete({ messageId: id, channelId: message.channelId })
    },
    async close() {
      gateway.close()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await twin.stop()
    },
  }
}
