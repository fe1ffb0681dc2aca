import { createApp } from './app.ts'
import { DiscordKeyWrong, DiscordLost, DiscordTokenRefused } from './bot/discord/start-errors.ts'
import { SlackTokenRefused } from './bot/slack/start-errors.ts'
import { type Chats, startChats } from './chats.ts'
import { type Config, ConfigError, loadEnvFile, readConfig, terminalLocale } from './config.ts'
import type { ChatName } from './core/card.ts'
import { reasonOf, UserError } from './core/errors.ts'
import { errorText, problemText, text } from './i18n/index.ts'
import type { App, Part } from './service.ts'
import { createLog } from './telemetry.ts'
import { AddressTaken } from './web/server.ts'
import { CHAT_PATHS, startHealth, startWeb, type Web } from './web.ts'

/**
 * `npm start`: the program for chats and the web. `npm start -- serve` takes jobs and runs none, `npm start -- worker` runs them; any number
 * of either on one database, with `QUEUE=pg-boss`. Its texts for the operator are in the terminal's language. */

const EXIT = { stopped: 0, failed: 1, refused: 2 }

/**
 * How long an end in order may take, in milliseconds: hosts kill ten seconds after they have asked. What isn't done by then is as after a
 * crash, and the ledger knows it.
 */
const STOP_MS = 9000

// the screen may be read by nobody any more
process.stdout.on('error', () => {})
loadEnvFile()
const locale = terminalLocale()
// at once: a chat's own library may have timers that would keep the process
process.exit(await main().catch(explain))

async function main(): Promise<number> {
  const stopping = new AbortController()
  const stopped = nextSignal()
  void stopped.then(() => {
    stopping.abort()
    setTimeout(() => process.exit(EXIT.stopped), STOP_MS).unref()
  })
  const config = readConfig()
  const part = partOf(process.argv.slice(2), config)
  const log = createLog(config.logLevel ?? 'info')
  const app = await createApp(config, log)
  const service = await app.open(part)
  let chats: Chats | null = null
  let web: Web | null = null
  try {
    const { signal } = stopping
    if (signal.aborted) return EXIT.stopped
    web =
      part === 'worker'
        ? await startHealth({ config, service, log })
        : await startWeb({
            config,
            app,
            service,
            log,
            listener: (chat) => chats?.[chat]?.bot?.listener ?? null,
          })
    const unfinished = await service.takeUp()
    const { models } = app
    if (part !== 'worker') chats = await startChats({ config, models, service, log, signal })
    if (signal.aborted) return EXIT.stopped
    web.up()
    process.stdout.write(`${screen(config, app, { part, chats, web }, unfinished).join('\n')}\n`)
    const { discord, slack } = chats ?? {}
    const on = { web: web.address, discord: discord?.bot?.name ?? null, slack: slack?.bot?.team ?? null }
    log.info({ part, ...on, unfinished }, 'ready')
    const by = await Promise.race([stopped, ...(chats ? [chats.lost] : [])])
    log.info({ signal: by }, 'stopping')
    return EXIT.stopped
  } finally {
    web?.refuse()
    // whatever a surface can't end in order, the jobs are left in order
    for (const ended of await Promise.allSettled([service.handBack(), chats?.stop()])) {
      if (ended.status === 'rejected') log.error({ err: ended.reason }, 'a part could not be left in order')
    }
    await web?.stop()
    await service.stop()
    log.info({}, 'stopped')
  }
}

/** What is on, and what is missing, a line each. */
function screen(
  config: Config,
  app: App,
  at: { part: Exclude<Part, 'command'>; chats: Chats | null; web: Web },
  unfinished: number,
): string[] {
  const { part, web } = at
  const standIn = (variable: string) => text(locale, 'start.stand_in', { variable })
  const { ffmpeg, models } = app
  const folder = config.dataDir
  const database = config.databaseUrl
    ? text(locale, 'start.server')
    : text(locale, 'start.embedded', { folder })
  const planner = config.openai?.model ?? standIn('OPENAI_API_KEY')
  const usable = config.fal ? models.usable.join(', ') : standIn('FAL_KEY')
  const objects = config.supabase
    ? `Supabase, ${config.supabase.bucket}`
    : text(locale, 'start.in_folder', { folder, variable: 'SUPABASE_URL' })
  return [
    'Sora Extend',
    text(locale, 'start.database', { what: database }),
    text(locale, 'start.objects', { what: objects }),
    text(locale, 'start.planner', { what: planner }),
    text(locale, 'start.models', { what: usable }),
    text(locale, 'start.ffmpeg', ffmpeg),
    ...(config.queue === 'pg-boss' ? [text(locale, `start.part_${part}`)] : []),
    ...(part === 'worker' ? [text(locale, 'start.health', { address: web.address })] : surfaces(config, at)),
    ...(unfinished > 0 ? [text(locale, 'start.unfinished', { count: unfinished })] : []),
    text(locale, 'start.ready'),
  ].map((line, i) => (i === 0 ? line : `  ${line}`))
}

/** Where people reach the program. */
function surfaces(config: Config, { chats, web }: Parameters<typeof screen>[2]): string[] {
  const { discord, slack } = chats ?? {}
  return [
    text(locale, 'start.web', {
      address: web.address,
      who: text(locale, config.web.auth ? 'start.web_accounts' : 'start.web_single'),
    }),
    config.publicUrl
      ? text(locale, 'start.public', { address: config.publicUrl })
      : text(locale, 'start.public_off'),
    discord?.bot
      ? text(locale, 'start.discord', { ...discord.bot, door: doorText('discord', discord.bot, web) })
      : absent(discord, 'Discord', 'start.discord_off'),
    slack?.bot
      ? text(locale, 'start.slack', { ...slack.bot, door: doorText('slack', slack.bot, web) })
      : absent(slack, 'Slack', 'start.slack_off'),
    ...(discord || slack ? [] : [text(locale, 'start.nothing')]),
  ]
}

/** A chat that this process isn't connected to. */
function absent(
  chat: { unreachable: boolean } | null | undefined,
  name: string,
  off: 'start.discord_off' | 'start.slack_off',
): string {
  if (!chat) return text(locale, off)
  return text(locale, chat.unreachable ? 'start.unreachable' : 'start.stands_by', { chat: name })
}

/** What this process is to do, by the word it was started with. Throws `ConfigError`. */
function partOf([word, ...more]: readonly string[], { queue }: Config): Exclude<Part, 'command'> {
  if (word === undefined) return 'all'
  if ((word !== 'serve' && word !== 'worker') || more.length > 0) {
    const given = [word, ...more].join(' ')
    throw new ConfigError([{ variable: 'npm start', problem: 'not_one_of', given, allowed: 'serve, worker' }])
  }
  if (queue === 'pg-boss') return word
  const allowed = 'QUEUE=pg-boss'
  throw new ConfigError([{ variable: 'QUEUE', problem: 'part_needs_queue', given: word, allowed }])
}

/** How a chat comes to its bot. */
function doorText(chat: ChatName, { listener }: { listener: object | null }, web: Web): string {
  if (listener === null) return text(locale, 'start.connection')
  return text(locale, 'start.signed_requests', {
    address: `${web.address.replace(/^http:\/\//, '')}${CHAT_PATHS[chat]}`,
  })
}

/** The first SIGTERM or SIGINT; a second one ends the process at once, and the ledger knows what was done. */
function nextSignal(): Promise<NodeJS.Signals> {
  // without a chat there may be nothing else that keeps the process
  const awake = setInterval(() => {}, 60_000)
  return new Promise((resolve) => {
    let asked = false
    const stop = (signal: NodeJS.Signals) => {
      if (asked) process.exit(EXIT.failed)
      asked = true
      clearInterval(awake)
      resolve(signal)
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

/** Words an error for the operator, a line each. */
function explain(error: unknown): never {
  process.stderr.write(`${linesOf(error).join('\n')}\n`)
  const refused = [
    ConfigError,
    UserError,
    DiscordTokenRefused,
    DiscordKeyWrong,
    SlackTokenRefused,
    AddressTaken,
  ]
  process.exit(refused.some((kind) => error instanceof kind) ? EXIT.refused : EXIT.failed)
}

function linesOf(error: unknown): string[] {
  if (error instanceof ConfigError) return error.problems.map((problem) => problemText(problem, locale))
  if (error instanceof UserError) return [errorText(error.detail, locale)]
  if (error instanceof DiscordLost) return [text(locale, 'start.discord_lost', { code: error.code })]
  if (error instanceof SlackTokenRefused) return [text(locale, 'start.slack_refused', error)]
  if (error instanceof AddressTaken) {
    return [text(locale, 'start.port_taken', { address: error.address, reason: reasonOf(error) })]
  }
  if (error instanceof DiscordTokenRefused) return [text(locale, 'start.token_refused')]
  if (error instanceof DiscordKeyWrong) return [text(locale, 'start.discord_key_wrong')]
  return [errorText({ code: 'internal', data: { reason: reasonOf(error) } }, locale)]
}
