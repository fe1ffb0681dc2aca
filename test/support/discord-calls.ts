import { InteractionResponseType, InteractionType, MessageFlags } from 'discord.js'
import { type DigitalDiscord, generateSnowflake } from 'discord-digital-twin'
import { type Answer, type Asked, type Behind, type Fields, type Outcome, refusal } from './discord-http.ts'
import { choicesComplaints, messageComplaints } from './discord-limits.ts'
import { type Messages, type Shown, withoutHabits } from './discord-messages.ts'
import { interactionIn, type Person, type Place } from './discord-people.ts'
import { shapeComplaints } from './discord-schemas.ts'

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

/** Interactions: they are sent to a bot, and each has a clock of its own. */
export interface Calls {
  /** Makes an event of the server behind what a bot gets, and starts its clock. */
  opened(data: Fields): Fields
  interact(
    type: InteractionType,
    person: Person,
    place: Place,
    data: Fields,
    how: { locale?: string; messageId?: string; focused?: number },
  ): Promise<Call>
  /** A bot's first answer. */
  callback(asked: Asked, id: string, token: string): Promise<Outcome>
  /** Everything that a bot does by an interaction's token. */
  webhook(asked: Asked, token: string, messageId: string | undefined): Promise<Outcome>
  /** How long the tokens of the next interactions live. In ms. */
  lifetime: number
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
  /** Done when the server behind has its first answer. */
  kept: Promise<unknown>
  resolve: (first: Awaited<Call['first']>) => void
}

/** What an interaction carries through the server behind. `key` says who waits for it. */
interface Extras {
  person: Person
  place: Place
  locale: string
  focused: number
  key: string
}

export function createCalls(twin: DigitalDiscord, behind: Behind, messages: Messages): Calls {
  const known = new Map<string, KnownCall>()
  const waiting = new Map<string, (call: KnownCall) => void>()
  let queue: Promise<unknown> = Promise.resolve()

  /** Makes an interaction of the server behind what a bot gets, and starts its clock. */
  function opened(data: Fields): Fields {
    const { [EXTRAS]: extras, ...about } = data.data as Fields
    const { person, place, locale, key, focused } = extras as Extras
    const sent = waiting.get(key)
    if (!sent) throw new Error('an interaction of nobody')
    waiting.delete(key)
    const sentAt = Date.now()
    const first = Promise.withResolvers<Awaited<Call['first']>>()
    const isButton = data.type === InteractionType.MessageComponent
    const call: KnownCall = {
      id: String(data.id),
      token: String(data.token),
      sentAt,
      expiresAt: sentAt + calls.lifetime,
      person,
      place,
      kind: data.type as InteractionType,
      first: first.promise,
      acknowledged: false,
      focused,
      followUps: 0,
      messageIds: isButton ? [String((data.message as Fields).id)] : [],
      kept: Promise.resolve(),
      resolve: first.resolve,
      answers: () =>
        call.messageIds.flatMap((id) => messages.all.get(id) ?? []).filter(({ deleted }) => !deleted),
    }
    known.set(call.id, call)
    sent(call)
    return interactionIn(place, person, locale, { ...data, data: about })
  }

  async function interact(
    type: InteractionType,
    person: Person,
    place: Place,
    data: Fields,
    { locale = 'en-US', messageId, focused = 0 }: { locale?: string; messageId?: string; focused?: number },
  ): Promise<KnownCall> {
    const { promise, resolve } = Promise.withResolvers<KnownCall>()
    const key = generateSnowflake()
    waiting.set(key, resolve)
    const extras: Extras = { person, place, locale, focused, key }
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
    const call = known.get(id)
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
    const kept = queue.then(() => keep(call, type, data, asked))
    // one after another, so that a bot that answers many at once isn't kept waiting by the server behind
    queue = kept.catch(() => {})
    call.kept = kept
    kept.catch(() => {})
    if (asked.query.get('with_response') !== 'true') return { answer: { status: 204 }, complaints: [] }
    return { answer: await kept, complaints: [] }
  }

  /** Hands an answer on to the server behind; what it says of it. */
  async function keep(
    call: KnownCall,
    type: InteractionResponseType,
    data: Fields | undefined,
    asked: Asked,
  ): Promise<Answer> {
    const defers = type === InteractionResponseType.DeferredChannelMessageWithSource
    // the server behind makes no message of a deferral; Discord makes one that says that the bot thinks
    const said = defers ? { content: '', flags: Number(data?.flags ?? 0) | MessageFlags.Loading } : data
    const sent = { type: defers ? InteractionResponseType.ChannelMessageWithSource : type, data: said }
    const made = await behind('POST', asked.path, sent)
    if (made.status !== 204)
      throw new Error(`the server behind refused ${asked.path}: ${JSON.stringify(made)}`)
    const interaction = { id: call.id, type: call.kind }
    const carries = [InteractionResponseType.UpdateMessage, InteractionResponseType.ChannelMessageWithSource]
    if (!carries.includes(sent.type)) return { status: 200, body: { interaction } }
    const original = await behind('GET', `/webhooks/${twin.botUserId}/${call.token}/messages/@original`)
    const message = messages.adopt(original.body as Fields, data ?? {}, asked.files)
    call.messageIds = [message.id]
    const response = { response_message_id: message.id, response_message_ephemeral: message.private }
    const resource = { type, message: original.body }
    return { status: 200, body: { interaction: { ...interaction, ...response }, resource } }
  }

  function callbackComplaints(
    call: KnownCall,
    type: InteractionResponseType,
    data: Fields,
    asked: Asked,
  ): string[] {
    const { files } = asked
    const flags = Number(data.flags ?? 0)
    const pressed = messages.all.get(call.messageIds[0] ?? '')
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
          ? messageComplaints(data, { flags: flags | (pressed?.flags ?? 0), files, kept: [] })
          : []
      case InteractionResponseType.ChannelMessageWithSource:
        return messageComplaints(data, { flags, files, kept: [] })
      default:
        return [`callback of type ${type}`]
    }
  }

  async function webhook(asked: Asked, callToken: string, messageId: string | undefined): Promise<Outcome> {
    const call = [...known.values()].find((one) => one.token === callToken)
    if (!call?.acknowledged)
      return { answer: refusal(10015), complaints: ['a token before its first answer'] }
    if (Date.now() > call.expiresAt) return { answer: refusal(50027), complaints: [] }
    await call.kept
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

  const calls: Calls = { opened, interact, callback, webhook, lifetime: TOKEN_LIFETIME }
  return calls
}
