import { setTimeout as sleep } from 'node:timers/promises'
import { Client, DiscordjsErrorCodes, Events, GatewayIntentBits, type Interaction, Options } from 'discord.js'
import type { Log } from '../../core/ports.ts'
import type { ModelList } from '../../core/request.ts'
import { systemClock } from '../clock.ts'
import { createLiveReplies } from '../live-reply.ts'
import type { BotService } from '../service.ts'
import { createCommands } from './commands.ts'
import { createDiscordPlatform } from './platform.ts'
import { registerCommands } from './register.ts'
import { restOptions } from './rest.ts'
import { DiscordLost, DiscordTokenRefused } from './start-errors.ts'

/** A bot at work. */
export interface DiscordBot {
  name: string
  guilds: number
  /** Rejects with `DiscordLost` when there is something that nobody but the operator can mend. */
  lost: Promise<never>
  /** Takes nothing new, ends what is being answered, and leaves the jobs alone. */
  stop(): Promise<void>
}

/** So long may answers take that are under way when the bot stops: then they are left. Milliseconds. */
const DRAIN_MS = 5000

/**
 * Logs in, registers the commands where they differ, takes up the cards of earlier processes, and answers. A gateway that drops is taken up
 * again by discord.js. Throws `DiscordTokenRefused`, `DiscordLost`, and whatever keeps Discord from being reached.
 */
export async function startDiscordBot(deps: {
  token: string
  apiUrl: string
  /** The one server to register the commands in; null: everywhere. */
  guildId: string | null
  service: BotService
  models: ModelList
  log: Log
  /** Ends a login that is still going on. */
  signal: AbortSignal
}): Promise<DiscordBot> {
  const { service, models, log, apiUrl, signal } = deps
  const client = new Client({
    intents: [GatewayIntentBits.Guilds],
    rest: restOptions(apiUrl),
    // each command brings its person and its message, which nobody asks for again
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: 0,
      UserManager: { maxSize: 0, keepOverLimit: (user) => user.id === user.client.user.id },
      GuildMemberManager: { maxSize: 0, keepOverLimit: (member) => member.id === member.client.user.id },
    }),
    allowedMentions: { parse: [] },
  })
  client.on(Events.Error, (error) => log.error({ err: error }, 'discord client'))
  client.on(Events.Warn, (warning) => log.warn({ warning }, 'discord client'))
  // discord.js tells of a connection that it doesn't take up again
  const lost = new Promise<never>((_, reject) => {
    client.on(Events.ShardDisconnect, ({ code }) => reject(new DiscordLost(code)))
  })
  lost.catch(() => {})
  client.on(Events.ShardResume, () => log.info({}, 'discord gateway resumed'))
  client.rest.on('rateLimited', ({ route, timeToReset, global }) =>
    log.warn({ route, ms: timeToReset, global }, 'discord rate limit'),
  )

  const { user, application, rest, guilds } = await new Promise<Client<true>>((resolve, reject) => {
    client.once(Events.ClientReady, resolve)
    client.login(deps.token).catch(reject)
    lost.catch(reject)
    signal.addEventListener('abort', () => reject(signal.reason))
  }).catch(async (error) => {
    await client.destroy()
    const refused = error?.code === DiscordjsErrorCodes.TokenInvalid || error?.status === 401
    throw refused ? new DiscordTokenRefused('Discord refused the token', { cause: error }) : error
  })
  const channelUrl = (channelId: string) => client.channels.cache.get(channelId)?.url ?? null
  const platform = createDiscordPlatform({
    rest,
    applicationId: application.id,
    botId: user.id,
    channelUrl,
    now: Date.now,
    log,
  })
  const stopping = new AbortController()
  const replies = createLiveReplies({ service, platform, clock: systemClock, log })
  const commands = createCommands({
    service,
    models,
    platform,
    replies,
    apiUrl,
    log,
    stopping: stopping.signal,
  })

  const answering = new Set<Promise<void>>()
  function answer(interaction: Interaction): Promise<void> {
    if (interaction.isChatInputCommand()) return commands.command(interaction)
    if (interaction.isButton()) return commands.button(interaction)
    if (interaction.isAutocomplete()) return commands.suggest(interaction)
    return Promise.resolve()
  }
  client.on(Events.InteractionCreate, (interaction) => {
    if (stopping.signal.aborted) return
    const answered = answer(interaction)
      .catch((error) => log.error({ interaction: interaction.id, err: error }, 'no answer could be given'))
      .finally(() => answering.delete(answered))
    answering.add(answered)
  })
  try {
    if (await registerCommands(rest, application.id, deps.guildId)) log.info({}, 'discord commands written')
    await replies.takeUp()
  } catch (error) {
    await client.destroy()
    throw error
  }

  return {
    name: user.tag,
    guilds: guilds.cache.size,
    lost,
    async stop() {
      stopping.abort()
      const drained = Promise.all([...answering, replies.stop()])
      await Promise.race([drained, sleep(DRAIN_MS, undefined, { ref: false })])
      await client.destroy()
    },
  }
}
