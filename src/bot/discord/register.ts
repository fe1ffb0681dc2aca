import { isDeepStrictEqual } from 'node:util'
import {
  type APIApplicationCommandOption,
  ApplicationCommandOptionType,
  ApplicationIntegrationType,
  InteractionContextType,
  type REST,
  type RESTPutAPIApplicationCommandsJSONBody,
  Routes,
} from 'discord.js'
import { text } from '../../i18n/index.ts'
import { COMMANDS, type CommandOption } from '../command.ts'

type DiscordCommand = RESTPutAPIApplicationCommandsJSONBody[number]

const TYPES = {
  text: ApplicationCommandOptionType.String,
  number: ApplicationCommandOptionType.Integer,
  picture: ApplicationCommandOptionType.Attachment,
} as const

/** Installed on a server or by a person, used on servers, in the bot's own messages and in others'. Discord takes both for global commands alone. */
const EVERYWHERE = {
  integration_types: [ApplicationIntegrationType.GuildInstall, ApplicationIntegrationType.UserInstall],
  contexts: [
    InteractionContextType.Guild,
    InteractionContextType.BotDM,
    InteractionContextType.PrivateChannel,
  ],
}

/** Our commands as Discord declares them; `guild`: for one server alone. */
export function discordCommands(guild: boolean): DiscordCommand[] {
  return COMMANDS.map(({ name, options }) => ({
    name: text('en', `command.${name}.name`),
    name_localizations: { ko: text('ko', `command.${name}.name`) },
    description: text('en', `command.${name}.about`),
    description_localizations: { ko: text('ko', `command.${name}.about`) },
    options: options.map(discordOption),
    ...(guild ? {} : EVERYWHERE),
  }))
}

/**
 * Makes Discord's list of our commands the one above, everywhere or on one server alone, and only where they differ: a command that is
 * written anew is missing from people's clients for a moment. Returns whether anything was written.
 */
export async function registerCommands(
  rest: REST,
  applicationId: string,
  guildId: string | null,
): Promise<boolean> {
  const everywhere = Routes.applicationCommands(applicationId)
  if (guildId === null) {
    return writeWhereDifferent(rest, everywhere, discordCommands(false), [...DECLARED, ...PLACES])
  }
  // what an earlier start has left everywhere would stand beside the server's own
  const cleared = await writeWhereDifferent(rest, everywhere, [])
  const there = Routes.applicationGuildCommands(applicationId, guildId)
  return (await writeWhereDifferent(rest, there, discordCommands(true))) || cleared
}

async function writeWhereDifferent(
  rest: REST,
  route: `/${string}`,
  wanted: readonly DiscordCommand[],
  keys: readonly string[] = DECLARED,
): Promise<boolean> {
  const query = new URLSearchParams({ with_localizations: 'true' })
  const there = (await rest.get(route, { query })) as DiscordCommand[]
  if (isDeepStrictEqual(comparable(inOrder(there), keys), comparable(inOrder(wanted), keys))) return false
  await rest.put(route, { body: wanted })
  return true
}

function discordOption(option: CommandOption): APIApplicationCommandOption {
  const { name, type, required, range, choices, suggested } = option
  const declared = {
    type: TYPES[type],
    name: text('en', `option.${name}.name`),
    name_localizations: { ko: text('ko', `option.${name}.name`) },
    description: text('en', `option.${name}.about`),
    description_localizations: { ko: text('ko', `option.${name}.about`) },
    ...(required ? { required } : {}),
    ...(range ? { min_value: range.min, max_value: range.max } : {}),
    ...(choices ? { choices: choices.map((value) => ({ name: String(value), value })) } : {}),
    ...(suggested ? { autocomplete: true } : {}),
  }
  return declared as APIApplicationCommandOption
}

function inOrder(commands: readonly DiscordCommand[]): DiscordCommand[] {
  return commands.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** What Discord adds of its own, such as ids and versions, doesn't count. */
const DECLARED = [
  'name',
  'name_localizations',
  'description',
  'description_localizations',
  'options',
  'type',
  'required',
  'min_value',
  'max_value',
  'min_length',
  'max_length',
  'choices',
  'value',
  'autocomplete',
  'ko',
]

/** Where a command may be used. Discord fills these in for a server's commands too, which can't have them. */
const PLACES = ['integration_types', 'contexts']

function comparable(value: unknown, keys: readonly string[]): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item, keys))
    return items.every((item) => typeof item === 'number') ? items.sort() : items
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, part]) => keys.includes(key) && !isDefault(key, part))
  return Object.fromEntries(entries.map(([key, part]) => [key, comparable(part, keys)]))
}

/** What Discord may leave out or write out as it likes; 1 is the type of a slash command. */
function isDefault(key: string, value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true
  return key === 'type' ? value === 1 : Array.isArray(value) && value.length === 0
}
