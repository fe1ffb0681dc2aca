import { Client, Events, GatewayIntentBits, Options } from 'discord.js'
import type { Log } from '../../core/ports.ts'
import { restOptions } from './rest.ts'

/** discord.js as the bot uses it, not connected to anything yet. What goes wrong with it is in the log. */
export function createClient(apiUrl: string, log: Log): Client {
  const client: Client = new Client({
    intents: [GatewayIntentBits.Guilds],
    rest: restOptions(apiUrl),
    // each command brings its person and its message, which nobody asks for again
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: 0,
      UserManager: { maxSize: 0, keepOverLimit: (user) => user.id === client.user?.id },
      GuildMemberManager: { maxSize: 0, keepOverLimit: (member) => member.id === client.user?.id },
    }),
    allowedMentions: { parse: [] },
  })
  client.on(Events.Error, (error) => log.error({ err: error }, 'discord client'))
  client.on(Events.Warn, (warning) => log.warn({ warning }, 'discord client'))
  client.rest.on('rateLimited', ({ route, timeToReset, global }) =>
    log.warn({ route, ms: timeToReset, global }, 'discord rate limit'),
  )
  return client
}
