import type { ChatName } from '../core/card.ts'
import type { ErrorDetail } from '../core/errors.ts'
import { isFilmExpired } from '../core/film.ts'
import type { Job } from '../core/job.ts'
import type { LinkCode } from '../core/link-code.ts'
import { titleOf, withTitles } from '../core/outlook.ts'
import { type Locale, type ModelList, SECONDS, SEGMENTS } from '../core/request.ts'
import { errorText, text, usdText } from '../i18n/index.ts'
import { commandText, OPTION_NAMES } from './command.ts'
import type { Allowance, BotService } from './service.ts'
import { percent } from './signs.ts'

/** What one person is answered, seen by nobody else. Texts are plain, but for moments (`MOMENTS`): the platform escapes them. */
export interface AnswerView {
  lines: readonly AnswerLine[]
}

export interface AnswerLine {
  text: string
  /** A page that the line leads to. */
  link: { label: string; url: string } | null
  /** A job that can be cancelled from the line. */
  cancel?: { label: string; jobId: string }
}

/** An answer of plain lines. */
export function plainAnswer(...texts: readonly string[]): AnswerView {
  return { lines: texts.map((line) => ({ text: line, link: null })) }
}

/** A moment in an answer's text: seconds since 1970 between signs that no text has. A platform shows it by the reader's own clock. */
export const MOMENTS = /\ufdd0(\d+)\ufdd0/g

function momentSign(at: Date): string {
  return `\ufdd0${Math.round(at.getTime() / 1000)}\ufdd0`
}

/** What is said of a refusal: films by their titles, options as this language calls them, moments as `MOMENTS`. */
export async function refusalAnswer(
  error: ErrorDetail,
  locale: Locale,
  jobs: Pick<BotService['jobs'], 'get'>,
): Promise<AnswerView> {
  const said = errorText(await withTitles(error, jobs.get), locale, momentSign)
  const [name = ''] = said.split(':')
  const option = OPTION_NAMES.find((one) => one === name)
  if (option === undefined) return plainAnswer(said)
  return plainAnswer(`${text(locale, `option.${option}.name`)}${said.slice(name.length)}`)
}

/** A person's newest jobs with their states; `linkOf` says where each can be seen. */
export async function jobsAnswer(
  jobs: readonly Job[],
  locale: Locale,
  linkOf: (job: Job) => Promise<AnswerLine['link']>,
): Promise<AnswerView> {
  if (jobs.length === 0) return plainAnswer(text(locale, 'answer.no_jobs'))
  const lines = jobs.map(async (job) => ({ text: jobLine(job, locale), link: await linkOf(job) }))
  return { lines: await Promise.all(lines) }
}

/** Which of a person's unfinished jobs they would cancel. */
export function cancelAnswer(jobs: readonly Job[], locale: Locale): AnswerView {
  if (jobs.length === 0) return plainAnswer(text(locale, 'answer.nothing_to_cancel'))
  const label = text(locale, 'card.cancel')
  const lines = jobs.map((job) => {
    return { text: jobLine(job, locale), link: null, cancel: { label, jobId: job.id } }
  })
  return { lines: [...plainAnswer(text(locale, 'answer.cancel_which')).lines, ...lines] }
}

/** A person's code, and the page on which it is entered, where that has an address. */
export function linkAnswer({ code, expiresAt }: LinkCode, page: string | null, locale: Locale): AnswerView {
  const use = text(locale, 'link.use', { when: momentSign(expiresAt) })
  const link = page === null ? null : { label: text(locale, 'link.open'), url: page }
  return {
    lines: [
      { text: text(locale, 'link.code', { code }), link: null },
      { text: use, link },
      { text: text(locale, 'link.secret'), link: null },
    ],
  }
}

/** What a person may still ask for, and of which models at what price. */
export function helpAnswer(
  allowance: Allowance,
  list: ModelList,
  chat: ChatName,
  locale: Locale,
): AnswerView {
  const { hour, active } = allowance
  const segments = `${SEGMENTS.min}–${SEGMENTS.max}`
  const usable = list.models.filter(({ id }) => list.usable.includes(id))
  const models = usable.map(({ id, name, seconds, resolutions, usdPerSecond }) => {
    const prices = resolutions.map((resolution) => usdPerSecond[resolution])
    const price = prices.every((usd) => usd === null)
      ? text(locale, 'model.price_unknown')
      : text(locale, 'model.price', {
          usd: [...new Set(prices.map((usd) => (usd === null ? '?' : usdText(usd))))].join('/'),
        })
    const can = { seconds: seconds.join('/'), resolutions: resolutions.join('/') }
    return text(locale, 'help.model', { model: name, id, price, ...can })
  })
  const retired = list.models.filter((model) => model.retired !== null).map(({ id }) => id)
  return plainAnswer(
    text(locale, 'help.how', { segments, seconds: SECONDS.join('/') }),
    ...(hour === null ? [] : [text(locale, 'help.hour', hour)]),
    text(locale, 'help.active', active),
    text(locale, 'help.link', { command: commandText(chat, 'sora-link', locale) }),
    [text(locale, 'help.models'), ...models].join('\n'),
    ...(retired.length === 0 ? [] : [text(locale, 'help.retired', { models: retired.join(', ') })]),
  )
}

function jobLine(job: Job, locale: Locale): string {
  const state = `${text(locale, `status.${job.status}`)} ${percent(job.progress)}`
  const kept = isFilmExpired(job) ? ` · ${text(locale, 'film.expired')}` : ''
  return `${state} · ${titleOf(job)}${kept}`
}
