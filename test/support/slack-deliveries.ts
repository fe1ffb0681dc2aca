import { createHmac } from 'node:crypto'
import type { Fields } from './slack-calls.ts'
import type { WebSocketEnd } from './websocket.ts'

/** What a bot answered to a delivery at first. */
export interface Acknowledged {
  status: number
  body: unknown
}

/** How Slack brings something to a bot. */
export interface Deliveries {
  /** By the signed request that Slack would send to this address. */
  toUrl(url: string): void
  /** By Socket Mode, from now on; `connected` once the bot has come. */
  bySocket(socket: WebSocketEnd): void
  received(message: unknown): void
  closed(socket: WebSocketEnd): void
  connected(): boolean
  /** Delivers, and resolves with the bot's acknowledgement. Rejects where none comes in 3 s, as Slack gives up then. */
  send(kind: 'slash_commands' | 'interactive', payload: Fields, how?: Signing): Promise<Acknowledged>
}

/** What is different about a request from one that Slack signs. */
export interface Signing {
  secret?: string
  /** In seconds before now. */
  age?: number
  retry?: number
}

const ACK_MS = 3000

export function createDeliveries(signingSecret: string): Deliveries {
  let url: string | null = null
  let socket: WebSocketEnd | null = null
  let envelopes = 0
  const waiting = new Map<string, (answer: Acknowledged) => void>()

  async function post(kind: string, payload: Fields, { secret = signingSecret, age = 0, retry }: Signing) {
    const fields = kind === 'slash_commands' ? payload : { payload: JSON.stringify(payload) }
    const body = new URLSearchParams(fields as Record<string, string>).toString()
    const timestamp = String(Math.floor(Date.now() / 1000) - age)
    const digest = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')
    const answer = await fetch(url ?? '', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': `v0=${digest}`,
        ...(retry === undefined
          ? {}
          : { 'x-slack-retry-num': String(retry), 'x-slack-retry-reason': 'http_timeout' }),
      },
      body,
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) }
  }

  function envelope(kind: string, payload: Fields, { retry = 0 }: Signing): Promise<Acknowledged> {
    envelopes += 1
    const envelope_id = `envelope-${envelopes}`
    const { promise, resolve } = Promise.withResolvers<Acknowledged>()
    waiting.set(envelope_id, resolve)
    socket?.send({ envelope_id, type: kind, payload, accepts_response_payload: true, retry_attempt: retry })
    return promise
  }

  return {
    toUrl(to) {
      url = to
      socket = null
    },
    bySocket(opened) {
      socket = opened
      opened.send({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A1' }, debug_info: {} })
    },
    received(message) {
      const { envelope_id = '', payload = null } = message as { envelope_id?: string; payload?: unknown }
      const said = payload && Object.keys(payload).length > 0 ? payload : null
      waiting.get(envelope_id)?.({ status: 200, body: said })
      waiting.delete(envelope_id)
    },
    closed(gone) {
      if (socket === gone) socket = null
    },
    connected: () => socket !== null,
    send(kind, payload, how = {}) {
      const { promise, reject } = Promise.withResolvers<never>()
      const late = setTimeout(() => reject(new Error(`no acknowledgement in ${ACK_MS} ms`)), ACK_MS)
      const sent = socket === null ? post(kind, payload, how) : envelope(kind, payload, how)
      return Promise.race([sent, promise]).finally(() => clearTimeout(late))
    },
  }
}
