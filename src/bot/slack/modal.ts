import type { types } from '@slack/bolt'
import type { Locale, ModelList, RequestInput } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import { COMMANDS, type CommandOption, type OptionName, suggestModels } from '../command.ts'
import { escapedLine } from './escape.ts'

/** By which a modal's submission is known. */
export const MODAL = 'sora'

/** What Slack takes at the most. docs.slack.dev/reference/block-kit, docs.slack.dev/reference/views/modal-views */
const LIMITS = { label: 75, hint: 150, options: 100, typed: 3000 }

const ACTION = 'value'

/** What a submitted modal holds, as far as ours does: by its blocks' ids, which are the options' names. */
export type ModalState = Record<string, Record<string, ModalValue | undefined> | undefined>

interface ModalValue {
  value?: string | null
  selected_option?: { value: string } | null
  files?: { id: string }[] | null
}

/** The options of `/sora` as a modal. `channel`: where it was asked for. */
export function filmModal(models: ModelList, channel: string, locale: Locale): types.ModalView {
  const options = COMMANDS.find(({ name }) => name === 'sora')?.options ?? []
  return {
    type: 'modal',
    callback_id: MODAL,
    private_metadata: channel,
    title: plain(text(locale, 'modal.title')),
    submit: plain(text(locale, 'modal.submit')),
    close: plain(text(locale, 'modal.close')),
    blocks: options.map((option): types.InputBlock => {
      return {
        type: 'input',
        block_id: option.name,
        optional: option.required !== true,
        label: plain(escapedLine(text(locale, `option.${option.name}.name`), LIMITS.label)),
        hint: plain(escapedLine(text(locale, `option.${option.name}.about`), LIMITS.hint)),
        element: inputOf(option, models, locale),
      }
    }),
  }
}

/** What somebody filled in. */
export function filledIn(state: ModalState): { input: RequestInput; fileId: string | null } {
  const given = (name: OptionName) => {
    const { value, selected_option } = state[name]?.[ACTION] ?? {}
    return selected_option?.value ?? value ?? undefined
  }
  const names = ['prompt', 'segments', 'seconds', 'resolution', 'aspect', 'model'] as const
  return {
    input: Object.fromEntries(names.map((name) => [name, given(name)])),
    fileId: state.image?.[ACTION]?.files?.[0]?.id ?? null,
  }
}

function inputOf({ name, type, range, choices }: CommandOption, models: ModelList, locale: Locale) {
  if (type === 'picture') {
    const filetypes = ['png', 'jpg', 'jpeg', 'webp']
    return { type: 'file_input', action_id: ACTION, filetypes, max_files: 1 } satisfies types.FileInput
  }
  if (name === 'prompt') {
    const limit = { max_length: LIMITS.typed }
    return {
      type: 'plain_text_input',
      action_id: ACTION,
      multiline: true,
      ...limit,
    } satisfies types.PlainTextInput
  }
  const offered =
    name === 'model'
      ? suggestModels(models, '', locale)
      : (choices ?? numbers(range)).map((value) => ({ label: String(value), value: String(value) }))
  const options = offered.slice(0, LIMITS.options).map(({ label, value }) => {
    return { text: plain(escapedLine(label, LIMITS.label)), value }
  })
  return { type: 'static_select', action_id: ACTION, options } satisfies types.StaticSelect
}

function numbers(range: CommandOption['range']): number[] {
  const { min = 0, max = 0 } = range ?? {}
  return Array.from({ length: max - min + 1 }, (_, i) => min + i)
}

function plain(words: string): types.PlainTextElement {
  return { type: 'plain_text', text: words, emoji: false }
}
