import { ApplicationIntegrationType, ChannelType, InteractionContextType } from 'discord.js'
import { type DigitalDiscord, generateSnowflake } from 'discord-digital-twin'
import type { Fields } from './discord-http.ts'

/** Somebody in the server. */
export interface Person {
  id: string
  name: string
}

/**
 * Where a command is given: in a channel of the bot's server, in a server where it isn't (the app is the person's own),
 * in a direct message to the bot, or in one between people.
 */
export interface Place {
  kind: 'server' | 'elsewhere' | 'dm' | 'group'
  channelId: string
  guildId: string | null
}

/** People, and the places where they talk. The server behind has no direct messages: here they are channels of no server. */
export interface People {
  /** The places in the bot's server, of which each test takes its own. */
  channel(): Place
  elsewhere(): Promise<Place>
  group(): Promise<Place>
  person(name: string): Promise<Person>
  /** The direct messages between the bot and a person; the same ones each time. */
  dm(person: Person): Promise<Place>
  /** The place of a channel. */
  placeOf(channelId: string): Place | undefined
  /** Whose direct messages these are. */
  ownerOf(channelId: string): string | undefined
}

const CHANNELS = 50

/** Ids of the channels that the server behind is started with. */
export const channelIds = (): string[] => Array.from({ length: CHANNELS }, () => generateSnowflake())

export function createPeople(twin: DigitalDiscord, ids: readonly string[]): People {
  const free = [...ids]
  const places = new Map<string, Place>()
  const dms = new Map<string, Promise<Place>>()
  const owners = new Map<string, string>()

  async function made(kind: Place['kind'], type: ChannelType, guildId: string | null): Promise<Place> {
    const channelId = generateSnowflake()
    await twin.prisma.channel.create({ data: { id: channelId, type, name: kind } })
    const place = { kind, channelId, guildId }
    places.set(channelId, place)
    return place
  }

  async function openDm(id: string): Promise<Place> {
    const place = await made('dm', ChannelType.DM, null)
    owners.set(place.channelId, id)
    return place
  }

  return {
    channel() {
      const channelId = free.shift()
      if (channelId === undefined) throw new Error('the server has no more channels')
      const place: Place = { kind: 'server', channelId, guildId: twin.guildId }
      places.set(channelId, place)
      return place
    },
    elsewhere: () => made('elsewhere', ChannelType.GuildText, generateSnowflake()),
    group: () => made('group', ChannelType.GroupDM, null),
    async person(name) {
      const id = generateSnowflake()
      await twin.prisma.user.create({ data: { id, username: name.toLowerCase(), globalName: name } })
      await twin.prisma.guildMember.create({ data: { guildId: twin.guildId, userId: id } })
      return { id, name }
    },
    dm({ id }) {
      const place = dms.get(id) ?? openDm(id)
      dms.set(id, place)
      return place
    },
    placeOf: (channelId) => places.get(channelId),
    ownerOf: (channelId) => owners.get(channelId),
  }
}

/** An interaction as a bot gets it: the server behind knows one place and one language alone. */
export function interactionIn(place: Place, person: Person, locale: string, behind: Fields): Fields {
  const { guild_id, guild_locale, member, channel, ...rest } = behind
  const { user } = member as { user: Fields }
  const { channelId, guildId, kind } = place
  const inServer = {
    guild_id: guildId,
    guild_locale: 'en-US',
    guild: { id: guildId, locale: 'en-US', features: [] },
    member,
  }
  const ownApp = { [ApplicationIntegrationType.UserInstall]: person.id }
  const about = {
    server: {
      ...inServer,
      channel,
      context: InteractionContextType.Guild,
      authorizing_integration_owners: { [ApplicationIntegrationType.GuildInstall]: guildId },
    },
    elsewhere: {
      ...inServer,
      channel,
      context: InteractionContextType.Guild,
      authorizing_integration_owners: ownApp,
    },
    dm: {
      user,
      channel: { id: channelId, type: ChannelType.DM },
      context: InteractionContextType.BotDM,
      authorizing_integration_owners: { ...ownApp, [ApplicationIntegrationType.GuildInstall]: '0' },
    },
    group: {
      user,
      channel: { id: channelId, type: ChannelType.GroupDM },
      context: InteractionContextType.PrivateChannel,
      authorizing_integration_owners: ownApp,
    },
  }[kind]
  // outside of its servers a bot may see next to nothing
  const app_permissions = kind === 'elsewhere' ? '562949953601536' : '274878024704'
  return {
    ...rest,
    ...about,
    channel_id: channelId,
    locale,
    app_permissions,
    attachment_size_limit: 10_485_760,
  }
}
