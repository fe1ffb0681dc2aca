import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Attachment,
  type AutocompleteInteraction,
  type ButtonInteraction,
  type ChatInputCommandInteraction,
  type Message,
  MessageFlags,
} from 'discord.js'
import type { CardPlace } from '../../core/card.ts'
import { UserError, userError } from '../../core/errors.ts'
import type { Identity, Log } from '../../core/ports.ts'
import { type Locale, type ModelList, parseRequest, type RequestInput } from '../../core/request.ts'
import { errorText, text } from '../../i18n/index.ts'
import { type AnswerView, helpAnswer, jobsAnswer, plainAnswer } from '../answer.ts'
import { type CommandName, suggestJobs, suggestModels } from '../command.ts'
import type { LiveReplies } from '../live-reply.ts'
import { filmLink } from '../pen.ts'
import type { BotService } from '../service.ts'
import { titleOf } from '../view.ts'
import { cut } from './escape.ts'
import { type AttachedImage, checkAttachedImage, fetchAttachedImage } from './image.ts'
import type { CardInteraction, DiscordPlatform } from './platform.ts'
import { renderAnswer, renderOpening } from './render.ts'

export interface CommandDeps {
  service: BotService
  models: ModelList
  platform: DiscordPlatform
  replies: LiveReplies
  apiUrl: string
  channelUrl: (channelId: string) => string | null
  log: Log
}

type Acting = ChatInputCommandInteraction | ButtonInteraction | AutocompleteInteraction
type Answerable = ChatInputCommandInteraction | ButtonInteraction

const JOBS_SHOWN = 10

/** How long a film's checks may keep Discord's first answer, which must come within 3 s, so that a refusal is private. Milliseconds. */
const CHECK_MS = 1000

/** What Discord shows of suggestions: how many, and how long each. */
const SUGGESTIONS = { count: 25, length: 100 }

/** What is done for each command, button and suggestion. Whatever is refused or fails is answered to that person alone. */
export function createCommands(deps: CommandDeps) {
  const { service, models, platform, replies, log } = deps

  async function makeFilm(interaction: ChatInputCommandInteraction): Promise<void> {
    const locale = localeOf(interaction)
    const image = interaction.options.getAttachment('image')
    const input: RequestInput = Object.fromEntries(
      ['prompt', 'segments', 'seconds', 'resolution', 'aspect', 'model'].map((name) => [
        name,
        interaction.options.get(name)?.value,
      ]),
    )
    // what can be refused at once is answered at once, and nobody else sees it
    const { prompt } = parseRequest({ ...input, image: image !== null }, models)
    const attached = image === null ? null : attachedImage(image)
    if (attached !== null) checkAttachedImage(attached)

    const fetched = attached === null ? null : fetchAttachedImage(attached, deps.apiUrl)
    try {
      const submission = async () => {
        const picture = fetched === null ? null : await fetched.path
        const asked = { input, picture, identity: identityOf(interaction) }
        await service.checkSubmission(asked)
        return asked
      }
      const checked = submission()
      await Promise.race([checked, sleep(CHECK_MS)])
      await interaction.deferReply()
      const message = await interaction.editReply(renderOpening(prompt, text(locale, 'card.taking_in')))
      const submitted = checked.then((asked) =>
        service.submit({ ...asked, locale, card: placeOf(interaction, message) }),
      )
      const job = await submitted.catch(async (error) => {
        // what was to become the card, and everybody sees
        await interaction.deleteReply().catch((err) => log.warn({ err }, 'cannot delete an opening'))
        throw error
      })
      platform.remember(job.id, interactionOf(interaction, message))
      await followCard(job.id)
    } finally {
      await fetched?.remove()
    }
  }

  async function followCard(jobId: string): Promise<void> {
    const card = await service.cards.of(jobId, 'discord')
    if (card !== null) replies.follow(card)
  }

  async function showJobs(interaction: ChatInputCommandInteraction): Promise<void> {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral })
    const locale = localeOf(interaction)
    const jobs = await service.jobs.list(await service.jobs.userOf(identityOf(interaction)), JOBS_SHOWN)
    const answer = await jobsAnswer(jobs, locale, async (job) => {
      const film = job.film === null ? null : await filmLink(service, job.film)
      if (film !== null) return { label: text(locale, 'card.open'), url: film }
      const card = await service.cards.of(job.id, 'discord')
      const channel = card === null || card.deleted ? null : deps.channelUrl(card.channelId)
      if (card === null || channel === null) return null
      return { label: text(locale, 'notice.show_card'), url: `${channel}/${card.messageId}` }
    })
    await interaction.editReply(renderAnswer(answer))
  }

  async function cancelFilm(interaction: ChatInputCommandInteraction): Promise<void> {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral })
    const jobId = interaction.options.getString('job', true).trim()
    const job = await service.jobs.get(jobId)
    const userId = await service.jobs.userOf(identityOf(interaction))
    // for anybody else a job does not exist
    if (job === null || job.userId !== userId) throw userError('job_not_found', { job_id: jobId })
    await service.cancel(jobId)
    const answer = plainAnswer(text(localeOf(interaction), 'answer.cancelled', { title: titleOf(job) }))
    await interaction.editReply(renderAnswer(answer))
  }

  async function showHelp(interaction: ChatInputCommandInteraction): Promise<void> {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral })
    const allowance = await service.allowance(identityOf(interaction))
    await interaction.editReply(renderAnswer(helpAnswer(allowance, models, localeOf(interaction))))
  }

  const commands: Record<CommandName, (interaction: ChatInputCommandInteraction) => Promise<void>> = {
    sora: makeFilm,
    'sora-jobs': showJobs,
    'sora-cancel': cancelFilm,
    'sora-help': showHelp,
  }

  /** A button's id is `<action>:<job id>` and says all there is, so that it works after any restart. */
  async function press(interaction: ButtonInteraction): Promise<void> {
    await interaction.deferUpdate()
    const [action, jobId = ''] = interaction.customId.split(':')
    const job = await service.jobs.get(jobId)
    if (job === null) throw userError('job_not_found', { job_id: jobId })
    if (job.userId !== (await service.jobs.userOf(identityOf(interaction)))) {
      await tell(interaction, plainAnswer(text(localeOf(interaction), 'answer.not_yours')))
      return
    }
    if (action === 'cancel') await service.cancel(jobId)
    if (action !== 'retry') return
    await service.retry(jobId, identityOf(interaction))
    const card = await service.cards.of(jobId, 'discord')
    if (card?.messageId === interaction.message.id) {
      platform.remember(jobId, interactionOf(interaction, interaction.message))
    }
    if (card !== null) replies.follow(card)
  }

  async function suggest(interaction: AutocompleteInteraction): Promise<void> {
    const { name, value } = interaction.options.getFocused(true)
    const locale = localeOf(interaction)
    const suggestions =
      name === 'model'
        ? suggestModels(models, value, locale)
        : suggestJobs(
            await service.jobs.list(await service.jobs.userOf(identityOf(interaction)), SUGGESTIONS.count),
            value,
            locale,
          )
    await interaction.respond(
      suggestions
        .slice(0, SUGGESTIONS.count)
        .map((found) => ({ name: cut(found.label, SUGGESTIONS.length), value: found.value })),
    )
  }

  /** Runs what somebody asked for, and tells them what came of it where that went wrong. */
  async function guarded(interaction: Answerable, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const about = { interaction: interaction.id, err: error }
      if (error instanceof UserError)
        log.info({ interaction: interaction.id, code: error.detail.code }, 'refused')
      else log.error(about, 'an interaction failed')
      await tell(interaction, refusal(error, localeOf(interaction)))
    }
  }

  return {
    command: (interaction: ChatInputCommandInteraction) =>
      guarded(interaction, async () => {
        await commands[interaction.commandName as CommandName]?.(interaction)
      }),
    button: (interaction: ButtonInteraction) => guarded(interaction, () => press(interaction)),
    suggest,
  }
}

async function tell(interaction: Answerable, answer: AnswerView): Promise<void> {
  const { components } = renderAnswer(answer)
  const message = { components, flags: [MessageFlags.Ephemeral, MessageFlags.IsComponentsV2] as const }
  if (interaction.replied || interaction.deferred) await interaction.followUp(message)
  else await interaction.reply(message)
}

function refusal(error: unknown, locale: Locale): AnswerView {
  if (error instanceof UserError) return plainAnswer(errorText(error.detail, locale))
  return plainAnswer(text(locale, 'answer.failed'))
}

function localeOf(interaction: Acting): Locale {
  return interaction.locale === 'ko' ? 'ko' : 'en'
}

function identityOf(interaction: Acting): Identity {
  return { platform: 'discord', team: '', externalId: interaction.user.id }
}

function placeOf(interaction: ChatInputCommandInteraction, message: Message): CardPlace {
  return {
    platform: 'discord',
    team: '',
    channelId: interaction.channelId,
    messageId: message.id,
    externalUserId: interaction.user.id,
  }
}

function interactionOf(interaction: Answerable, message: Message): CardInteraction {
  return {
    token: interaction.token,
    at: interaction.createdTimestamp,
    fileLimit: interaction.attachmentSizeLimit,
    ephemeral: message.flags.has(MessageFlags.Ephemeral),
  }
}

function attachedImage({ name, url, size, contentType, width, height }: Attachment): AttachedImage {
  return { name, url, size, contentType, width, height }
}
