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
  list: 'sora-jobs',
  status: 'sora-jobs',
  작업: 'sora-jobs',
  목록: 'sora-jobs',
  cancel: 'sora-cancel',
  취소: 'sora-cancel',
  link: 'sora-link',
  연결: 'sora-link',
  help: 'sora-help',
  도움: 'sora-help',
  도움말: 'sora-help',
}

/** What can be given beside the prompt, by its names in each language, and by what else Koreans call it. */
const NAMES = new Map<string, OptionName>([
  ...(COMMANDS.find(({ name }) => name === 'sora')?.options ?? []).flatMap(({ name }) =>
    LOCALES.map((locale) => [text(locale, `option.${name}.name`), name] as const),
  ),
  ['길이', 'seconds'],
  ['비율', 'aspect'],
  ['사진', 'image'],
  ['그림', 'image'],
])

/** `--` as keyboards and Slack's smart punctuation make it: hyphens, en, em and horizontal dashes, minus, their full-width forms. */
const DASHES = '[-\\u2010-\\u2015\\u2212\\ufe58\\ufe63\\uff0d]'
/** One of these may begin a word of the prompt. */
const HYPHENS = /^[-\u2010\u2011]$/
/** `:` and `=`, full-width too. */
const EQUALS = '[:=\\uff1a\\uff1d]'
/** What stands between two options. */
const COMMAS = ',;\\u3001\\uff0c\\uff1b'
/** Smart punctuation doesn't always make a pair of quotes. A single one may also be an apostrophe. */
const QUOTED = `["“”„＂][^"“”„＂]*["“”„＂]|['‘’][^'‘’]*['‘’](?=[\\s${COMMAS}]|$)|「[^」]*」|『[^』]*』|«[^»]*»`

/** An option's name, with dashes before it or an equals sign after it. */
const HEAD = new RegExp(
  `(?<=^|[\\s${COMMAS}])(?:(?<dashes>${DASHES}{1,2})(?<flag>\\p{L}[\\p{L}-]*)(?=${EQUALS}|\\s|$)|(?<label>\\p{L}+)(?=${EQUALS}))`,
  'gu',
)
const VALUE = new RegExp(`(?:${EQUALS}\\s*|\\s+|$)(?<value>${QUOTED}|[^\\s${COMMAS}]*)[${COMMAS}]*`, 'uy')
/** A link may have commas in it. */
const LINK = new RegExp(`(?:${EQUALS}\\s*|\\s+|$)(?<value>${QUOTED}|<[^>]*>|\\S*)`, 'uy')
const ENDS = new RegExp(`^[\\s${COMMAS}]+|[\\s${COMMAS}]+$`, 'gu')

/** What the value of an option begins with that is written as `name: value` or `-name value`, since that may be prose too. */
const LOOKS: Partial<Record<OptionName, RegExp>> = {
  segments: /^\d/,
  seconds: /^\d/,
  resolution: /^\d/,
  aspect: /^\d/,
  model: /^(?:(?=.*\d)[a-z0-9]+-[a-z0-9.-]+|local|sora-\d.*)$/i,
  image: /^<?https?:/i,
}

/** How people count: «4개», «8초», `8s`. */
const COUNTED = /^(\d+)(?:개|초|장면|s|secs?|seconds?|segments?|shots?)$/i

/** What may be meant to be a job's id. */
const ID = /^(?=.*\d)[0-9a-f-]{4,}$/i

/**
 * Reads a command's text: `a cat --segments 4`, `segments:4, seconds:8`, `세그먼트：4개`, `—seconds 8`, quotes around the prompt or a value. What is no
 * option is the prompt. Throws `UserError` `option_unknown` for `--name` that nobody knows.
 */
export function parseCommand(typed: string): Typed {
  const all = typed.trim().replace(/^\/sora(?:\s+|$)/i, '')
  if (all === '') return { command: null }
  const [first = '', second, ...more] = all.split(/\s+/)
  const word = WORDS[first.toLowerCase().replace(/[.!?~。！？]+$/u, '')]
  if (word === 'sora-cancel' && more.length === 0 && (second === undefined || ID.test(second))) {
    return { command: word, job: second ?? null }
  }
  if (word !== undefined && word !== 'sora-cancel' && second === undefined) return { command: word }
  return { command: 'sora', ...parseFilm(all) }
}

function parseFilm(typed: string): { input: RequestInput; image: string | null } {
  const given: Partial<Record<OptionName, string>> = {}
  const quoted = quotedSpans(typed)
  let prompt = ''
  let done = 0
  for (const head of typed.matchAll(HEAD)) {
    const { dashes = '', flag, label = '' } = head.groups ?? {}
    const inQuotes = quoted.some(([from, to]) => from < head.index && head.index < to)
    if (inQuotes || head.index < done) continue
    const name = NAMES.get((flag ?? label).toLowerCase())
    if (name === undefined && dashes === '--') throw unknown(`--${flag}`)
    if (name === undefined) continue
    const value = valueAt(typed, head.index + head[0].length, name)
    // with dashes it is an option whatever its value; the request's own check says what is allowed
    const maybeProse = dashes === '' || HYPHENS.test(dashes)
    if (name !== 'prompt' && maybeProse && !LOOKS[name]?.test(value.text)) continue
    prompt += `${typed.slice(done, head.index)} `
    if (name === 'prompt') {
      done = value.start
      continue
    }
    given[name] = value.text
    done = value.end
  }
  prompt += typed.slice(done)
  const { image, prompt: _, ...options } = given
  if (Object.keys(given).length > 0) prompt = prompt.replace(ENDS, '')
  // where options stood between words there are two blanks now
  const words = unquoted(prompt.replace(/[ \t]{2,}/g, ' ').trim())
  return { input: { ...options, prompt: words }, image: image === undefined ? null : linkOf(image) }
}

function valueAt(typed: string, at: number, name: OptionName): { text: string; start: number; end: number } {
  const pattern = name === 'image' ? LINK : VALUE
  pattern.lastIndex = at
  const found = pattern.exec(typed)
  const raw = found?.groups?.value ?? ''
  const end = at + (found?.[0].length ?? 0)
  const start = end - (found?.[0].length ?? 0) + (found?.[0].indexOf(raw) ?? 0)
  // a link is an address to the letter
  if (name === 'image') return { text: unquoted(raw), start, end }
  const text = unquoted(raw).normalize('NFKC')
  const counts = name === 'segments' || name === 'seconds'
  return { text: counts ? text.replace(COUNTED, '$1') : text, start, end }
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
  return /^<([^|>]*)(?:\|[^>]*)?>$/.exec(value)?.[1] ?? value
}

function unknown(given: string): Error {
  const allowed = [...new Set(NAMES.values())].filter((name) => name !== 'prompt').map((name) => `--${name}`)
  return userError('option_unknown', { given, allowed })
}
