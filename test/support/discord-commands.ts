import { randomInt } from 'node:crypto'
import { ApplicationCommandOptionType as Type } from 'discord.js'
import { generateSnowflake } from 'discord-digital-twin'
import { type Answer, type Asked, type Fields, refusal } from './discord-http.ts'
import { commandComplaints } from './discord-limits.ts'
import { shapeComplaints } from './discord-schemas.ts'

/** A picture that a person attaches to a command. Bytes, pixels. */
export interface AttachedPicture {
  filename: string
  size: number
  content_type: string
  url: string
  width?: number
  height?: number
}

/** What a person gives a command, by the option's name. */
export type Options = Record<string, string | number | boolean | AttachedPicture>

interface Option extends Fields {
  name: string
  type: number
  options?: Option[]
}

interface Command extends Fields {
  id: string
  name: string
  options: Option[]
}

/** The commands that a bot has registered. The server behind knows none of their translations, nor a list of them. */
export interface CommandRegistry {
  /** Answers the routes of an application's commands; `scope` is a guild, or empty. */
  answer(asked: Asked, scope: string, id: string | undefined): { answer: Answer; complaints: string[] }
  /** The command that a person in a guild sees. */
  find(name: string, guildId: string | null): Command | undefined
  all(scope: string): Command[]
}

export function createCommandRegistry(applicationId: string): CommandRegistry {
  const scopes = new Map<string, Map<string, Command>>()
  const of = (scope: string) => {
    const known = scopes.get(scope) ?? new Map<string, Command>()
    scopes.set(scope, known)
    return known
  }

  function taken(given: Fields, scope: string, before?: Command): Command {
    // Discord fills in what was left out
    const { id, ...rest } = { ...DEFAULTS, ...before, ...given, options: optionsOf(given, before) }
    return {
      id: before?.id ?? generateSnowflake(),
      application_id: applicationId,
      version: String(randomInt(2 ** 40)),
      ...(scope === '' ? {} : { guild_id: scope }),
      ...rest,
      name: String(rest.name),
    }
  }

  function answer({ method, body, query }: Asked, scope: string, id: string | undefined) {
    const commands = of(scope)
    const shown = (command: Command) =>
      query.get('with_localizations') === 'true' ? command : withoutTranslations(command)
    const known = id === undefined ? undefined : commands.get(id)
    if (id !== undefined && !known) return { answer: refusal(10063), complaints: [] }
    if (method === 'GET') return fine(known ? shown(known) : [...commands.values()].map(shown))
    if (method === 'DELETE' && known) {
      commands.delete(known.id)
      return { answer: { status: 204 }, complaints: [] }
    }
    const kind = method === 'PUT' ? 'commands' : method === 'PATCH' ? 'command edit' : 'command'
    const given = (method === 'PUT' ? body : [body]) as Fields[]
    const whole = given.map((one) => ({ ...known, ...one }))
    const shape = shapeComplaints(kind, body)
    const complaints = shape.length > 0 ? shape : commandComplaints(whole)
    if (complaints.length > 0) return { answer: refusal(50035, complaints), complaints }
    const named = (name: unknown) => [...commands.values()].find((one) => one.name === name)
    const made = given.map((one) => taken(one, scope, method === 'PATCH' ? known : named(one.name)))
    if (method === 'PUT') commands.clear()
    for (const command of made) commands.set(command.id, command)
    return fine(method === 'PUT' ? made : made[0])
  }

  return {
    answer,
    find: (name, guildId) =>
      [...of(guildId ?? ''), ...of('')].map(([, command]) => command).find((one) => one.name === name),
    all: (scope) => [...of(scope).values()],
  }
}

const DEFAULTS: Fields = {
  type: 1,
  default_member_permissions: null,
  dm_permission: true,
  contexts: null,
  integration_types: [0],
  nsfw: false,
  name_localizations: null,
  description_localizations: null,
}

const fine = (body: unknown) => ({ answer: { status: 200, body }, complaints: [] })

/** Options as Discord gives them back: in its own order, with nulls for translations, without what is false. */
function optionsOf({ options }: Fields, before: Command | undefined): Option[] {
  if (options === undefined) return before?.options ?? []
  return (options as Option[]).map(
    ({ name, description, type, required, autocomplete, choices, ...rest }) => ({
      type,
      name,
      name_localizations: null,
      description,
      description_localizations: null,
      ...(required ? { required } : {}),
      ...(autocomplete ? { autocomplete } : {}),
      ...(Array.isArray(choices) && choices.length > 0
        ? { choices: choices.map((choice) => ({ name_localizations: null, ...choice })) }
        : {}),
      ...rest,
    }),
  )
}

function withoutTranslations<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (key, inner) =>
    key.endsWith('_localizations') ? undefined : inner,
  )
}

/**
 * A command's data as a bot gets it. Throws where Discord lets nobody send it: an unknown option, a wrong type, a value
 * that isn't among the choices or within the limits.
 */
export function commandData(command: Command, options: Options, focused?: string): Fields {
  const attachments: Fields = {}
  const given = Object.entries(options).map(([name, value]) => {
    const option = command.options.find((one) => one.name === name)
    if (!option) throw new Error(`Discord knows no option ${name} of /${command.name}`)
    if (typeof value === 'object') {
      if (option.type !== Type.Attachment) throw new Error(`Discord takes no file as ${name}`)
      const id = generateSnowflake()
      attachments[id] = { id, proxy_url: value.url, ephemeral: true, ...value }
      return { name, type: option.type, value: id }
    }
    if (name === focused) return { name, type: option.type, value, focused: true }
    refuse(option, value)
    return { name, type: option.type, value }
  })
  for (const { name, required } of command.options) {
    if (required && !(name in options) && !focused) throw new Error(`Discord asks for ${name}`)
  }
  const resolved = Object.keys(attachments).length > 0 ? { resolved: { attachments } } : {}
  return { id: command.id, name: command.name, type: 1, options: given, ...resolved }
}

function refuse({ name, type, choices, ...option }: Option, value: string | number | boolean): void {
  const wanted = { [Type.String]: 'string', [Type.Boolean]: 'boolean' }[type] ?? 'number'
  const among = Array.isArray(choices) ? choices.some((choice) => choice.value === value) : true
  const [least, most] =
    typeof value === 'string'
      ? [Number(option.min_length ?? 0), Number(option.max_length ?? 6000)]
      : [Number(option.min_value ?? -Infinity), Number(option.max_value ?? Infinity)]
  const size = typeof value === 'string' ? [...value].length : Number(value)
  const whole = type !== Type.Integer || Number.isInteger(value)
  if (typeof value !== wanted || !among || !whole || size < least || size > most) {
    throw new Error(`Discord refuses ${name}: ${value}`)
  }
}
