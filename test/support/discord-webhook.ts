import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { GatewayIntentBits, GatewayOpcodes, InteractionType } from 'discord.js'
import type { Fields } from './discord-http.ts'

/** A request as Discord sends it, signed. */
export interface SignedRequest {
  headers: Record<string, string>
  body: string
}

/** Interactions as requests to an application's own address, instead of over the gateway. */
export interface Webhook {
  /** The application's public key, as 64 hexadecimal digits. */
  publicKey: string
  /** Where interactions go from now on. Rejects where Discord takes no such address: it tries a ping and a forged one. */
  toUrl(url: string): Promise<void>
  /** Where they go; null: over the gateway. */
  url: string | null
  /** Signs as Discord does. `at` in ms, as `Date.now()`. */
  signed(body: string, at?: number, key?: KeyObject): SignedRequest
  /** What was delivered last. */
  last: SignedRequest | null
  /** What was wrong with an answer. */
  invalid: string[]
  close(): void
}

/** The beginning of an Ed25519 key in DER. https://www.rfc-editor.org/rfc/rfc8410#section-4 */
const PUBLIC_HEAD = 12

/** How long Discord waits for an answer, in milliseconds. */
const ANSWER_WITHIN = 3000

/** `opened` makes an interaction of the server behind what a bot gets of it. */
export function createWebhook(deps: {
  behindUrl: string
  token: string
  applicationId: string
  opened(data: Fields): Fields
}): Webhook {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const hex = publicKey.export({ type: 'spki', format: 'der' }).subarray(PUBLIC_HEAD).toString('hex')
  let behind: WebSocket | null = null
  const webhook: Webhook = {
    publicKey: hex,
    toUrl,
    url: null,
    signed,
    last: null,
    invalid: [],
    close: () => behind?.close(),
  }

  function signed(body: string, at = Date.now(), key = privateKey): SignedRequest {
    const timestamp = String(Math.floor(at / 1000))
    const signature = sign(null, Buffer.from(timestamp + body), key).toString('hex')
    const headers = { 'x-signature-ed25519': signature, 'x-signature-timestamp': timestamp }
    return { headers: { 'content-type': 'application/json', ...headers }, body }
  }

  async function toUrl(given: string): Promise<void> {
    const ping = JSON.stringify({
      id: '1',
      application_id: deps.applicationId,
      type: InteractionType.Ping,
      version: 1,
    })
    const pong = await send(given, signed(ping))
    const answer = (await pong.json()) as Fields
    const type = pong.headers.get('content-type') ?? ''
    if (pong.status !== 200 || answer.type !== 1 || !type.startsWith('application/json')) {
      throw new Error(`no pong: ${pong.status} ${JSON.stringify(answer)}`)
    }
    const forged = await send(given, signed(ping, Date.now(), generateKeyPairSync('ed25519').privateKey))
    if (forged.status !== 401) throw new Error(`a forged request was answered by ${forged.status}`)
    webhook.url = given
    behind ??= await listen()
  }

  function send(to: string, { headers, body }: SignedRequest): Promise<Response> {
    return fetch(to, { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_WITHIN) })
  }

  /** Hears what the server behind tells its bots. */
  async function listen(): Promise<WebSocket> {
    const socket = new WebSocket(deps.behindUrl)
    const ready = Promise.withResolvers<void>()
    socket.addEventListener('message', ({ data }) => {
      const { op, t, d } = JSON.parse(String(data)) as { op: number; t: string | null; d: Fields }
      if (op === GatewayOpcodes.Hello) {
        const properties = { os: '', browser: '', device: '' }
        const asked = { token: deps.token, intents: GatewayIntentBits.Guilds, properties }
        socket.send(JSON.stringify({ op: GatewayOpcodes.Identify, d: asked }))
      }
      if (t === 'READY') ready.resolve()
      if (t === 'INTERACTION_CREATE') void deliver(deps.opened(d))
    })
    socket.addEventListener('close', () => ready.reject(new Error('the server behind takes no listener')))
    await ready.promise
    return socket
  }

  async function deliver(interaction: Fields): Promise<void> {
    webhook.last = signed(JSON.stringify(interaction))
    try {
      const answer = await send(webhook.url ?? '', webhook.last)
      const body = await answer.text()
      // the bot answers by the callback, and says so by this
      if (answer.status !== 202 || body !== '') webhook.invalid.push(`answered by ${answer.status}: ${body}`)
    } catch (error) {
      webhook.invalid.push(`not answered: ${error}`)
    }
  }

  return webhook
}
