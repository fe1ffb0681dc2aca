import type { RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { App, type BlockAction, HTTPReceiver, LogLevel, SocketModeReceiver, webApi } from '@slack/bolt'
import { reasonOf, UserError } from '../../core/errors.ts'
import type { Log } from '../../core/ports.ts'
import { type Locale, type ModelList, parseRequest } from '../../core/request.ts'
import { type AnswerView, refusalAnswer } from '../answer.ts'
import { systemClock } from '../clock.ts'
import { createLiveReplies } from '../live-reply.ts'
import type { BotService } from '../service.ts'
import { type Asked, createSlackCommands } from './commands.ts'
import { keepConnecting } from './connection.ts'
import { unescaped } from './escape.ts'
import { isTokenRefused, slackErrorOf } from './faults.ts'
import { createLocales } from './locales.ts'
import { filledIn, MODAL, type ModalState } from './modal.ts'
import { createSlackPlatform } from './platform.ts'
import { renderAnswer } from './render.ts'
import { SlackTokenRefused } from './start-errors.ts'
import { teamOf } from './team.ts'

/** A bot at work. */
export interface SlackBot {
  name: string
  /** The workspace's name. */
  team: string
  /** Answers what Slack sends to `REQUEST_PATH`; null where the bot has a connection of its own. */
  listener: RequestListener | null
  /** Takes nothing new, ends what is being answered, and leaves the jobs alone. */
  stop(): Promise<void>
}

/** How Slack reaches the bot: by a connection that the bot opens (Socket Mode), or by signed requests. */
export type SlackDoor = { appToken: string } | { signingSecret: string }

/** The one command; the word after it says which. */
export const COMMAND = '/sora'

/** Where Slack's signed requests arrive. */
export const REQUEST_PATH = '/slack/events'

/** So long may answers take that are under way when the bot stops: then they are left. Milliseconds. */
const DRAIN_MS = 5000

/** How long a film may take to Slack (200 MB at 3 Mbit/s), and an answer by the address that came with a request; milliseconds. */
const UPLOAD_MS = 10 * 60_000
const RESPOND_MS = 10_000

/** Deliveries that are remembered, so that a repeated one does nothing. */
const REMEMBERED = 5000

/**
 * Checks the tokens, takes up the cards of earlier processes, and answers. A connection that drops is taken up again by Bolt. Throws
 * `SlackTokenRefused`, and whatever keeps Slack from being reached.
 */
export async function startSlackBot(deps: {
  botToken: string
  apiUrl: string
  uploadFilm: boolean
  door: SlackDoor
  defaultLocale: Locale
  service: BotService
  models: ModelList
  log: Log
  /** Ends a start that is still going on. */
  signal: AbortSignal
}): Promise<SlackBot> {
  const { botToken: token, apiUrl, door, service, models, log, signal } = deps
  const logger = loggerOf(log)
  const slackApiUrl = `${apiUrl}/`
  // a call that was made again by itself could post twice, and would send what is no longer the newest
  const once = { retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, allowAbsoluteUrls: true }
  const clientOptions = { slackApiUrl, ...once, timeout: 60_000 }
  const client = new webApi.WebClient(token, { ...clientOptions, logger })
  // a call on its way would keep the process when the start is ended
  const ending = (url: string | URL, init: RequestInit = {}) =>
    fetch(url, { ...init, signal: AbortSignal.any([signal, ...(init.signal ? [init.signal] : [])]) })
  const uploads = new webApi.WebClient(token, { ...clientOptions, logger, timeout: UPLOAD_MS })
  const self = await whoIs(new webApi.WebClient(token, { ...clientOptions, logger, fetch: ending }))

  const socket =
    'appToken' in door
      ? new SocketModeReceiver({
          appToken: door.appToken,
          logger,
          // its own retries: they open connections, and nothing else
          installerOptions: { clientOptions: { slackApiUrl } },
        })
      : null
  // it opens no server of its own: its requests come through the web's
  const http =
    'appToken' in door
      ? null
      : new HTTPReceiver({ signingSecret: door.signingSecret, endpoints: [REQUEST_PATH], logger })
  const receiver = socket ?? http
  const app = new App({
    token,
    ...(receiver === null ? {} : { receiver }),
    // by it Bolt sends what is answered at first, and would wait for minutes
    clientOptions: {
      ...clientOptions,
      fetch: (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(RESPOND_MS) }),
    },
    logger,
    convoStore: false,
    tokenVerificationEnabled: false,
    // bolt would ask who it is before each first event
    botId: self.bot_id ?? '',
    botUserId: self.user_id ?? '',
  })
  app.error(async (error) => log.error({ err: error }, 'slack'))

  const platform = createSlackPlatform({ client, uploads, uploadFilm: deps.uploadFilm, now: Date.now, log })
  const replies = createLiveReplies({ service, platform, clock: systemClock, log })
  const localeOf = createLocales({ client, fallback: deps.defaultLocale, now: Date.now, log })
  const botName = `@${self.user}`
  const stopping = new AbortController()
  const commands = createSlackCommands({
    ...deps,
    ...{ platform, replies, client, token, botName, localeOf },
    stopping: stopping.signal,
  })

  const answering = new Set<Promise<void>>()
  const delivered = new Set<string>()

  /** Runs an answer in the background, once for each delivery: Slack has been told that it has arrived. */
  function answer(asked: Asked, work: () => Promise<void>): void {
    const key = `${asked.team}/${asked.key}`
    if (stopping.signal.aborted || delivered.has(key)) return
    delivered.add(key)
    const [oldest = ''] = delivered
    if (delivered.size > REMEMBERED) delivered.delete(oldest)
    const answered = work()
      .catch((error) => log.error({ err: error }, 'no answer could be given'))
      .finally(() => answering.delete(answered))
    answering.add(answered)
  }

  /** Answers by `respond` at first, which works wherever the request came from, then as the bot. */
  function teller(channel: string, user: string, respond: ((message: object) => Promise<unknown>) | null) {
    let first = respond
    return async (view: AnswerView) => {
      const message = renderAnswer(view)
      const byUrl = first
      first = null
      try {
        if (byUrl === null) throw new Error('there is no address for another answer')
        await byUrl({ response_type: 'ephemeral', replace_original: false, ...message })
      } catch (err) {
        if (byUrl !== null) log.info({ err }, 'no answer by the address that came with the request')
        await client.chat.postEphemeral({ channel, user, ...message }).catch(async () => {
          await platform.post(await platform.directChannel(user), message)
        })
      }
    }
  }

  app.command(COMMAND, async ({ ack, command, respond }) => {
    await ack()
    const { team_id, enterprise_id = '', user_id: userId, channel_id: channelId, trigger_id: key } = command
    const tell = teller(channelId, userId, respond)
    const asked = { team: team_id || enterprise_id, userId, channelId, key, tell }
    answer(asked, () => commands.command(asked, unescaped(command.text), key))
  })

  app.view({ callback_id: MODAL, type: 'view_submission' }, async ({ ack, body, view }) => {
    const team = teamOf(body)
    const userId = body.user.id
    const state = view.state.values as ModalState
    const { input, fileId } = filledIn(state)
    const fault = faultIn(() => parseRequest({ ...input, image: fileId !== null }, models))
    if (fault !== null) {
      const locale = await localeOf(team, userId)
      const { lines } = await refusalAnswer(fault, locale, service.jobs)
      const words = lines.map((line) => line.text).join('\n')
      await ack({ response_action: 'errors', errors: { [blockOf(fault)]: words } })
      return
    }
    await ack()
    const channelId = view.private_metadata
    const asked = { team, userId, channelId, key: view.id, tell: teller(channelId, userId, null) }
    answer(asked, () => commands.submitted(asked, state))
  })

  app.action<BlockAction>({ type: 'block_actions' }, async ({ ack, body, action, respond }) => {
    await ack()
    const jobId = 'value' in action ? action.value : undefined
    // a button that opens a page says so too
    if (jobId === undefined || jobId === null) return
    const userId = body.user.id
    const channelId = body.channel?.id ?? body.container.channel_id ?? ''
    const team = teamOf(body)
    const tell = teller(channelId, userId, respond)
    const asked = { team, userId, channelId, key: body.trigger_id, tell }
    const alone = body.container.is_ephemeral === true
    answer(asked, () => commands.press(asked, action.action_id, jobId, alone))
  })

  await replies.takeUp()
  try {
    signal.throwIfAborted()
    const ended = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => ended.resolve())
    if (socket !== null) await Promise.race([app.start(), ended.promise])
    signal.throwIfAborted()
    if (socket !== null) keepConnecting(socket.client, log, stopping.signal)
  } catch (error) {
    await replies.stop()
    if (signal.aborted) {
      if (socket !== null) await app.stop().catch((err) => log.info({ err }, 'slack'))
      throw error
    }
    if (!isTokenRefused(error)) throw error
    throw new SlackTokenRefused('SLACK_APP_TOKEN', slackErrorOf(error) ?? '', { cause: error })
  }

  return {
    name: botName,
    team: self.team ?? '',
    listener: http?.requestListener ?? null,
    async stop() {
      stopping.abort()
      const drained = Promise.all([socket === null ? null : app.stop(), ...answering, replies.stop()])
      await Promise.race([drained, sleep(DRAIN_MS, undefined, { ref: false })])
    },
  }
}

/** Whom a bot's token is for. */
function whoIs(client: webApi.WebClient) {
  return client.auth.test().catch((error) => {
    throw isTokenRefused(error)
      ? new SlackTokenRefused('SLACK_BOT_TOKEN', slackErrorOf(error) ?? '', { cause: error })
      : error
  })
}

type Fault = UserError['detail']

function faultIn(work: () => unknown): Fault | null {
  try {
    work()
    return null
  } catch (error) {
    if (error instanceof UserError) return error.detail
    throw error
  }
}

/** The field of the modal that an error is about. */
function blockOf({ code, data }: Fault): string {
  if ('option' in data) return data.option
  return code.startsWith('model') ? 'model' : 'prompt'
}

/** Bolt's lines without its debugging ones: those hold what people wrote. */
function loggerOf(log: Log) {
  const line =
    (level: 'debug' | 'warn' | 'error') =>
    (...parts: unknown[]) =>
      log[level](
        { slack: parts.map((part) => (part instanceof Error ? reasonOf(part) : String(part))).join(' ') },
        'slack',
      )
  return {
    debug: () => {},
    info: line('debug'),
    warn: line('warn'),
    error: line('error'),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  }
}
