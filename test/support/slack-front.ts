import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createEmulator } from 'emulate'
import { freePort } from './free-port.ts'
import {
  type Fields,
  readSlackCall,
  refused,
  type SlackAnswer,
  type SlackCall,
  sendAnswer,
  slowDown,
} from './slack-calls.ts'
import { createDeliveries, type Signing } from './slack-deliveries.ts'
import { buttonsIn, calledBy, lengthComplaints, modalComplaints, picturesIn, readIn } from './slack-limits.ts'
import { blockComplaints, prepareSlackSchemas, viewComplaints } from './slack-schemas.ts'
import type {
  SharedFile,
  SlackFailure,
  SlackFront,
  SlackPerson,
  SlackPlace,
  SlackShown,
  Whisper,
} from './slack-world.ts'
import { acceptWebSocket, type WebSocketEnd } from './websocket.ts'

const PEOPLE = 40
const ADMIN = 'xoxp-admin'

/** `scopes`: those that the app is installed with. */
export async function startSlackFront(scopes: readonly string[]): Promise<SlackFront> {
  await prepareSlackSchemas()
  const names = (letter: string) => Array.from({ length: PEOPLE }, (_, i) => `${letter}${i + 1}`)
  const token = `xoxb-${randomBytes(12).toString('hex')}`
  const appToken = `xapp-${randomBytes(12).toString('hex')}`
  const signingSecret = randomBytes(16).toString('hex')
  const server = createServer((request, response) => {
    serve(request, response).catch((error) => {
      invalid.push(`${request.url}: the front failed: ${error instanceof Error ? error.stack : error}`)
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const host = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`
  const port = await freePort()
  const behindUrl = `http://127.0.0.1:${port}`
  const emulator = await createEmulator({
    service: 'slack',
    port,
    hostname: '127.0.0.1',
    baseUrl: `http://${host}`,
    seed: {
      slack: {
        strict_scopes: true,
        team: { name: 'Studio', domain: 'studio' },
        users: ['sora', ...names('p')].map((name) => ({ name })),
        channels: names('c').map((name) => ({ name })),
        tokens: [
          { token, type: 'bot', user: 'sora', scopes: [...scopes] },
          { token: ADMIN, type: 'user', user: 'p1', scopes: ['users:read', 'channels:read'] },
        ],
      },
    },
  })

  const calls: SlackCall[] = []
  const invalid: string[] = []
  const whispers: Whisper[] = []
  const files: SharedFile[] = []
  const shown = new Map<string, SlackShown>()
  const views = new Map<string, Fields & { id: string }>()
  const failures: { method: string; failure: SlackFailure; times: number; of: unknown }[] = []
  const waits = new Map<string, number>()
  const lastPost = new Map<string, number>()
  const responseUrls = new Map<string, { user: string; uses: number }>()
  const withoutPlans = new Set<string>()
  const teamsOf = new Map<string, string>()
  const pictures = new Set<string>()
  const direct = new Map<string, string>()
  const shared = new Map<string, { info: Fields; bytes: Buffer }>()
  /** Slack answers an upload before it has looked at the file: until then no block may show it. */
  const looked = new Set<string>()
  let asked = 0
  let link: WebSocketEnd | undefined
  const deliveries = createDeliveries(signingSecret)

  const members = ((await behind('users.list', {}, ADMIN)).members ?? []) as { id: string; name: string }[]
  const channels = ((await behind('conversations.list', { limit: '1000' }, ADMIN)).channels ?? []) as {
    id: string
    name: string
  }[]
  const people = members.filter(({ name }) => /^p\d+$/.test(name)).map((one) => ({ ...one, locale: 'en-US' }))
  const places = channels.filter(({ name }) => /^c\d+$/.test(name))
  let nextPerson = 0
  let nextPlace = 0

  server.on('upgrade', (request, socket) => {
    const end: WebSocketEnd = acceptWebSocket(request, socket, {
      message: (message) => deliveries.received(message),
      closed: () => deliveries.closed(end),
    })
    link = end
    deliveries.bySocket(end)
  })

  async function behind(method: string, body: Record<string, string>, as = token): Promise<Fields> {
    const headers = { authorization: `Bearer ${as}`, connection: 'close' }
    const sent = { method: 'POST', headers, body: new URLSearchParams(body) }
    return (await fetch(`${behindUrl}/api/${method}`, sent)).json() as Promise<Fields>
  }

  async function passOn(
    path: string,
    { raw, type, token: as }: SlackCall,
    verb: string,
  ): Promise<SlackAnswer> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${as}`,
      connection: 'close',
      ...(type ? { 'content-type': type } : {}),
    }
    const body = verb === 'GET' ? {} : { body: new Uint8Array(raw) }
    const answer = await fetch(`${behindUrl}${path}`, { method: verb, headers, ...body })
    const text = await answer.text()
    const json = (answer.headers.get('content-type') ?? '').includes('json')
    return { status: answer.status, body: json ? JSON.parse(text) : text }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readSlackCall(request)
    const path = request.url ?? '/'
    if (path.startsWith('/shared/')) {
      const file = shared.get(path.split('/')[2] ?? '')
      return void response.writeHead(file && call.token === token ? 200 : 403).end(file?.bytes)
    }
    calls.push(call)
    if (path.startsWith('/respond/')) return void response.writeHead(200).end(respondedTo(path, call.body))
    if (!path.startsWith('/api/'))
      return sendAnswer(response, await passOn(path, call, request.method ?? 'GET'))
    const subject = call.body.channel ?? call.body.users
    const failing = failures.find(({ method, of }) => method === call.method && (of ?? subject) === subject)
    if (failing) {
      failing.times -= 1
      if (failing.times === 0) failures.splice(failures.indexOf(failing), 1)
    }
    const failure = failing?.failure
    const early = (waits.get(`${call.method} ${subject}`) ?? 0) - call.at
    if (early > 0) invalid.push(`${call.method}: it came ${early} ms before it might`)
    if (typeof failure === 'string') return sendAnswer(response, refused(failure))
    if (failure !== undefined && 'retryAfter' in failure) {
      waits.set(`${call.method} ${subject}`, Date.now() + failure.retryAfter * 1000 - 50)
      return sendAnswer(response, slowDown(failure.retryAfter))
    }
    if (failure !== undefined && 'page' in failure) {
      response.writeHead(failure.status, { 'content-type': 'text/html' })
      return void response.end(failure.page)
    }
    const answer = await carriedOut(path, call)
    if (failure?.after === 'lost') return void response.destroy()
    if (failure !== undefined) await failure.after
    sendAnswer(response, answer)
  }

  async function carriedOut(path: string, call: SlackCall): Promise<SlackAnswer> {
    const { method, body } = call
    if (method === 'apps.connections.open') {
      if (call.token !== appToken) return refused('invalid_auth')
      return { status: 200, body: { ok: true, url: `ws://${host}/link` } }
    }
    // the emulator takes any token for its admin's
    if (call.token !== token) return refused('invalid_auth')
    if (method === 'files.info' && shared.has(String(body.file))) {
      return { status: 200, body: { ok: true, file: shared.get(String(body.file))?.info } }
    }
    const complaints = judge(call)
    invalid.push(...complaints.map((complaint) => `${method}: ${complaint}`))
    if (complaints.length > 0) return refused('invalid_blocks', complaints)
    const blocks = (body.blocks ?? []) as Fields[]
    const plan = blocks.findIndex(({ type }) => type === 'plan')
    if (plan >= 0 && withoutPlans.has(teamsOf.get(String(body.channel)) ?? '')) {
      return refused('invalid_blocks', [`[ERROR] unsupported type: plan [json-pointer:/blocks/${plan}/type]`])
    }
    const unseen = picturesIn(blocks).find((id) => !pictures.has(id))
    const unlooked = picturesIn(blocks).filter((id) => !looked.has(id))
    for (const id of unlooked) looked.add(id)
    if (unseen !== undefined || unlooked.length > 0) {
      const at = blocks.findIndex(({ type }) => type === 'image')
      return refused('invalid_blocks', [`[ERROR] invalid slack file [json-pointer:/blocks/${at}/slack_file]`])
    }
    const answer = await passOn(path, call, 'POST')
    const said = answer.body as Fields
    if (said.ok !== true) return answer
    note(call, said)
    return answer
  }

  /** What the emulator takes and Slack wouldn't. */
  function judge({ method, body, at }: SlackCall): string[] {
    if (method === 'views.open') {
      const view = body.view as Fields
      return [...viewComplaints(view), ...modalComplaints(view)]
    }
    if (!/^chat\.(postMessage|update|postEphemeral)$/.test(method)) return []
    const complaints = body.blocks === undefined ? ['no blocks'] : blockComplaints(body.blocks)
    if (body.blocks !== undefined) complaints.push(...lengthComplaints(body.blocks, 'message'))
    const text = String(body.text ?? '')
    if (text === '' || text.length > 4000) complaints.push(`text: ${text.length} characters, not 1–4000`)
    if (method !== 'chat.postMessage') return complaints
    if (String(body.unfurl_links) !== 'false') complaints.push('it would show what its links lead to')
    const since = at - (lastPost.get(String(body.channel)) ?? 0)
    if (since < 900) complaints.push(`a channel takes a message a second, and this came after ${since} ms`)
    lastPost.set(String(body.channel), at)
    return complaints
  }

  function note({ method, body }: SlackCall, said: Fields): void {
    const key = `${said.channel}/${said.ts}`
    const blocks = (body.blocks ?? []) as Fields[]
    const text = readIn(blocks)
    if (method === 'chat.postMessage') {
      const called = calledBy(String(body.text), blocks)
      const about = { ts: String(said.ts), channel: String(said.channel), deleted: false }
      shown.set(key, { ...about, text, texts: [text], blocks, called, pictures: picturesIn(blocks) })
    }
    const message = shown.get(key)
    if (method === 'chat.update' && message) {
      message.called.push(...calledBy(String(body.text), blocks))
      message.texts.push(text)
      Object.assign(message, { text, blocks, pictures: picturesIn(blocks) })
    }
    if (method === 'chat.delete' && message) message.deleted = true
    if (method === 'chat.postEphemeral') {
      whispers.push({ user: String(body.user), text, blocks, by: 'postEphemeral' })
    }
    if (method === 'conversations.open') direct.set(String(body.users), (said.channel as { id: string }).id)
    if (method === 'views.open') {
      const view = said.view as Fields & { id: string }
      views.set(String(body.trigger_id), view)
    }
    if (method === 'users.info' && String(body.include_locale) === 'true') {
      const user = said.user as Fields
      user.locale = people.find(({ id }) => id === user.id)?.locale
    }
    if (method === 'conversations.history') {
      const oldest = Number(body.oldest ?? 0)
      const messages = (said.messages as Fields[]).filter(({ ts }) => Number(ts) >= oldest)
      if (String(body.include_all_metadata) !== 'true') for (const one of messages) delete one.metadata
      said.messages = messages
    }
    if (method === 'files.completeUploadExternal') {
      for (const { id, name } of said.files as { id: string; name: string }[]) {
        pictures.add(id)
        if (body.channel_id === undefined) continue
        files.push({ channel: String(body.channel_id), thread: String(body.thread_ts), name })
      }
    }
    if (method === 'files.delete') pictures.delete(String(body.file))
  }

  function respondedTo(path: string, body: Fields): string {
    const url = responseUrls.get(path)
    if (!url) invalid.push('an answer to an address that Slack never gave')
    else {
      url.uses += 1
      if (url.uses > 1) invalid.push('a second answer to the same address')
      const complaints = [...blockComplaints(body.blocks), ...lengthComplaints(body.blocks, 'message')]
      if (body.response_type !== 'ephemeral') complaints.push('everybody sees it')
      invalid.push(...complaints.map((complaint) => `response_url: ${complaint}`))
      const blocks = (body.blocks ?? []) as Fields[]
      whispers.push({ user: url.user, text: readIn(blocks), blocks, by: 'response_url' })
    }
    return 'ok'
  }

  function responseUrl(user: string): string {
    asked += 1
    responseUrls.set(`/respond/${asked}`, { user, uses: 0 })
    return `http://${host}/respond/${asked}`
  }

  async function triggerFor(user: string): Promise<string> {
    return String((await behind('views.generateTriggerId', { user_id: user })).trigger_id)
  }

  const about = (person: SlackPerson, { channel, team }: SlackPlace) => ({
    user: { id: person.id, username: person.name, name: person.name, team_id: team },
    team: { id: team, domain: 'studio' },
    channel: { id: channel, name: 'channel' },
  })

  const messages = (channel: string) =>
    [...shown.values()].filter((message) => message.channel === channel && !message.deleted)

  return {
    url: `http://${host}/api`,
    token,
    appToken,
    signingSecret,
    deliveries,
    calls,
    invalid,
    whispers,
    files,
    kept: () => [...pictures],
    person(locale = 'en-US') {
      const person = people[nextPerson]
      nextPerson += 1
      if (!person) throw new Error('there is nobody left')
      person.locale = locale
      return person
    },
    place(beside) {
      const place = places[nextPlace]
      nextPlace += 1
      if (!place) throw new Error('there is no channel left')
      const team = beside?.team ?? `T${String(nextPlace).padStart(8, '0')}`
      teamsOf.set(place.id, team)
      return { channel: place.id, team }
    },
    async command(person, { channel, team }, text, how) {
      const triggerId = await triggerFor(person.id)
      const payload = {
        token: 'old',
        team_id: team,
        team_domain: 'studio',
        channel_id: channel,
        channel_name: 'channel',
        user_id: person.id,
        user_name: person.name,
        command: '/sora',
        text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
        api_app_id: 'A1',
        is_enterprise_install: 'false',
        response_url: responseUrl(person.id),
        trigger_id: triggerId,
      }
      const deliver = (again: Signing | undefined) => deliveries.send('slash_commands', payload, again)
      return { triggerId, acknowledged: await deliver(how), again: (more) => deliver(more) }
    },
    async press(person, place, message, action) {
      const button = buttonsIn(message.blocks).find(({ action_id }) => action_id === action)
      if (!button) throw new Error(`there is no button ${action}`)
      const { ts } = message as { ts?: string }
      const payload = {
        ...about(person, place),
        type: 'block_actions',
        container: {
          type: 'message',
          message_ts: ts ?? '1',
          channel_id: place.channel,
          is_ephemeral: ts === undefined,
        },
        trigger_id: await triggerFor(person.id),
        response_url: responseUrl(person.id),
        actions: [{ ...button, block_id: 'b', action_ts: '1' }],
      }
      return deliveries.send('interactive', payload)
    },
    modal: (triggerId) => views.get(triggerId),
    submit(person, place, view, values) {
      const state = { values }
      const payload = {
        ...about(person, place),
        type: 'view_submission',
        view: { ...view, state },
        trigger_id: '1',
      }
      return deliveries.send('interactive', payload)
    },
    messages,
    dms: (person) => {
      const channel = direct.get(person.id)
      return channel === undefined ? [] : messages(channel)
    },
    fail: (method, failure, times = 1, of) => void failures.push({ method, failure, times, of }),
    heal: () => void failures.splice(0),
    refusePlans: ({ team }) => void withoutPlans.add(team),
    share(name, mimetype, bytes, { width, height, by } = {}) {
      const id = `F${randomBytes(5).toString('hex').toUpperCase()}`
      const url_private_download = `http://${host}/shared/${id}/${name}`
      const sides = width && height ? { original_w: width, original_h: height } : {}
      const whose = by ? { user: by.id, is_public: false, ims: ['D0BOTANDTHEM'] } : { is_public: true }
      shared.set(id, {
        info: { id, name, mimetype, size: bytes.length, url_private_download, ...whose, ...sides },
        bytes,
      })
      return id
    },
    deleteMessage(channel, ts) {
      const message = shown.get(`${channel}/${ts}`)
      if (!message) throw new Error('there is no such message')
      message.deleted = true
      failures.push({ method: 'chat.update', failure: 'message_not_found', times: -1, of: channel })
    },
    disconnect: () => link?.close(1000),
    async close() {
      link?.destroy()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await emulator.close()
    },
  }
}
