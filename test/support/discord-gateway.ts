import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { GatewayIntentBits, GatewayOpcodes } from 'discord.js'
import { acceptWebSocket, type WebSocketEnd } from './websocket.ts'

type Fields = Record<string, unknown>

interface Message {
  op: number
  d?: unknown
  t?: string | null
  s?: number | null
}

/** A bot's session: it lives on while the bot is away, and keeps what it has missed. */
interface Session {
  id: string
  /** The line to the server behind. */
  behind: WebSocket
  events: Message[]
  bot: WebSocketEnd | null
}

/** The gateway's front: it hands on what the server behind it says, and can break off. */
export interface GatewayFront {
  upgrade(request: IncomingMessage, socket: Duplex): void
  /** Breaks the bot's connection. `forgotten`: its session is gone too, and what it has missed is lost. `code`: closes it with that. */
  drop(how?: { forgotten?: boolean; code?: number }): void
  /** Resolves as soon as a bot has a session: what is sent to it then arrives, later where its line is broken. */
  connected(): Promise<void>
  /** A bot's line is whole now. */
  readonly ready: boolean
  /** How often a bot has identified itself, and how often it took a session up again. */
  identified: number
  resumed: number
  /** What it did wrong. */
  invalid: string[]
  /** Keeps events back, how many are kept, and sends them all at once. */
  hold(): void
  held(): number
  release(): void
  close(): void
}

/** The intents without which an event isn't sent. */
const INTENTS: Record<string, { guild: number; dm: number }> = {
  MESSAGE: { guild: GatewayIntentBits.GuildMessages, dm: GatewayIntentBits.DirectMessages },
}

/** `url` is where bots connect. `changed` makes of an event what a bot gets of it. */
export function createGatewayFront(deps: {
  url: string
  behindUrl: string
  changed(event: string, data: Fields): Fields
}): GatewayFront {
  const sessions = new Map<string, Session>()
  const bots = new Set<WebSocketEnd>()
  let ready = Promise.withResolvers<void>()
  let isReady = false
  let held: (() => void)[] | null = null
  const front: GatewayFront = {
    upgrade,
    drop,
    connected: () => ready.promise,
    get ready() {
      return isReady
    },
    identified: 0,
    resumed: 0,
    invalid: [],
    held: () => held?.length ?? 0,
    hold() {
      held = []
    },
    release() {
      const all = held ?? []
      held = null
      for (const deliver of all) deliver()
    },
    close() {
      drop({ forgotten: true })
      for (const bot of bots) bot.destroy()
    },
  }

  function upgrade(request: IncomingMessage, socket: Duplex): void {
    const asked = new URL(request.url ?? '/', 'http://front').searchParams
    if (asked.get('v') !== '10' || asked.get('encoding') !== 'json') {
      front.invalid.push(`gateway: ${request.url}`)
    }
    let session: Session | null = null
    const bot = acceptWebSocket(request, socket, {
      message(message) {
        session = receive(bot, message as Message) ?? session
      },
      closed() {
        bots.delete(bot)
        // a session that was given up is nobody's loss
        if (session?.bot !== bot || !sessions.has(session.id)) return
        left(session)
        ready = Promise.withResolvers<void>()
      },
    })
    bots.add(bot)
    bot.send({ op: GatewayOpcodes.Hello, d: { heartbeat_interval: 41_250 }, s: null, t: null })
  }

  function receive(bot: WebSocketEnd, { op, d }: Message): Session | null {
    if (op === GatewayOpcodes.Heartbeat) bot.send({ op: GatewayOpcodes.HeartbeatAck, s: null, t: null })
    if (op === GatewayOpcodes.Identify) return identify(bot, d as { token: string; intents: number })
    if (op === GatewayOpcodes.Resume) return resume(bot, d as { session_id: string; seq: number })
    return null
  }

  function identify(bot: WebSocketEnd, asked: { token: string; intents: number }): Session {
    front.identified += 1
    const behind = new WebSocket(deps.behindUrl)
    const session: Session = { id: randomUUID(), behind, events: [], bot }
    // there is one bot: whoever identifies anew has given its old session up
    for (const old of sessions.values()) end(old)
    sessions.set(session.id, session)
    behind.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as Message
      if (message.op === GatewayOpcodes.Hello) {
        return behind.send(JSON.stringify({ op: GatewayOpcodes.Identify, d: asked }))
      }
      if (message.op !== GatewayOpcodes.Dispatch || !message.t) return
      const event = message.t
      const needed = INTENTS[event.split('_')[0] ?? '']
      const about = message.d as Fields
      if (needed && !(asked.intents & needed[about.guild_id ? 'guild' : 'dm'])) return
      const deliver = () => {
        dispatch(session, event, event === 'READY' ? welcome(session, about) : deps.changed(event, about))
        if (event === 'READY') arrived()
      }
      if (held) held.push(deliver)
      else deliver()
    })
    behind.addEventListener('close', ({ code }) => {
      if (sessions.has(session.id)) session.bot?.close(code)
    })
    return session
  }

  function welcome({ id }: Session, data: Fields): Fields {
    return { ...data, session_id: id, resume_gateway_url: deps.url }
  }

  function dispatch(session: Session, event: string, data: Fields): void {
    const message = { op: GatewayOpcodes.Dispatch, t: event, s: session.events.length + 1, d: data }
    session.events.push(message)
    session.bot?.send(message)
  }

  function resume(bot: WebSocketEnd, asked: { session_id: string; seq: number }): Session | null {
    const session = sessions.get(asked.session_id)
    if (!session) {
      bot.send({ op: GatewayOpcodes.InvalidSession, d: false, s: null, t: null })
      return null
    }
    front.resumed += 1
    session.bot = bot
    for (const missed of session.events.slice(asked.seq)) bot.send(missed)
    dispatch(session, 'RESUMED', {})
    arrived()
    return session
  }

  function arrived(): void {
    isReady = true
    ready.resolve()
  }

  function left(session: Session): void {
    session.bot = null
    isReady = false
  }

  function end(session: Session): void {
    sessions.delete(session.id)
    session.behind.close()
  }

  function drop({ forgotten = false, code }: { forgotten?: boolean; code?: number } = {}): void {
    for (const session of sessions.values()) {
      if (code === undefined) session.bot?.destroy()
      else session.bot?.close(code)
      left(session)
      if (!forgotten) continue
      end(session)
      ready = Promise.withResolvers<void>()
    }
  }

  return front
}
