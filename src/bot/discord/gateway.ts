import { type Client, DiscordjsErrorCodes, Events } from 'discord.js'
import type { Log } from '../../core/ports.ts'
import type { Connection } from './bot.ts'
import { DiscordLost, DiscordTokenRefused } from './start-errors.ts'

/**
 * Logs in to the gateway, over which interactions come. A connection that drops is taken up again by discord.js. Throws
 * `DiscordTokenRefused`, `DiscordLost`, whatever keeps Discord from being reached, and what ends `signal`.
 */
export async function connectGateway(
  client: Client,
  { token, log, signal }: { token: string; log: Log; signal: AbortSignal },
): Promise<Connection> {
  // discord.js tells of a connection that it doesn't take up again
  const lost = new Promise<never>((_, reject) => {
    client.on(Events.ShardDisconnect, ({ code }) => reject(new DiscordLost(code)))
  })
  lost.catch(() => {})
  client.on(Events.ShardResume, () => log.info({}, 'discord gateway resumed'))
  const { user, application, guilds, channels } = await new Promise<Client<true>>((resolve, reject) => {
    client.once(Events.ClientReady, resolve)
    client.login(token).catch(reject)
    lost.catch(reject)
    signal.addEventListener('abort', () => reject(signal.reason))
  }).catch((error) => {
    const refused = error?.code === DiscordjsErrorCodes.TokenInvalid || error?.status === 401
    throw refused ? new DiscordTokenRefused('Discord refused the token', { cause: error }) : error
  })
  return {
    name: user.tag,
    guilds: guilds.cache.size,
    applicationId: application.id,
    botId: user.id,
    channelUrl: async (channelId) => channels.cache.get(channelId)?.url ?? null,
    listener: null,
    lost,
  }
}
