import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AutocompleteInteraction,
  type ButtonInteraction,
  type ChatInputCommandInteraction,
  type Message,
  MessageFlags,
} from 'discord.js'
import type { CardPlace } from '../../core/card.ts'
import type { Identity, Log } from '../../core/ports.ts'
import { type Locale, type ModelList, parseRequest, type RequestInput } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import type { AnswerView } from '../answer.ts'
import { type CommandName, suggestJobs, suggestModels } from '../command.ts'
import type { LiveReplies } from '../live-reply.ts'
import { checkPicture } from '../picture.ts'
import { type Asker, createRequests } from '../requests.ts'
import type { BotService } from '../service.ts'
import { cut } from './escape.ts'
import { fetchAttachedImage } from './image.ts'
import type { CardInteraction, DiscordPlatform } from './platform.ts'
import { renderAnswer, renderOpening } from './render.ts'

export interface CommandDeps {
  service: BotService
  models: ModelList
  platform: DiscordPlatform
  replies: LiveReplies
  apiUrl: string
  log: Log
  /** Ends what is still being taken in. */
  stopping: AbortSignal
}

type Acting = ChatInputCommandInteraction | ButtonInteraction | AutocompleteInteraction
type Answerable = ChatInputCommandInteraction | ButtonInteraction

/** How long a film's checks may keep Discord's first answer, which must come within 3 s, so that a refusal is private. Milliseconds. */
const CHECK_MS = 1000

/** What Discord shows of suggestions: how many, and how long each. */
const SUGGESTIONS = { count: 25, length: 100 }

/** What is done for each command, button and suggestion. Whatever is refused or fails is answered to that person alone. */
export function createCommands(deps: CommandDeps) {
  const { service, models, platform, replies, log } = deps
  const requests = createRequests({
    ...deps,
    chat: 'discord',
    cardUrl: platform.cardUrl,
  })

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
    if (image !== null) checkPicture(image)

    const fetched = image === null ? null : fetchAttachedImage(image, deps.apiUrl, deps.stopping)
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
      platform.remember(job.id, cardInteraction(interaction, message))
      // from here on nothing may fail: the job is paid for, and nobody should ask again
      replies.follow({ jobId: job.id })
    } finally {
      await fetched?.remove()
    }
  }

  async function showJobs(interaction: ChatInputCommandInteraction): Promise<void> {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral })
    await interaction.editReply(renderAnswer(await requests.jobs(askerOf(interaction))))
  }

  async function cancelFilm(interaction: ChatInputCommandInteraction): Promise<void> {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral })
    const jobId = interaction.options.getString('job', true).trim()
    await interaction.editReply(renderAnswer(await requests.cancel(askerOf(interaction), jobId)))
  }

  async function showLinkCode(interaction: ChatInputCommandInteraction): Promise<void> {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral })
    await interaction.editReply(renderAnswer(await requests.link(askerOf(interaction))))
  }

  async function showHelp(interaction: ChatInputCommandInteraction): Promise<void> {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral })
    await interaction.editReply(renderAnswer(await requests.help(askerOf(interaction))))
  }

  const commands: Record<CommandName, (interaction: ChatInputCommandInteraction) => Promise<void>> = {
    sora: makeFilm,
    'sora-jobs': showJobs,
    'sora-cancel': cancelFilm,
    'sora-link': showLinkCode,
    'sora-help': showHelp,
  }

  /** A button's id is `<action>:<job id>` and says all there is, so that it works after any restart. */
  async function press(interaction: ButtonInteraction): Promise<void> {
    await interaction.deferUpdate()
    const [action, jobId = ''] = interaction.customId.split(':')
    const answer = await requests.press(askerOf(interaction), action, jobId, (card) => {
      if (card.messageId === interaction.message.id) {
        // where the bot itself can't edit the card, the press lets it for a while
        platform.remember(jobId, cardInteraction(interaction, interaction.message))
      }
    })
    if (answer !== null) await tell(interaction, answer)
  }

  async function suggest(interaction: AutocompleteInteraction): Promise<void> {
    const { name, value } = interaction.options.getFocused(true)
    const locale = localeOf(interaction)
    const suggestions =
      name === 'model'
        ? suggestModels(models, value, locale)
        : suggestJobs(
            await service.jobs.unfinishedOf(identityOf(interaction), SUGGESTIONS.count),
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
      const about = { interaction: interaction.id }
      await tell(interaction, await requests.refusal(error, localeOf(interaction), about))
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

function localeOf(interaction: Acting): Locale {
  return interaction.locale === 'ko' ? 'ko' : 'en'
}

function askerOf(interaction: Acting): Asker {
  return { identity: identityOf(interaction), locale: localeOf(interaction) }
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

function cardInteraction(interaction: Answerable, message: Message): CardInteraction {
  return {
    token: interaction.token,
    at: interaction.createdTimestamp,
    fileLimit: interaction.attachmentSizeLimit,
    ephemeral: message.flags.has(MessageFlags.Ephemeral),
  }
}
