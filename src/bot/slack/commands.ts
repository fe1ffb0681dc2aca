import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { webApi } from '@slack/bolt'
import type { CardPlace } from '../../core/card.ts'
import type { Log } from '../../core/ports.ts'
import { type Locale, type ModelList, parseRequest, type RequestInput } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import { type AnswerView, plainAnswer } from '../answer.ts'
import type { LiveReplies } from '../live-reply.ts'
import { type Asker, createRequests } from '../requests.ts'
import type { BotService } from '../service.ts'
import { chatErrorOf, isClosedChannel } from './faults.ts'
import { fetchNamedPicture, type NamedPicture, namedPicture } from './image.ts'
import { filledIn, filmModal, type ModalState } from './modal.ts'
import { parseCommand } from './parse.ts'
import type { SlackPlatform } from './platform.ts'
import { renderOpening, type SlackMessage } from './render.ts'

export interface SlackCommandDeps {
  service: BotService
  models: ModelList
  platform: SlackPlatform
  replies: LiveReplies
  client: webApi.WebClient
  token: string
  apiUrl: string
  /** What people write to invite the bot. */
  botName: string
  localeOf: (team: string, user: string) => Promise<Locale>
  log: Log
  /** Ends what is still being taken in. */
  stopping: AbortSignal
}

/** Somebody who asks, where, and how they alone are answered. */
export interface Asked {
  team: string
  userId: string
  channelId: string
  /** The same for the same request, however often Slack delivers it. */
  key: string
  tell(answer: AnswerView): Promise<void>
}

/** How often a card's first message is sent where Slack asks to wait, and how long each wait may be, in milliseconds. */
const OPENING = { tries: 4, waitMs: 30_000 }

/** What is done for each command, modal and button. Whatever is refused or fails is answered to that person alone. */
export function createSlackCommands(deps: SlackCommandDeps) {
  const { service, models, platform, client, replies } = deps
  const requests = createRequests({ ...deps, chat: 'slack', cardUrl: platform.cardUrl })

  async function makeFilm(asked: Asked, asker: Asker, input: RequestInput, named: NamedPicture | null) {
    const id = jobIdOf(asked)
    if ((await service.jobs.get(id)) !== null) return
    const { prompt } = parseRequest({ ...input, image: named !== null }, models)
    const fetched = named === null ? null : await fetchNamedPicture(named, asked, deps)
    try {
      const { identity, locale } = asker
      const submission = { id, input, picture: fetched === null ? null : await fetched.path, identity }
      // nobody else sees what is refused
      await service.checkSubmission(submission)
      const opening = renderOpening(prompt, text(locale, 'card.taking_in'))
      const card = await openCard(asked, locale, opening)
      if (card === null) return
      const takeBack = () =>
        platform
          .remove(card.channelId, card.messageId)
          .catch((err) => deps.log.warn({ err }, 'cannot delete an opening'))
      const job = await service.submit({ ...submission, locale, card }).catch(async (error) => {
        await takeBack()
        throw error
      })
      // from here on nothing may fail: the job is paid for, and nobody should ask again
      const shown = await service.cards.of(job.id, 'slack').catch((err) => {
        deps.log.warn({ job_id: job.id, err }, 'cannot look for an earlier card')
        return null
      })
      // another process has taken in the same request at the same moment
      if (shown !== null && shown.messageId !== card.messageId) await takeBack()
      else replies.follow({ jobId: job.id })
    } finally {
      await fetched?.remove()
    }
  }

  /** Posts what becomes the card: where it was asked for, else in the person's direct messages, which they are told. Null: nowhere. */
  async function openCard(asked: Asked, locale: Locale, opening: SlackMessage): Promise<CardPlace | null> {
    const { team, userId, channelId } = asked
    const about = { platform: 'slack', team, externalUserId: userId } as const
    let closed = false
    try {
      return { ...about, ...(await postOpening(channelId, opening)) }
    } catch (error) {
      const { fault } = chatErrorOf(error)
      if (fault !== 'no_access' && fault !== 'gone') throw error
      closed = isClosedChannel(error)
    }
    const place = await openDirectly(asked, opening)
    const bot = deps.botName
    const where =
      place === null ? 'answer.nowhere' : closed ? 'answer.channel_closed' : 'answer.not_in_channel'
    // the card is there, whether this arrives or not
    await asked
      .tell(plainAnswer(text(locale, where, { bot })))
      .catch((err) => deps.log.warn({ err }, 'nobody heard where a card is'))
    return place === null ? null : { ...about, ...place }
  }

  async function openDirectly({ userId }: Asked, opening: SlackMessage) {
    try {
      return await postOpening(await platform.directChannel(userId), opening)
    } catch (error) {
      if (chatErrorOf(error).fault === 'passing') throw error
      return null
    }
  }

  async function postOpening(channel: string, opening: SlackMessage) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await platform.post(channel, opening)
      } catch (error) {
        const { retryAfterMs } = chatErrorOf(error)
        // anything else may have been posted all the same
        const mayRepeat = error instanceof webApi.WebAPIRateLimitedError && tries < OPENING.tries
        if (!mayRepeat || retryAfterMs === null || retryAfterMs > OPENING.waitMs) throw error
        await sleep(retryAfterMs, undefined, { signal: deps.stopping })
      }
    }
  }

  async function guarded(asked: Asked, work: (asker: Asker) => Promise<AnswerView | null>): Promise<void> {
    const { team, userId } = asked
    const locale = await deps.localeOf(team, userId)
    const identity = { platform: 'slack', team, externalId: userId } as const
    const answer = await work({ identity, locale }).catch((error) =>
      requests.refusal(error, locale, { team }),
    )
    if (answer !== null) await asked.tell(answer)
  }

  return {
    command: (asked: Asked, typed: string, triggerId: string) =>
      guarded(asked, async (asker) => {
        const read = parseCommand(typed)
        switch (read.command) {
          case null: {
            const view = filmModal(models, asked.channelId, asker.locale)
            await client.views.open({ trigger_id: triggerId, view })
            return null
          }
          case 'sora':
            await makeFilm(asked, asker, read.input, read.image === null ? null : namedPicture(read.image))
            return null
          case 'sora-cancel':
            return requests.cancel(asker, read.job)
          case 'sora-jobs':
            return requests.jobs(asker)
          case 'sora-link':
            return requests.link(asker)
          case 'sora-help':
            return requests.help(asker)
        }
      }),

    submitted: (asked: Asked, state: ModalState) =>
      guarded(asked, async (asker) => {
        const { input, fileId } = filledIn(state)
        await makeFilm(asked, asker, input, fileId === null ? null : { fileId })
        return null
      }),

    /** `alone`: the button stands in an answer that this person alone sees. */
    press: (asked: Asked, action: string, jobId: string, alone: boolean) =>
      guarded(asked, (asker) =>
        alone && action === 'cancel' ? requests.cancel(asker, jobId) : requests.press(asker, action, jobId),
      ),
  }
}

/** A job's id, made of the request that asks for it: however often and by whatever process it is taken in, it is one job. */
function jobIdOf({ team, key }: Asked): string {
  const hex = createHash('sha256').update(`slack/${team}/${key}`).digest('hex')
  const [, a, b, c, d, e] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hex) ?? []
  // version 8 is for ids that are made in a way of one's own (RFC 9562)
  return `${a}-${b}-8${c}-8${d}-${e}`
}
