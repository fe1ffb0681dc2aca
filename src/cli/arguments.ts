import { Command, CommanderError } from 'commander'
import type { Preview } from '../core/preview.ts'
import {
  ASPECTS,
  CROSSFADE_MAX,
  LOCALES,
  type Locale,
  PROMPT_MAX,
  RESOLUTIONS,
  SECONDS,
  SEGMENTS,
  shown,
} from '../core/request.ts'
import { errorText, text } from '../i18n/index.ts'

/** A command line, taken apart: what to do, and how to show it. Values are as typed; the request's own check judges them. */
export interface Arguments {
  action:
    | { type: 'make'; prompt: string }
    | { type: 'resume'; jobId: string }
    | { type: 'cancel'; jobId: string }
    | { type: 'list' }
    | { type: 'help'; text: string }
  request: {
    segments?: string
    seconds?: string
    resolution?: string
    aspect?: string
    model?: string
    crossfade?: string
    levelSound?: boolean
    keepClips?: boolean
  }
  image: string | null
  out: string | null
  /** What is made of the finished film beside it. */
  previews: readonly Preview[]
  json: boolean
  /** The price is agreed to beforehand. */
  yes: boolean
}

/** In MB. */
const MAX_SIZE_ALLOWED = '1–9999'

/** A command line that can't be understood; `message` says in the reader's language what would be. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

interface Flags {
  segments?: string
  seconds?: string
  resolution?: string
  aspect?: string
  model?: string
  crossfade?: string
  levelSound?: boolean
  keepClips?: boolean
  image?: string
  out?: string
  previews?: boolean
  maxSize?: string
  json?: boolean
  yes?: boolean
  resume?: string
  cancel?: string
  list?: boolean
  lang?: string
  help?: boolean
}

/** The language asked for with `--lang`, read before anything is said; null where none, or none of ours, was given. */
export function languageOf(argv: readonly string[]): Locale | null {
  const at = argv.findLastIndex((word) => word === '--lang' || word.startsWith('--lang='))
  const given = argv[at]?.split('=')[1] ?? argv[at + 1]
  return at === -1 ? null : (LOCALES.find((locale) => locale === given) ?? null)
}

/** Whether a command line is for the doctor: `doctor`, with `--json` and `--lang` alone. Throws `UsageError`. */
export function asksDoctor(argv: readonly string[], locale: Locale): boolean {
  if (argv[0] !== 'doctor') return false
  const lang = argv.indexOf('--lang')
  const rest = argv.filter(
    (word, i) => i > 0 && word !== '--json' && (lang === -1 || (i !== lang && i !== lang + 1)),
  )
  if (rest.some((word) => !word.startsWith('--lang='))) throw new UsageError(text(locale, 'cli.doctor_alone'))
  return true
}

/** Takes a command line apart. Throws `UsageError`. */
export function parseArguments(
  argv: readonly string[],
  models: readonly string[],
  locale: Locale,
): Arguments {
  const command = describeCommand(models, locale)
  try {
    command.parse(argv, { from: 'user' })
  } catch (error) {
    throw error instanceof CommanderError ? usageError(error, locale) : error
  }
  const flags: Flags = command.opts()
  const prompt = command.args.join(' ')
  const { segments, seconds, resolution, aspect, model, crossfade, levelSound, keepClips, lang } = flags
  if (lang !== undefined && languageOf(argv) === null) {
    const data = { option: '--lang', given: lang, allowed: LOCALES }
    throw new UsageError(errorText({ code: 'option_invalid', data }, locale))
  }
  return {
    action: actionOf(flags, prompt, command, locale),
    request: {
      ...(segments === undefined ? {} : { segments }),
      ...(seconds === undefined ? {} : { seconds }),
      ...(resolution === undefined ? {} : { resolution }),
      ...(aspect === undefined ? {} : { aspect }),
      ...(model === undefined ? {} : { model }),
      ...(crossfade === undefined ? {} : { crossfade }),
      ...(levelSound === undefined ? {} : { levelSound }),
      ...(keepClips === undefined ? {} : { keepClips }),
    },
    image: flags.image ?? null,
    out: flags.out ?? null,
    previews: previewsOf(flags, locale),
    json: flags.json ?? false,
    yes: flags.yes ?? false,
  }
}

function describeCommand(models: readonly string[], locale: Locale): Command {
  const allowed = (values: readonly (string | number)[]) => ({ allowed: values.join(', ') })
  return new Command('sora')
    .description(`${text(locale, 'cli.description')}\n${text(locale, 'cli.doctor')}`)
    .argument('[prompt...]', text(locale, 'cli.prompt', { max: PROMPT_MAX }))
    .option(
      '--segments <n>',
      text(locale, 'cli.segments', { allowed: `${SEGMENTS.min}–${SEGMENTS.max} (${SEGMENTS.default})` }),
    )
    .option('--seconds <n>', text(locale, 'cli.seconds', allowed(SECONDS)))
    .option('--resolution <r>', text(locale, 'cli.resolution', allowed(RESOLUTIONS)))
    .option('--aspect <a>', text(locale, 'cli.aspect', allowed(ASPECTS)))
    .option('--model <id>', text(locale, 'cli.model', allowed(models)))
    .option('--crossfade <ms>', text(locale, 'cli.crossfade', { max: CROSSFADE_MAX }))
    .option('--level-sound', text(locale, 'cli.level_sound'))
    .option('--keep-clips', text(locale, 'cli.keep_clips'))
    .option('--image <file>', text(locale, 'cli.image'))
    .option('--out <file>', text(locale, 'cli.out'))
    .option('--previews', text(locale, 'cli.previews'))
    .option('--max-size <mb>', text(locale, 'cli.max_size', { allowed: MAX_SIZE_ALLOWED }))
    .option('--json', text(locale, 'cli.json'))
    .option('--yes', text(locale, 'cli.yes'))
    .option('--resume <job>', text(locale, 'cli.resume'))
    .option('--list', text(locale, 'cli.list'))
    .option('--cancel <job>', text(locale, 'cli.cancel'))
    .option('--lang <locale>', text(locale, 'cli.lang', allowed(LOCALES)))
    .option('-h, --help', text(locale, 'cli.help'))
    .helpOption(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}

function previewsOf({ previews, maxSize }: Flags, locale: Locale): Preview[] {
  const wanted: Preview[] = previews ? [{ kind: 'poster' }, { kind: 'sheet' }, { kind: 'preview' }] : []
  if (maxSize === undefined) return wanted
  if (!/^[1-9]\d{0,3}$/.test(maxSize)) {
    const data = { option: '--max-size', given: shown(maxSize), allowed: [MAX_SIZE_ALLOWED] }
    throw new UsageError(errorText({ code: 'option_invalid', data }, locale))
  }
  return [...wanted, { kind: 'smaller', megabytes: Number(maxSize) }]
}

function actionOf(flags: Flags, prompt: string, command: Command, locale: Locale): Arguments['action'] {
  if (flags.help) return { type: 'help', text: command.helpInformation() }
  const others = [flags.resume, flags.cancel, flags.list].filter((flag) => flag !== undefined).length
  if (others > 1 || (others === 1 && prompt !== '')) throw new UsageError(text(locale, 'cli.one_thing'))
  if (flags.resume !== undefined) return { type: 'resume', jobId: flags.resume }
  if (flags.cancel !== undefined) return { type: 'cancel', jobId: flags.cancel }
  return flags.list ? { type: 'list' } : { type: 'make', prompt }
}

function usageError(error: CommanderError, locale: Locale): UsageError {
  const given = /'([^']+)'/.exec(error.message)?.[1]?.split(' ')[0] ?? ''
  const missing = error.code === 'commander.optionMissingArgument'
  return new UsageError(text(locale, missing ? 'cli.missing_value' : 'cli.unknown_option', { given }))
}
