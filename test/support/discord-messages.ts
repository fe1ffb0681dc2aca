import { MessageFlags } from 'discord.js'
import { generateSnowflake } from 'discord-digital-twin'
import { type Asked, type Behind, type Fields, type Outcome, refusal } from './discord-http.ts'
import { messageComplaints, partsOf, type SentFile, textOf } from './discord-limits.ts'
import { type BodyKind, shapeComplaints } from './discord-schemas.ts'

/** An attachment as a message has it. */
export interface Attachment {
  id: string
  filename: string
  size: number
}

/** A message as people see it. `texts`: everything that it has said so far, one for each state. */
export interface Shown {
  id: string
  channelId: string
  flags: number
  /** Only one person sees it. */
  private: boolean
  /** “… is thinking”. */
  loading: boolean
  text: string
  texts: string[]
  components: Fields[]
  attachments: Attachment[]
  /** Who is called by it, in any of its states: ids, `everyone`, roles. */
  called: string[]
  deleted: boolean
}

/** What came of a request that has to do with a message. */
interface MessageOutcome extends Outcome {
  message?: Shown
}

/** The messages: the server behind keeps them, this keeps what it lacks, and judges what is sent. */
export interface Messages {
  all: Map<string, Shown>
  /** Sends one by a route of the server behind. `flags` are those that it has whatever its body says. */
  create(
    kind: BodyKind,
    path: string,
    asked: Asked,
    how?: { flags?: number; channelId?: string },
  ): Promise<MessageOutcome>
  edit(kind: BodyKind, path: string, asked: Asked, message: Shown): Promise<MessageOutcome>
  /** Forgets which messages came with a nonce, as Discord does after some minutes. */
  forgetNonces(): void
  /** Takes in a message that the server behind has made or changed in another way. */
  adopt(api: Fields, body: Fields, files?: readonly SentFile[]): Shown
}

/** 10 MiB: what a bot may send where nobody pays for more. */
const LARGEST_FILE = 10 * 1024 * 1024

export function createMessages(
  behind: Behind,
  saveAttachments: (id: string, attachments: Fields[]) => Promise<void>,
): Messages {
  const all = new Map<string, Shown>()
  const nonces = new Map<string, Fields>()

  function judged(
    kind: BodyKind,
    { body, files, complaints }: Asked,
    flags: number,
    kept: readonly string[],
  ): string[] {
    const shape = shapeComplaints(kind, withoutHabits((body ?? {}) as Fields))
    if (shape.length > 0) return [...complaints, ...shape]
    return [...complaints, ...messageComplaints(body as Fields, { flags, files, kept })]
  }

  async function create(
    kind: BodyKind,
    path: string,
    asked: Asked,
    { flags = 0, channelId = '' } = {},
  ): Promise<MessageOutcome> {
    const body = (asked.body ?? {}) as Fields
    const allFlags = Number(body.flags ?? 0) | flags
    const complaints = judged(kind, asked, allFlags, [])
    if (complaints.length > 0) return { answer: refusal(50035, complaints), complaints }
    if (asked.files.some(({ size }) => size > LARGEST_FILE))
      return { answer: refusal(40005), complaints: ['too large'] }
    const empty = !textOf(body) && partsOf(body.components).length + asked.files.length === 0
    if (empty) return { answer: refusal(50006), complaints: ['an empty message'] }
    const nonce = body.enforce_nonce ? `${channelId} ${body.nonce}` : ''
    const before = nonces.get(nonce)
    if (before) return { answer: { status: 200, body: before }, complaints }
    const made = await behind('POST', path, { ...body, flags: allFlags })
    if (made.status !== 200) return { answer: made, complaints }
    const api = made.body as Fields
    if (nonce !== '') nonces.set(nonce, api)
    const message = adopt(api, body, asked.files)
    return { answer: { ...made, body: await withAttachments(api, message) }, complaints, message }
  }

  async function edit(kind: BodyKind, path: string, asked: Asked, message: Shown): Promise<MessageOutcome> {
    const body = (asked.body ?? {}) as Fields
    const flags = (message.flags & ~MessageFlags.Loading) | Number(body.flags ?? 0)
    const stays = body.attachments as { id: unknown }[] | undefined
    const kept = message.attachments.filter(({ id }) => !stays || stays.some((one) => String(one.id) === id))
    const names = kept.map(({ filename }) => filename)
    // what an edit leaves out stays as it is
    const complaints = judged(kind, asked, flags, names)
    const losesV2 =
      body.flags !== undefined && message.flags & ~Number(body.flags) & MessageFlags.IsComponentsV2
    if (losesV2) complaints.push('flags: IS_COMPONENTS_V2 can’t be taken away')
    if (complaints.length > 0) return { answer: refusal(50035, complaints), complaints }
    if (asked.files.some(({ size }) => size > LARGEST_FILE))
      return { answer: refusal(40005), complaints: ['too large'] }
    const sent = { ...body, flags, ...(body.content === null ? { content: '' } : {}) }
    const made = await behind('PATCH', path, sent)
    if (made.status !== 200) return { answer: made, complaints }
    message.attachments = [...kept, ...asked.files.map(attached)]
    show(message, made.body as Fields, body)
    const api = await withAttachments(made.body as Fields, message)
    return { answer: { ...made, body: api }, complaints, message }
  }

  function adopt(api: Fields, body: Fields, files: readonly SentFile[] = []): Shown {
    const known = all.get(String(api.id))
    if (known) {
      show(known, api, body)
      return known
    }
    const message: Shown = {
      id: String(api.id),
      channelId: String(api.channel_id),
      flags: 0,
      private: false,
      loading: false,
      text: '',
      texts: [],
      components: [],
      attachments: files.map(attached),
      called: [],
      deleted: false,
    }
    all.set(message.id, message)
    show(message, api, body)
    return message
  }

  async function withAttachments(api: Fields, { id, attachments }: Shown): Promise<Fields> {
    if (attachments.length === 0) return api
    const full = attachments.map((one) => {
      const url = `https://cdn.discordapp.com/attachments/${api.channel_id}/${one.id}/${one.filename}`
      return { ...one, url, proxy_url: url }
    })
    await saveAttachments(id, full)
    return { ...api, attachments: full }
  }

  return { all, create, edit, adopt, forgetNonces: () => nonces.clear() }
}

function show(message: Shown, api: Fields, body: Fields): void {
  message.flags = Number(api.flags ?? 0)
  message.private = (message.flags & MessageFlags.Ephemeral) !== 0
  message.loading = (message.flags & MessageFlags.Loading) !== 0
  message.components = (api.components ?? []) as Fields[]
  message.text = textOf(api)
  message.texts.push(message.text)
  message.called.push(...calledBy(body))
}

function attached({ name, size }: SentFile): Attachment {
  return { id: generateSnowflake(), filename: name, size }
}

/** discord.js sends these with every edit and every answer: Discord passes over them. */
export function withoutHabits({ tts, enforce_nonce, ...body }: Fields): Fields {
  return { ...body, ...(tts ? { tts } : {}), ...(enforce_nonce ? { enforce_nonce } : {}) }
}

/** Who is called by a message's text. Without `allowed_mentions` everybody whom it names. */
function calledBy(body: Fields): string[] {
  const texts = [body.content, ...partsOf(body.components).map(({ content }) => content)].join('\n')
  const allowed = body.allowed_mentions as
    | { parse?: string[]; users?: string[]; roles?: string[] }
    | undefined
  const may = (what: string, id: string, named: readonly string[] | undefined) =>
    !allowed || allowed.parse?.includes(what) || named?.includes(id)
  const ids = (pattern: RegExp) => [...texts.matchAll(pattern)].map(([, id = '']) => id)
  return [
    ...ids(/@(everyone|here)/g).filter(() => may('everyone', '', undefined)),
    ...ids(/<@!?(\d+)>/g).filter((id) => may('users', id, allowed?.users)),
    ...ids(/<@&(\d+)>/g).filter((id) => may('roles', id, allowed?.roles)),
  ]
}
