import { createHash } from 'node:crypto'
import { type APIChannel, type APIMessage, type REST, Routes, SnowflakeUtil } from 'discord.js'
import type { Card } from '../../core/card.ts'
import type { Log } from '../../core/ports.ts'
import { FILE_BYTES_SAFE } from '../pen.ts'
import type { CardMedia, ChatPlatform } from '../platform.ts'
import type { CardView } from '../view.ts'
import { chatErrorOf } from './faults.ts'
import { renderCard, renderNotice } from './render.ts'

/** How long an interaction's token works, in milliseconds. docs.discord.com/developers/interactions/receiving-and-responding */
const TOKEN_MS = 15 * 60_000

/** The largest file that is worth its upload, in bytes: all of it is in memory meanwhile. */
const FILE_BYTES_MOST = 25 * 1024 * 1024

/** Discord knows a nonce again for «the past few minutes»: for so many milliseconds we rely on it. */
const NONCE_MS = 60_000

/** An end has the database's time, its message Discord's: so far may they be apart. Milliseconds. */
const CLOCKS_APART_MS = 60_000

/** The interaction that a card answers. `fileLimit` in bytes, `at` in milliseconds. */
export interface CardInteraction {
  token: string
  at: number
  fileLimit: number
  /** Only the person sees the message: the bot itself can't edit it. */
  ephemeral: boolean
}

/** Discord by its REST. */
export interface DiscordPlatform extends ChatPlatform {
  /** Lets a card be edited by its interaction where the bot can't see the channel. */
  remember(jobId: string, interaction: CardInteraction): void
  /** A card's address in the client; null where the bot doesn't know its channel. */
  cardUrl(card: Card): Promise<string | null>
}

/**
 * Cards are edited as the bot, which works for as long as the message is there; where the bot can't see the channel (a user's own app, a
 * group), by the interaction's token while that lasts. Tokens are kept in this process alone.
 */
export function createDiscordPlatform(deps: {
  rest: REST
  applicationId: string
  botId: string
  /** A channel's address in the client; null for one that the bot doesn't know. */
  channelUrl: (channelId: string) => Promise<string | null>
  now: () => number
  log: Log
}): DiscordPlatform {
  const { rest, applicationId, now } = deps
  const interactions = new Map<string, CardInteraction & { tokenOnly: boolean }>()

  function interactionOf({ jobId }: Pick<Card, 'jobId'>) {
    const found = interactions.get(jobId)
    if (found !== undefined && found.at + TOKEN_MS <= now()) interactions.delete(jobId)
    return interactions.get(jobId)
  }

  async function edit(card: Card, view: CardView, media: CardMedia | null): Promise<void> {
    const body = renderCard(view, media)
    // the file is sent with each edit: what Discord makes of a reference to one that was sent before isn't documented
    const files = media === null ? [] : [{ name: media.name, data: media.data }]
    const byToken = (token: string) =>
      rest.patch(Routes.webhookMessage(applicationId, token), { body, files, auth: false })
    const interaction = interactionOf(card)
    if (interaction?.tokenOnly) {
      await byToken(interaction.token)
      return
    }
    try {
      await rest.patch(Routes.channelMessage(card.channelId, card.messageId), { body, files })
    } catch (error) {
      if (interaction === undefined || chatErrorOf(error).fault !== 'no_access') throw error
      interaction.tokenOnly = true
      await byToken(interaction.token)
    }
  }

  async function post(channelId: string, jobId: string, key: string, end: Date, body: object): Promise<void> {
    if (now() - end.getTime() > NONCE_MS && (await wasPosted(channelId, jobId, end))) return
    const nonce = createHash('sha256').update(key).digest('base64url').slice(0, 25)
    await rest.post(Routes.channelMessages(channelId), { body: { ...body, nonce, enforce_nonce: true } })
  }

  /** Whether an earlier process has told of this end: its message has the job's id in it. */
  async function wasPosted(channelId: string, jobId: string, end: Date): Promise<boolean> {
    const after = SnowflakeUtil.generate({ timestamp: end.getTime() - CLOCKS_APART_MS }).toString()
    try {
      const query = new URLSearchParams({ after, limit: '100' })
      const messages = (await rest.get(Routes.channelMessages(channelId), { query })) as APIMessage[]
      return messages.some(({ author, content }) => author.id === deps.botId && content.includes(jobId))
    } catch (error) {
      deps.log.info({ job_id: jobId, err: error }, 'cannot look for an earlier notice')
      return false
    }
  }

  async function cardUrl({ channelId, messageId }: Card): Promise<string | null> {
    const channel = await deps.channelUrl(channelId)
    return channel === null ? null : `${channel}/${messageId}`
  }

  return {
    name: 'discord',
    fileLimit: (card) => Math.min(interactionOf(card)?.fileLimit ?? FILE_BYTES_SAFE, FILE_BYTES_MOST),
    editableUntil(card) {
      const interaction = interactionOf(card)
      return interaction?.tokenOnly ? interaction.at + TOKEN_MS : null
    },
    hasToken: (card) => interactionOf(card) !== undefined,
    edit: (card, view, media) => edit(card, view, media).catch(rethrow),
    async direct(card, notice, key, end) {
      try {
        const body = { recipient_id: card.externalUserId }
        const { id } = (await rest.post(Routes.userChannels(), { body })) as APIChannel
        const about = { person: null, cardUrl: await cardUrl(card) }
        await post(id, card.jobId, key, end, renderNotice(notice, about))
      } catch (error) {
        throw chatErrorOf(error)
      }
    },
    async mention(card, notice, key, end) {
      const body = renderNotice(notice, { person: card.externalUserId, cardUrl: await cardUrl(card) })
      await post(card.channelId, card.jobId, key, end, body).catch(rethrow)
    },
    cardUrl,
    remember(jobId, interaction) {
      for (const [id, { at }] of interactions) if (at + TOKEN_MS <= now()) interactions.delete(id)
      interactions.set(jobId, { ...interaction, tokenOnly: interaction.ephemeral })
    },
  }
}

function rethrow(error: unknown): never {
  throw chatErrorOf(error)
}
