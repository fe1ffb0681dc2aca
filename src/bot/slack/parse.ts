import { userError } from '../../core/errors.ts'
import { LOCALES, type RequestInput } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import { COMMANDS, type CommandName, type OptionName } from '../command.ts'

/** What somebody typed after `/sora`. */
export type Typed =
  | { command: 'sora'; input: RequestInput; image: string | null }
  | { command: 'sora-cancel'; job: string | null }
  | { command: Exclude<CommandName, 'sora' | 'sora-cancel'> }
  /** Nothing at all. */
  | { command: null }

const WORDS: Readonly<Record<string, Exclude<CommandName, 'sora'>>> = {
  jobs: 'sora-jobs',
  작업: 'sora-jobs',
  cancel: 'sora-cancel',
  취소: 'sora-cancel',
  link: 'sora-link',
  연결: 'sora-link',
  help: 'sora-help',
  도움말: 'sora-help',
}

/** What can be given beside the prompt, by its names in each language. */
const NAMES = new Map<string, OptionName>(
  (COMMANDS.find(({ name }) => name === 'sora')?.options ?? []).flatMap(({ name }) =>
    LOCALES.map((locale) => [text(locale, `option.${name}.name`), name] as const),
  ),
)

/** `--` as keyboards and Slack's smart punctuation make it: hyphens, en, em and horizontal dashes, minus, their full-width forms. */
const DASHES = '[-\\u2010-\\u2015\\u2212\\ufe58\\ufe63\\uff0d]'
/** `:` and `=`, full-width too. */
const EQUALS = '[:=\\uff1a\\uff1d]'
const QUOTED = '"[^"]*"|“[^”]*”|„[^“”]*[“”]|＂[^＂]*＂'
const OPTION = new RegExp(
  `(?<=^|\\s)(?:(?<dashes>${DASHES}{1,2})(?<flag>[\\p{L}-]+)(?:${EQUALS}\\s*|\\s+|$)|(?<label>\\p{L}+)${EQUALS}\\s*)(?<value>${QUOTED}|\\S*)`,
  'gu',
)

/** What the value of an option looks like that is written as `name: value`, since that may be prose too. */
const LOOKS: Partial<Record<OptionName, RegExp>> = {
  segments: /^\d+$/,
  seconds: /^\d+$/,
  resolution: /^\d+p$/i,
  aspect: /^\d+:\d+$/,
  model: /^(?:[a-z0-9]+-[a-z0-9.-]+|local)$/i,
  image: /^<?https?:/i,
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Reads a command's text: `a cat --segments 4`, `segments:4`, `세그먼트：4`, `—seconds 8`, quotes around the prompt or a value. What is no option is the prompt.
 * Throws `UserError` `option_unknown` for `--name` that nobody knows.
 */
export function parseCommand(typed: string): Typed {
  const all = typed.trim()
  if (all === '') return { command: null }
  const [first = '', second, ...more] = all.split(/\s+/)
  const word = WORDS[first.toLowerCase()]
  if (word === 'sora-cancel' && more.length === 0 && (second === undefined || UUID.test(second))) {
    return { command: word, job: second ?? null }
  }
  if (word !== undefined && word !== 'sora-cancel' && second === undefined) return { command: word }
  return { command: 'sora', ...parseFilm(all) }
}

function parseFilm(typed: string): { input: RequestInput; image: string | null } {
  const given: Partial<Record<OptionName, string>> = {}
  const quoted = quotedSpans(typed)
  const rest = typed.replace(OPTION, (found, ...more) => {
    const at = more.at(-3) as number
    const { dashes, flag, label, value = '' } = more.at(-1) as Record<string, string | undefined>
    if (quoted.some(([from, to]) => from < at && at < to)) return found
    const name = NAMES.get((flag ?? label ?? '').toLowerCase())
    const bare = unquoted(value).normalize('NFKC')
    if (name === undefined || name === 'prompt') {
      if (name === 'prompt') return ` ${value}`
      if (dashes === '--') throw unknown(`--${flag}`)
      return found
    }
    // with dashes it is an option whatever its value; the request's own check says what is allowed
    if (dashes === undefined && !LOOKS[name]?.test(bare)) return found
    given[name] = bare
    return ' '
  })
  const { image, prompt: _, ...options } = given
  // where options stood between words there are two blanks now
  const prompt = unquoted(rest.replace(/[ \t]{2,}/g, ' ').trim())
  return { input: { ...options, prompt }, image: image === undefined ? null : linkOf(image) }
}

function quotedSpans(typed: string): [number, number][] {
  // a quote that opens the text or stands alone; those after a colon are values
  return [...typed.matchAll(new RegExp(`(?<=^|\\s)(?:${QUOTED})(?=\\s|$)`, 'gu'))].map(
    ({ index, 0: found }) => [index, index + found.length],
  )
}

function unquoted(value: string): string {
  return new RegExp(`^(?:${QUOTED})$`, 'u').test(value) ? value.slice(1, -1) : value
}

/** Slack writes links as `<https://…|…>`. */
function linkOf(value: string): string {
  return value.replace(/^<|>$/g, '').split('|')[0] ?? ''
}

function unknown(given: string): Error {
  const allowed = [...new Set(NAMES.values())].filter((name) => name !== 'prompt').map((name) => `--${name}`)
  return userError('option_unknown', { given, allowed })
}
