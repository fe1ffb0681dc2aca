import {
  type APIApplicationCommandOptionChoice,
  ApplicationCommandOptionType,
  ButtonStyle,
  ComponentType,
  MessageFlags,
} from 'discord.js'

type Fields = Record<string, unknown>

/** A file that came with a message. */
export interface SentFile {
  field: string
  name: string
  size: number
}

/** What a message's limits depend on beside its body. `kept`: names of attachments that it has already. */
export interface MessageContext {
  flags: number
  files: readonly SentFile[]
  kept: readonly string[]
}

const list = (value: unknown): Fields[] => (Array.isArray(value) ? value : [])
const sizeOf = (value: unknown): number => (typeof value === 'string' ? value.length : 0)

/** A message's parts, those in other parts too: containers, sections, rows, accessories. */
export function partsOf(components: unknown): Fields[] {
  return list(components).flatMap((part) => [
    part,
    ...partsOf(part.components),
    ...(part.accessory ? partsOf([part.accessory]) : []),
  ])
}

/** Everything that a message says: its content, its embeds, its text displays and its buttons' labels. */
export function textOf(body: Fields): string {
  const embeds = list(body.embeds).flatMap((embed) => [
    embed.title,
    embed.description,
    ...list(embed.fields).flatMap(({ name, value }) => [name, value]),
    (embed.footer as Fields | undefined)?.text,
  ])
  const parts = partsOf(body.components).flatMap(({ content, label }) => [content, label])
  return [body.content, ...embeds, ...parts].filter((text) => typeof text === 'string').join('\n')
}

/**
 * What Discord's types lack about messages. Lengths are counted in UTF-16: whoever keeps within that keeps within code
 * points too. Source: docs.discord.com/developers/resources/message, …/components/reference.
 */
export function messageComplaints(body: Fields, { flags, files, kept }: MessageContext): string[] {
  const v2 = (flags & MessageFlags.IsComponentsV2) !== 0
  const parts = partsOf(body.components)
  const complaints = [
    ...tooLong('content', body.content, 2000),
    ...tooLong('nonce', body.nonce, 25),
    ...embedComplaints(list(body.embeds)),
    ...parts.flatMap((part) => partComplaints(part, v2)),
    ...mentionComplaints(body.allowed_mentions as Fields | undefined),
    ...fileComplaints(body, parts, files, kept, v2),
  ]
  const ids = parts.map(({ custom_id }) => custom_id).filter((id) => id !== undefined)
  if (new Set(ids).size < ids.length) complaints.push('components: a custom_id stands there twice')
  if (!v2) {
    if (list(body.components).length > 5) complaints.push('components: more than 5 rows')
    return complaints
  }
  if (parts.length > 40) complaints.push(`components: ${parts.length}, more than 40`)
  const said = parts.reduce((sum, { content }) => sum + sizeOf(content), 0)
  if (said > 4000) complaints.push(`components: ${said} characters of text, more than 4000`)
  for (const field of ['content', 'embeds', 'poll', 'sticker_ids']) {
    const value = body[field]
    if (value && sizeOf(value) + list(value).length > 0)
      complaints.push(`${field}: not with IS_COMPONENTS_V2`)
  }
  return complaints
}

function tooLong(where: string, value: unknown, most: number): string[] {
  const size = typeof value === 'number' ? String(value).length : sizeOf(value)
  return size > most ? [`${where}: ${size} characters, more than ${most}`] : []
}

function between(where: string, value: unknown, least: number, most: number): string[] {
  const size = Array.isArray(value) ? value.length : sizeOf(value)
  return size < least || size > most ? [`${where}: ${size}, not ${least}–${most}`] : []
}

function embedComplaints(embeds: readonly Fields[]): string[] {
  const complaints = embeds.length > 10 ? ['embeds: more than 10'] : []
  let said = 0
  for (const { title, description, fields, footer, author } of embeds) {
    const texts: [string, unknown, number][] = [
      ['embed title', title, 256],
      ['embed description', description, 4096],
      ['embed footer', (footer as Fields | undefined)?.text, 2048],
      ['embed author', (author as Fields | undefined)?.name, 256],
      ...list(fields).flatMap(({ name, value }): [string, unknown, number][] => [
        ['embed field name', name, 256],
        ['embed field value', value, 1024],
      ]),
    ]
    complaints.push(...texts.flatMap(([where, text, most]) => tooLong(where, text, most)))
    if (list(fields).length > 25) complaints.push('embed fields: more than 25')
    if (list(fields).some(({ name, value }) => !name || !value)) complaints.push('embed fields: one is empty')
    said += texts.reduce((sum, [, text]) => sum + sizeOf(text), 0)
  }
  if (said > 6000) complaints.push(`embeds: ${said} characters in all, more than 6000`)
  return complaints
}

function partComplaints(part: Fields, v2: boolean): string[] {
  const { type, components, items, style } = part
  if (!v2 && Number(type) > ComponentType.ChannelSelect)
    return [`component ${type}: only with IS_COMPONENTS_V2`]
  switch (type) {
    case ComponentType.ActionRow:
      return between('buttons of a row', components, 1, 5)
    case ComponentType.Button: {
      const complaints = [...tooLong('label', part.label, 80), ...tooLong('url', part.url, 512)]
      if (!part.label && !part.emoji) complaints.push('button: neither label nor emoji')
      if (style === ButtonStyle.Link) return [...complaints, ...addressComplaints(part.url, false)]
      return [...complaints, ...between('custom_id', part.custom_id, 1, 100)]
    }
    case ComponentType.Section:
      return between('texts of a section', components, 1, 3)
    case ComponentType.TextDisplay:
      return between('text', String(part.content ?? '').trim(), 1, 4000)
    case ComponentType.Thumbnail:
      return mediaComplaints(part)
    case ComponentType.MediaGallery:
      return [...between('items of a gallery', items, 1, 10), ...list(items).flatMap(mediaComplaints)]
    case ComponentType.File:
      return String((part.file as Fields | undefined)?.url).startsWith('attachment://')
        ? []
        : ['file: only attachment://']
    case ComponentType.Container:
      return Number(part.accent_color ?? 0) > 0xffffff ? ['accent_color: more than 0xFFFFFF'] : []
    default:
      return []
  }
}

function mediaComplaints({ media, description }: Fields): string[] {
  return [
    ...tooLong('description', description, 1024),
    ...addressComplaints((media as Fields | undefined)?.url, true),
  ]
}

function addressComplaints(url: unknown, attachments: boolean): string[] {
  const schemes = attachments ? /^(https?|attachment):\/\// : /^(https?|discord):\/\//
  return typeof url === 'string' && schemes.test(url) ? [] : [`url: ${url}`]
}

function mentionComplaints(allowed: Fields | undefined): string[] {
  const { parse, users } = allowed ?? {}
  return list(parse).some((what) => String(what) === 'users') && list(users).length > 0
    ? ['allowed_mentions: users both in parse and by name']
    : []
}

function fileComplaints(
  body: Fields,
  parts: readonly Fields[],
  files: readonly SentFile[],
  kept: readonly string[],
  v2: boolean,
): string[] {
  const complaints: string[] = []
  const there = [...kept, ...files.map(({ name }) => name)]
  const shown = JSON.stringify([parts, body.embeds ?? []]).matchAll(/"attachment:\/\/([^"]*)"/g)
  const references = [...shown].map(([, name = '']) => name)
  for (const name of references) {
    if (!there.includes(name)) complaints.push(`attachment://${name}: there is no such attachment`)
  }
  for (const { name, field } of files) {
    if (!/^files\[\d+\]$/.test(field)) complaints.push(`${field}: not files[n]`)
    const said = list(body.attachments).some(({ id }) => `files[${id}]` === field)
    if (body.attachments !== undefined && !said) complaints.push(`${field}: not among the attachments`)
    if (v2 && !references.includes(name)) complaints.push(`${name}: no component shows it`)
  }
  return complaints
}

// ─── commands ──────────────────────────────────────────────────────────────────────────────────────────────

const NAME = /^[-_'\p{L}\p{N}\p{Script=Devanagari}\p{Script=Thai}]{1,32}$/u

/** What Discord's types lack about commands. Source: docs.discord.com/developers/interactions/application-commands. */
export function commandComplaints(commands: readonly Fields[]): string[] {
  const names = commands.map(({ name }) => name)
  return [
    ...(new Set(names).size < names.length ? ['two commands have one name'] : []),
    ...commands.flatMap((command) => [
      ...namedComplaints(command),
      ...optionsComplaints(list(command.options)),
      ...(sizeInAll(command) > 8000 ? [`${command.name}: more than 8000 characters in all`] : []),
    ]),
  ]
}

function namedComplaints({
  name,
  name_localizations,
  description,
  description_localizations,
}: Fields): string[] {
  const names = [name, ...Object.values(name_localizations ?? {})].map(String)
  const texts = [description, ...Object.values(description_localizations ?? {})]
  return [
    ...names
      .filter((one) => !NAME.test(one) || one !== one.toLowerCase())
      .map((one) => `“${one}” is no name for a command or an option`),
    ...texts.flatMap((text) => between(`description of ${name}`, text, 1, 100)),
  ]
}

function optionsComplaints(options: readonly Fields[]): string[] {
  const required = options.map((option) => option.required === true)
  const names = options.map(({ name }) => name)
  return [
    ...(options.length > 25 ? ['more than 25 options'] : []),
    ...(new Set(names).size < names.length ? ['two options have one name'] : []),
    ...(required.lastIndexOf(true) > required.indexOf(false) && required.includes(false)
      ? ['an option that is required comes after one that is not']
      : []),
    ...options.flatMap((option) => {
      const { name, type, choices, autocomplete, min_value, max_value, min_length, max_length } = option
      const numbers = [ApplicationCommandOptionType.Integer, ApplicationCommandOptionType.Number]
      const isNumber = numbers.includes(Number(type))
      const isText = type === ApplicationCommandOptionType.String
      return [
        ...namedComplaints(option),
        ...(autocomplete && choices ? [`${name}: choices and autocomplete`] : []),
        ...choicesComplaints(list(choices), Number(type)),
        ...((min_value ?? max_value) !== undefined && !isNumber ? [`${name}: min or max value`] : []),
        ...((min_length ?? max_length) !== undefined && !isText ? [`${name}: min or max length`] : []),
        ...(Number(min_length ?? 0) > 6000 ? [`${name}: min_length`] : []),
        ...(max_length !== undefined && !(Number(max_length) >= 1 && Number(max_length) <= 6000)
          ? [`${name}: max_length`]
          : []),
      ]
    }),
  ]
}

/** What is wrong with choices, of a command or of an autocompletion. */
export function choicesComplaints(
  choices: readonly (APIApplicationCommandOptionChoice | Fields)[],
  type: ApplicationCommandOptionType,
): string[] {
  const wanted = type === ApplicationCommandOptionType.String ? 'string' : 'number'
  return [
    ...(choices.length > 25 ? [`${choices.length} choices, more than 25`] : []),
    ...choices.flatMap(({ name, value, name_localizations }) => [
      ...[name, ...Object.values(name_localizations ?? {})].flatMap((one) => between('choice', one, 1, 100)),
      ...(typeof value !== wanted ? [`choice ${name}: its value is no ${wanted}`] : []),
      ...tooLong(`value of ${name}`, value, 100),
    ]),
  ]
}

function sizeInAll({ name, description, options, choices, value }: Fields): number {
  const inner = [...list(options), ...list(choices)].reduce((sum, one) => sum + sizeInAll(one), 0)
  return sizeOf(name) + sizeOf(description) + sizeOf(value) + inner
}
