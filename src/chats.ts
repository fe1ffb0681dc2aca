import type { DiscordBot } from './bot/discord/bot.ts'
import { DiscordKeyWrong, DiscordLost, DiscordTokenRefused } from './bot/discord/start-errors.ts'
import { type Elected, everybody, startElected } from './bot/elected.ts'
import type { SlackBot } from './bot/slack/app.ts'
import { SlackTokenRefused } from './bot/slack/start-errors.ts'
import type { Config } from './config.ts'
import type { Log } from './core/ports.ts'
import type { App, Service } from './service.ts'

/** The chats' bots in this process; null: not configured. */
export interface Chats {
  discord: Elected<DiscordBot> | null
  slack: Elected<SlackBot> | null
  /** Rejects with what nobody but the operator can mend. */
  lost: Promise<never>
  stop(): Promise<void>
}

/**
 * Starts the bots that are configured. Where a bot has a connection of its own, one process among all on the database is connected, and
 * another takes over when that one ends; where requests come to it, every process answers. Throws what the bots throw; a start that
 * `signal` ends throws nothing.
 */
export async function startChats(deps: {
  config: Config
  models: App['models']
  service: Service
  log: Log
  signal: AbortSignal
}): Promise<Chats> {
  const { config, models, service, log, signal } = deps
  const { offices } = service
  const isFinal = (error: unknown) =>
    [DiscordTokenRefused, DiscordKeyWrong, SlackTokenRefused].some((kind) => error instanceof kind)
  /** A start that the operator has ended isn't a failure. */
  const unlessStopped = <T>(starting: Promise<T>): Promise<T | null> =>
    starting.catch((error) => {
      if (!signal.aborted) throw error
      return null
    })

  async function startDiscord(settings: NonNullable<Config['discord']>) {
    const [{ startDiscordBot }, { chatErrorOf }] = await Promise.all([
      import('./bot/discord/bot.ts'),
      import('./bot/discord/faults.ts'),
    ])
    const mayPass = (error: unknown) =>
      !(error instanceof DiscordLost) && chatErrorOf(error).fault === 'passing'
    const start = (ending: AbortSignal) =>
      startDiscordBot({ ...settings, service, models, log, signal: ending })
    const those = settings.publicKey === null ? offices : everybody
    return startElected({ office: 'discord', offices: those, start, isFinal, mayPass, log, signal })
  }

  async function startSlack(settings: NonNullable<Config['slack']>) {
    const [{ startSlackBot }, { chatErrorOf }] = await Promise.all([
      import('./bot/slack/app.ts'),
      import('./bot/slack/faults.ts'),
    ])
    const mayPass = (error: unknown) => chatErrorOf(error).fault === 'passing'
    const { defaultLocale } = config
    const start = (ending: AbortSignal) =>
      startSlackBot({ ...settings, defaultLocale, service, models, log, signal: ending })
    const those = 'appToken' in settings.door ? offices : everybody
    return startElected({ office: 'slack', offices: those, start, isFinal, mayPass, log, signal })
  }

  // loaded where they are used alone: the chats' libraries take a while
  const discord = config.discord ? await unlessStopped(startDiscord(config.discord)) : null
  const slack = config.slack && !signal.aborted ? await unlessStopped(startSlack(config.slack)) : null
  const all = [discord, slack].filter((chat) => chat !== null)
  const lost = Promise.race([new Promise<never>(() => {}), ...all.map((chat) => chat.lost)])
  lost.catch(() => {})
  return {
    discord,
    slack,
    lost,
    async stop() {
      await Promise.all(all.map((chat) => chat.stop()))
    },
  }
}
