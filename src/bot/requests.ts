import type { Card, ChatName } from '../core/card.ts'
import { UserError, userError } from '../core/errors.ts'
import { titleOf } from '../core/outlook.ts'
import type { Identity, Log } from '../core/ports.ts'
import type { Locale, ModelList } from '../core/request.ts'
import { text } from '../i18n/index.ts'
import {
  type AnswerView,
  cancelAnswer,
  helpAnswer,
  jobsAnswer,
  linkAnswer,
  plainAnswer,
  refusalAnswer,
} from './answer.ts'
import type { LiveReplies } from './live-reply.ts'
import { filmLink } from './pen.ts'
import type { BotService } from './service.ts'

export interface RequestDeps {
  chat: ChatName
  service: BotService
  models: ModelList
  replies: LiveReplies
  /** A card's address in the chat; null where it can't be said. */
  cardUrl: (card: Card) => Promise<string | null>
  log: Log
}

/** Somebody who asks in a chat, and the language in which they are answered. */
export interface Asker {
  identity: Identity
  locale: Locale
}

/** What people may ask of their films in any chat, and what they are answered. Each throws a `UserError` for what can't be done. */
export interface Requests {
  jobs(asker: Asker): Promise<AnswerView>
  /** Cancels a film; without an id the only one that is being made, else it asks which. */
  cancel(asker: Asker, jobId: string | null): Promise<AnswerView>
  /** Gives a code by which the web page knows the person too. */
  link(asker: Asker): Promise<AnswerView>
  help(asker: Asker): Promise<AnswerView>
  /**
   * Does what a button says, and follows the job's card anew; `pressed` hears of the card before. Returns what the person is told; null
   * where the card says it all.
   */
  press(
    asker: Asker,
    action: string | undefined,
    jobId: string,
    pressed?: (card: Card) => void,
  ): Promise<AnswerView | null>
  /** Notes what was refused or failed, and words it for the person. */
  refusal(error: unknown, locale: Locale, about: object): Promise<AnswerView>
}

const JOBS_SHOWN = 10

/** The requests of one chat platform. */
export function createRequests(deps: RequestDeps): Requests {
  const { chat, service, models, replies, log } = deps

  return {
    async jobs({ identity, locale }) {
      const jobs = await service.jobs.list(await service.jobs.userOf(identity), JOBS_SHOWN)
      return jobsAnswer(jobs, locale, async (job) => {
        const film = await filmLink(service, job)
        if (film !== null) return { label: text(locale, 'card.open'), url: film }
        const card = await service.cards.of(job.id, chat)
        const url = card === null || card.deleted ? null : await deps.cardUrl(card)
        return url === null ? null : { label: text(locale, 'notice.show_card'), url }
      })
    },

    async cancel({ identity, locale }, jobId) {
      const unfinished = jobId === null ? await service.jobs.unfinishedOf(identity, JOBS_SHOWN) : []
      if (jobId === null && unfinished.length !== 1) return cancelAnswer(unfinished, locale)
      const id = jobId ?? unfinished[0]?.id ?? ''
      const job = await service.jobs.get(id)
      // for anybody else a job does not exist
      if (job === null || job.userId !== (await service.jobs.userOf(identity))) {
        throw userError('job_not_found', { job_id: id })
      }
      await service.cancel(id)
      return plainAnswer(text(locale, 'answer.cancelled', { title: titleOf(job) }))
    },

    async link({ identity, locale }) {
      return linkAnswer(await service.linkCode(identity), service.pages?.link ?? null, locale)
    },

    async help(asker) {
      return helpAnswer(await service.allowance(asker.identity), models, chat, asker.locale)
    },

    async press(asker, action, jobId, pressed) {
      const job = await service.jobs.get(jobId)
      if (job === null) throw userError('job_not_found', { job_id: jobId })
      if (job.userId !== (await service.jobs.userOf(asker.identity))) {
        return plainAnswer(text(asker.locale, 'answer.not_yours'))
      }
      const card = await service.cards.of(jobId, chat)
      if (card !== null) pressed?.(card)
      try {
        if (action === 'cancel') await service.cancel(jobId)
        if (action === 'retry') await service.retry(jobId, asker.identity)
      } finally {
        replies.follow({ jobId })
      }
      return null
    },

    async refusal(error, locale, about) {
      if (error instanceof UserError) {
        log.info({ ...about, code: error.detail.code }, 'refused')
        return refusalAnswer(error.detail, locale, service.jobs)
      }
      log.error({ ...about, err: error }, 'an interaction failed')
      return plainAnswer(text(locale, 'answer.failed'))
    },
  }
}
