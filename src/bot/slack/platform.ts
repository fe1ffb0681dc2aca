import { setTimeout as sleep } from 'node:timers/promises'
import type { webApi } from '@slack/bolt'
import type { Card } from '../../core/card.ts'
import type { Log } from '../../core/ports.ts'
import { type CardMedia, ChatError, type ChatPlatform } from '../platform.ts'
import type { CardView, NoticeView } from '../view.ts'
import { chatErrorOf, refusesPart, slackErrorOf } from './faults.ts'
import { createPace } from './pace.ts'
import { createCardPictures } from './pictures.ts'
import { type CardForm, renderCard, renderNotice, type SlackMessage } from './render.ts'

/** A film that is uploaded is held in memory meanwhile, in bytes. Slack itself takes files of 1 GB. */
const FILE_BYTES = 200_000_000

/** Slack allows «50+ a minute» of chat.update for a workspace, and a message a second in a channel. docs.slack.dev/apis/web-api/rate-limits */
const EDITS = { burst: 20, everyMs: 1500 }
const POSTS = { burst: 1, everyMs: 1000 }

/** An upload is answered before Slack has looked at the file: an image block is refused until then. Milliseconds. */
const FILE_WAITS_MS = [500, 1500, 4000]

/** By which a bot knows its own message about a job's end again. */
const END_EVENT = 'sora_job_ended'

/** Links stand as buttons; what they lead to isn't shown below. */
const NO_UNFURL = { unfurl_links: false, unfurl_media: false }

/** Slack by its Web API. */
export interface SlackPlatform extends ChatPlatform {
  /** Posts a message, a second after the one before in that channel at the earliest. */
  post(channel: string, message: SlackMessage): Promise<{ channelId: string; messageId: string }>
  /** Removes a message of the bot's own. */
  remove(channel: string, ts: string): Promise<void>
  /** The id of a person's conversation with the bot. */
  directChannel(userId: string): Promise<string>
  /** A card's address; null where Slack doesn't say. */
  cardUrl(card: Card): Promise<string | null>
}

/** Cards are edited as the bot, for as long as the message is there. Every call is made once: whoever made it decides on another. */
export function createSlackPlatform(deps: {
  client: webApi.WebClient
  /** The same for films, which take longer than an answer does. */
  uploads: webApi.WebClient
  uploadFilm: boolean
  now: () => number
  log: Log
}): SlackPlatform {
  const { client, log } = deps
  const clock = { now: deps.now, sleep: (ms: number) => sleep(ms) }
  const edits = createPace(EDITS, clock)
  const posts = createPace(POSTS, clock)
  const pictures = createCardPictures(client, deps.now, log)
  /** Workspaces that refuse plans. A new start asks them again. */
  const withoutPlans = new Set<string>()
  const uploaded = new Set<string>()

  async function update({ channelId, messageId }: Card, message: SlackMessage): Promise<void> {
    for (const wait of [...FILE_WAITS_MS, null]) {
      try {
        await client.chat.update({ channel: channelId, ts: messageId, parse: 'none', ...message })
        return
      } catch (error) {
        if (wait === null || !refusesPart(error, 'slack_file')) throw error
        await sleep(wait)
      }
    }
  }

  async function edit(card: Card, view: CardView, media: CardMedia | null): Promise<void> {
    // a film goes into the thread: the card keeps its picture
    const picture =
      media?.kind === 'picture' ? await pictures.idOf(card.jobId, media) : media && pictures.known(card.jobId)
    const shownAs = (form: CardForm) => update(card, renderCard(view, form, picture))
    await edits.turn(card.team)
    if (withoutPlans.has(card.team)) await shownAs('plain')
    else {
      await shownAs('plan').catch(async (error) => {
        if (slackErrorOf(error) !== 'invalid_blocks' || refusesPart(error, 'slack_file')) throw error
        await shownAs('plain')
        // else something about this card alone was refused
        if (!refusesPart(error, 'plan') && !refusesPart(error, 'task')) return
        withoutPlans.add(card.team)
        log.info({ team: card.team }, 'the workspace takes no plans: cards are shown with a bar')
      })
    }
    await pictures.settled(card.jobId, picture)
    if (media?.kind === 'film') await uploadFilm(card, media)
  }

  /** Puts the film into its card's thread: no block shows a video that isn't public. */
  async function uploadFilm({ jobId, channelId, messageId }: Card, media: CardMedia): Promise<void> {
    if (uploaded.has(jobId)) return
    try {
      const place = { channel_id: channelId, thread_ts: messageId }
      await deps.uploads.files.uploadV2({ ...place, file: media.data, filename: media.name })
      uploaded.add(jobId)
    } catch (error) {
      const { fault, message } = chatErrorOf(error)
      // the bot writes in public channels without being in them, but puts no files there
      const refused = fault === 'no_access' || fault === 'refused' || slackErrorOf(error) === 'missing_scope'
      throw refused ? new ChatError('no_files', message, { cause: error }) : error
    }
  }

  async function tell(channel: string, message: SlackMessage, key: string, end: Date): Promise<void> {
    if (await wasTold(channel, key, end)) return
    await posts.turn(channel)
    const metadata = { event_type: END_EVENT, event_payload: { key } }
    await client.chat.postMessage({ channel, ...message, ...NO_UNFURL, metadata })
  }

  /** Whether this end was told of already, by an earlier process or by a call whose answer was lost: Slack knows no key for a message. */
  async function wasTold(channel: string, key: string, end: Date): Promise<boolean> {
    try {
      const oldest = String(Math.floor(end.getTime() / 1000) - 60)
      const query = { channel, oldest, limit: 100, include_all_metadata: true }
      const { messages = [] } = await client.conversations.history(query)
      return messages.some(({ metadata }) => {
        const payload = metadata?.event_payload as { key?: unknown } | undefined
        return metadata?.event_type === END_EVENT && payload?.key === key
      })
    } catch (error) {
      if (chatErrorOf(error).fault === 'passing' && slackErrorOf(error) !== 'missing_scope') throw error
      log.info({ err: error }, 'cannot look for an earlier notice')
      return false
    }
  }

  async function directChannel(userId: string): Promise<string> {
    const { channel } = await client.conversations.open({ users: userId })
    if (channel?.id === undefined) throw new Error('Slack opened no conversation')
    return channel.id
  }

  async function cardUrl({ channelId, messageId }: Card): Promise<string | null> {
    try {
      const { permalink } = await client.chat.getPermalink({ channel: channelId, message_ts: messageId })
      return permalink ?? null
    } catch (error) {
      log.info({ err: error }, 'no address for a card')
      return null
    }
  }

  async function notify(
    card: Card,
    notice: NoticeView,
    key: string,
    end: Date,
    to: 'direct' | 'channel',
  ): Promise<void> {
    try {
      const channel = to === 'direct' ? await directChannel(card.externalUserId) : card.channelId
      const person = to === 'direct' ? null : card.externalUserId
      await tell(channel, renderNotice(notice, { person, cardUrl: await cardUrl(card) }), key, end)
    } catch (error) {
      throw chatErrorOf(error)
    }
  }

  return {
    name: 'slack',
    fileLimit: () => (deps.uploadFilm ? FILE_BYTES : 0),
    editableUntil: () => null,
    hasToken: () => false,
    edit: (card, view, media) =>
      edit(card, view, media).catch((error) => {
        const fault = chatErrorOf(error)
        // the rate is the workspace's, not the card's
        if (fault.retryAfterMs !== null) edits.pause(card.team, fault.retryAfterMs)
        throw fault
      }),
    direct: (card, notice, key, end) => notify(card, notice, key, end, 'direct'),
    mention: (card, notice, key, end) => notify(card, notice, key, end, 'channel'),
    async post(channel, message) {
      await posts.turn(channel)
      const posted = await client.chat.postMessage({ channel, ...message, ...NO_UNFURL })
      if (posted.channel === undefined || posted.ts === undefined) throw new Error('Slack named no message')
      return { channelId: posted.channel, messageId: posted.ts }
    },
    async remove(channel, ts) {
      await client.chat.delete({ channel, ts })
    },
    directChannel,
    cardUrl,
  }
}
