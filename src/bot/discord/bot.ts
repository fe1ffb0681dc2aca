import type { RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Events, type Interaction } from 'discord.js'
import type { Log } from '../../core/ports.ts'
import type { ModelList } from '../../core/request.ts'
import { systemClock } from '../clock.ts'
import { createLiveReplies } from '../live-reply.ts'
import type { BotService } from '../service.ts'
import { createClient } from './client.ts'
import { createCommands } from './commands.ts'
import { connectGateway } from './gateway.ts'
import { createDiscordPlatform } from './platform.ts'
import { registerCommands } from './register.ts'
import { connectWebhook } from './webhook.ts'

/** How interactions come to a bot, and who it is. */
export interface Connection {
  name: string
  guilds: number
  applicationId: string
  botId: string
  /** A channel's address in the client; null for one that the bot doesn't know. */
  channelUrl(channelId: string): Promise<string | null>
  /** Answers Discord's signed requests; null where interactions come over the gateway. */
  listener: RequestListener | null
  /** Rejects with `DiscordLost` when there is something that nobody but the operator can mend. */
  lost: Promise<never>
}

/** A bot at work. */
export interface DiscordBot extends Pick<Connection, 'name' | 'guilds' | 'listener' | 'lost'> {
  /** Takes nothing new, ends what is being answered, and leaves the jobs alone. */
  stop(): Promise<void>
}

/** So long may answers take that are under way when the bot stops: then they are left. Milliseconds. */
const DRAIN_MS = 5000

/**
 * Connects, registers the commands where they differ, takes up the cards of earlier processes, and answers. Throws `DiscordTokenRefused`,
 * `DiscordKeyWrong`, `DiscordLost`, and whatever keeps Discord from being reached.
 */
export async function startDiscordBot(deps: {
  token: string
  /** The application's, as 64 hexadecimal digits: interactions come as signed requests. Null: over the gateway. */
  publicKey: string | null
  apiUrl: string
  /** The one server to register the commands in; null: everywhere. */
  guildId: string | null
  service: BotService
  models: ModelList
  log: Log
  /** Ends a start that is still going on. */
  signal: AbortSignal
}): Promise<DiscordBot> {
  const { token, publicKey, apiUrl, service, models, log, signal } = deps
  const client = createClient(apiUrl, log)
  const { rest } = client
  const stopping = new AbortController()
  const answering = new Set<Promise<void>>()
  try {
    const connection =
      publicKey === null
        ? await connectGateway(client, { token, log, signal })
        : await connectWebhook(client, {
            token,
            publicKey,
            now: Date.now,
            log,
            signal,
            stopping: stopping.signal,
          })
    const { name, guilds, applicationId, botId, channelUrl, listener, lost } = connection
    const platform = createDiscordPlatform({ rest, applicationId, botId, channelUrl, now: Date.now, log })
    const replies = createLiveReplies({ service, platform, clock: systemClock, log })
    const about = { service, models, platform, replies, apiUrl, log }
    const commands = createCommands({ ...about, stopping: stopping.signal })
    client.on(Events.InteractionCreate, (interaction) => {
      if (stopping.signal.aborted) return
      const answered = answer(commands, interaction)
        .catch((error) => log.error({ interaction: interaction.id, err: error }, 'no answer could be given'))
        .finally(() => answering.delete(answered))
      answering.add(answered)
    })
    if (await registerCommands(rest, applicationId, deps.guildId)) log.info({}, 'discord commands written')
    await replies.takeUp()
    return {
      ...{ name, guilds, listener, lost },
      async stop() {
        stopping.abort()
        const drained = Promise.all([...answering, replies.stop()])
        await Promise.race([drained, sleep(DRAIN_MS, undefined, { ref: false })])
        await client.destroy()
      },
    }
  } catch (error) {
    await client.destroy()
    throw error
  }
}

function answer(commands: ReturnType<typeof createCommands>, interaction: Interaction): Promise<void> {
  if (interaction.isChatInputCommand()) return commands.command(interaction)
  if (interaction.isButton()) return commands.button(interaction)
  if (interaction.isAutocomplete()) return commands.suggest(interaction)
  return Promise.resolve()
}
