import type { ChatName } from '../core/card.ts'
import type { Job } from '../core/job.ts'
import { ASPECTS, type Locale, type ModelList, RESOLUTIONS, SECONDS, SEGMENTS } from '../core/request.ts'
import { text, usdText } from '../i18n/index.ts'

export type CommandName = 'sora' | 'sora-jobs' | 'sora-cancel' | 'sora-link' | 'sora-help'

export type OptionName =
  | 'prompt'
  | 'segments'
  | 'seconds'
  | 'resolution'
  | 'aspect'
  | 'model'
  | 'image'
  | 'job'

/** What may be given to a command. Its name and what it means are texts: `option.<name>.name` and `.about`. */
export interface CommandOption {
  name: OptionName
  type: 'text' | 'number' | 'picture'
  required?: true
  /** Both ends are allowed. */
  range?: { min: number; max: number }
  choices?: readonly (string | number)[]
  /** Its values are suggested while somebody types; others may be typed, and are checked afterwards. */
  suggested?: true
}

/** A command. Its name and what it does are texts: `command.<name>.name` and `.about`. */
export interface Command {
  name: CommandName
  options: readonly CommandOption[]
}

/**
 * Every command, from which each platform makes its own. The prompt has no limit here: platforms count characters in other
 * units than readers do, and would refuse prompts that are allowed.
 */
export const COMMANDS: readonly Command[] = [
  {
    name: 'sora',
    options: [
      { name: 'prompt', type: 'text', required: true },
      { name: 'segments', type: 'number', range: { min: SEGMENTS.min, max: SEGMENTS.max } },
      { name: 'seconds', type: 'number', choices: SECONDS },
      { name: 'resolution', type: 'text', choices: RESOLUTIONS },
      { name: 'aspect', type: 'text', choices: ASPECTS },
      { name: 'model', type: 'text', suggested: true },
      { name: 'image', type: 'picture' },
    ],
  },
  { name: 'sora-jobs', options: [] },
  { name: 'sora-cancel', options: [{ name: 'job', type: 'text', required: true, suggested: true }] },
  { name: 'sora-link', options: [] },
  { name: 'sora-help', options: [] },
]

/** Every option's name. */
export const OPTION_NAMES: readonly OptionName[] = COMMANDS.flatMap(({ options }) =>
  options.map(({ name }) => name),
)

/** How a command is called in a chat: Discord has a name for each in each language, Slack one command with a word after it. */
export function commandText(chat: ChatName, name: CommandName, locale: Locale): string {
  return chat === 'discord' ? `/${text(locale, `command.${name}.name`)}` : `/${name.replace('-', ' ')}`
}

/** A value that is offered while somebody types. */
export interface Suggestion {
  label: string
  value: string
}

/** The models that can be used here and fit what was typed, with their prices. */
export function suggestModels(list: ModelList, typed: string, locale: Locale): Suggestion[] {
  const models = list.models.filter(({ id }) => list.usable.includes(id))
  return models
    .map(({ id, name, usdPerSecond }) => {
      const price = usdPerSecond['720p'] ?? usdPerSecond['1080p']
      const cost =
        price === null
          ? text(locale, 'model.price_unknown')
          : text(locale, 'model.price', { usd: usdText(price) })
      return { label: `${name} (${id}) · ${cost}`, value: id }
    })
    .filter(({ label }) => contains(label, typed))
}

/** The unfinished jobs that fit what was typed. */
export function suggestJobs(jobs: readonly Job[], typed: string, locale: Locale): Suggestion[] {
  return jobs
    .map(({ id, status, progress, title, request }) => {
      const state = `${text(locale, `status.${status}`)} ${Math.round(progress * 100)}%`
      return { label: `${state} · ${title ?? request.prompt.replace(/\s+/g, ' ')}`, value: id }
    })
    .filter(({ label, value }) => contains(label, typed) || value.startsWith(typed))
}

function contains(label: string, typed: string): boolean {
  return label.toLowerCase().includes(typed.trim().toLowerCase())
}
