import i18next from 'i18next'
import type { ConfigProblem } from '../config.ts'
import type { ErrorDetail } from '../core/errors.ts'
import type { JobChange } from '../core/event.ts'
import type { Encoded, FilmFinding, SeamPlace } from '../core/film-check.ts'
import type { Locale } from '../core/request.ts'
import type { Finding } from '../doctor/finding.ts'
import { en } from './en.ts'
import { ko } from './ko.ts'

type TextKey = keyof typeof en

type Names<Text extends string> = Text extends `${string}{{${infer Name}}}${infer Rest}`
  ? Name | Names<Rest>
  : never

/** What a text needs to be filled in with. */
type Values<Key extends TextKey> = { [Name in Names<(typeof en)[Key]>]: string | number }

const texts = i18next.createInstance()
await texts.init({
  resources: { en: { translation: en }, ko: { translation: ko } },
  fallbackLng: 'en',
  keySeparator: false,
  nsSeparator: false,
  // the surfaces escape for themselves: a terminal, a chat and a page want different things
  interpolation: { escapeValue: false },
})

/** A text in a language, filled in. */
export function text<Key extends TextKey>(
  locale: Locale,
  key: Key,
  ...[values]: Names<(typeof en)[Key]> extends never ? [] : [Values<Key>]
): string {
  return fill(locale, key, values)
}

function fill(locale: Locale, key: TextKey, values: object | undefined): string {
  // a value is never a template itself, whatever a person wrote into it
  return texts.t(key as string, { lng: locale, replace: values, skipOnVariables: true })
}

/** What happened, for people. */
export function changeText(change: JobChange, locale: Locale): string {
  switch (change.type) {
    case 'planned':
      return text(locale, 'change.planned', { count: change.shots.length, shots: change.shots.join(' · ') })
    case 'segment_started':
      return text(locale, 'change.segment_started', change)
    case 'segment_waiting':
      return text(locale, 'change.segment_waiting', { ...change, place: change.position + 1 })
    case 'segment_adopted':
      return text(locale, 'change.segment_adopted', change)
    case 'segment_done':
      return text(locale, 'change.segment_done', change)
    case 'failed':
      return text(locale, 'change.failed', { reason: errorText(change.error, locale) })
    default:
      return text(locale, `change.${change.type}`)
  }
}

/** What was wrong, what is allowed and what to do next, on one line. `moment` words a moment; else it is in this machine's time zone. */
export function errorText(
  error: ErrorDetail,
  locale: Locale,
  moment: (at: Date) => string = (at) => momentText(at, locale),
): string {
  const { code, data } = error
  switch (code) {
    case 'option_invalid':
      return text(locale, `error.${code}`, { ...data, allowed: data.allowed.join(', ') })
    case 'option_unknown':
      return text(locale, `error.${code}`, { ...data, allowed: data.allowed.join(', ') })
    case 'model_unavailable':
      return text(locale, `error.${code}`, { ...data, allowed: data.allowed.join(', ') })
    case 'image_unreadable':
      return text(locale, `error.${code}`, { ...data, allowed: data.allowed.join(', ') })
    case 'body_type_unknown':
      return text(locale, `error.${code}`, { ...data, allowed: data.allowed.join(', ') })
    case 'body_too_large':
      return text(locale, `error.${code}`, { max: megabytes(data.max) })
    case 'prompt_flagged':
      return text(locale, `error.${code}`, { categories: data.categories.join(', ') })
    case 'combination_unsupported': {
      const { alternative, allowed } = data
      const advice =
        alternative === null ? '' : text(locale, 'error.combination_unsupported.advice', { alternative })
      return text(locale, `error.${code}`, { ...data, allowed: allowed.join(', '), advice })
    }
    case 'image_too_large':
      return text(locale, `error.${code}`, { given: megabytes(data.given), max: megabytes(data.max) })
    case 'disk_low':
      return text(locale, `error.${code}`, {
        free: Math.floor(data.free / 1e6),
        least: Math.ceil(data.least / 1e6),
      })
    case 'size_unreachable':
      // sizes are asked for in whole MB
      return text(locale, `error.${code}`, {
        given: megabytes(data.given),
        least: Math.ceil(data.least / 1e6),
      })
    case 'hourly_limit':
    case 'link_limit':
      return text(locale, `error.${code}`, { limit: data.limit, when: moment(new Date(data.retry_at)) })
    case 'cost_over_job':
      return text(locale, `error.${code}`, {
        estimate_usd: usdText(data.estimate_usd),
        max_usd: usdText(data.max_usd),
      })
    case 'cost_over_day':
      return text(locale, `error.${code}`, {
        estimate_usd: usdText(data.estimate_usd),
        spent_usd: usdText(data.spent_usd),
        max_usd: usdText(data.max_usd),
        when: moment(new Date(data.retry_at)),
      })
    case 'active_limit':
      return text(locale, `error.${code}`, { limit: data.limit, jobs: data.jobs.join(', ') })
    case 'ffmpeg_missing':
      return text(locale, `error.${code}`, { tried: data.tried.join(', ') })
    case 'job_not_retryable':
    case 'job_not_cancellable':
    case 'job_not_completed':
      return text(locale, `error.${code}`, { ...data, status: text(locale, `status.${data.status}`) })
    default:
      return fill(locale, `error.${code}`, data)
  }
}

/** What is off with a film, where, and what can be done about it, on one line. */
export function findingText(finding: FilmFinding, locale: Locale): string {
  const { code, data } = finding
  switch (code) {
    case 'undecodable':
      return text(locale, `finding.${code}`, data)
    case 'short_segment': {
      const [asked, delivered] = [data.asked.toFixed(1), data.delivered.toFixed(1)]
      return text(locale, `finding.${code}`, { segment: data.segment, asked, delivered })
    }
    case 'picture_length':
    case 'sound_length': {
      const [planned, measured] = [data.planned.toFixed(1), data.measured.toFixed(1)]
      return text(locale, `finding.${code}`, { planned, measured })
    }
    case 'sound_offset': {
      const seams = seamsText(data.seams, locale)
      return text(locale, `finding.${code}`, { seams, ms: Math.round(data.ms) })
    }
    case 'cut':
    case 'visible_seam':
      return text(locale, `finding.${code}`, { seams: seamsText(data.seams, locale) })
    case 'drift': {
      const [colour, contrast] = [Math.round(data.colour), Math.round(Math.abs(data.contrast))]
      return text(locale, `finding.${code}`, { segment: data.segment, colour, contrast })
    }
    case 'black':
    case 'silence': {
      const [from, to] = [data.from.toFixed(1), data.to.toFixed(1)]
      return text(locale, `finding.${code}`, { from, to, segments: data.segments.join(', ') })
    }
  }
}

function seamsText(seams: readonly SeamPlace[], locale: Locale): string {
  return seams
    .map(({ before, at }) => text(locale, 'finding.seam', { before, after: before + 1, at: at.toFixed(1) }))
    .join(', ')
}

/** Which segments of a film are no copies; null where all are. */
export function encodedText({ picture, sound }: Encoded, locale: Locale): string | null {
  const parts = [
    ...(picture.length > 0 ? [text(locale, 'film.encoded.picture', { segments: picture.join(', ') })] : []),
    ...(sound.length > 0 ? [text(locale, 'film.encoded.sound', { segments: sound.join(', ') })] : []),
  ]
  return parts.length === 0 ? null : text(locale, 'film.encoded', { what: parts.join('; ') })
}

/** What is wrong with a variable of the environment, and what it may be. */
export function problemText(problem: ConfigProblem, locale: Locale): string {
  return fill(locale, `config.${problem.problem}`, problem)
}

/** What the doctor has found, on one line: how it is, and what to do where something is wrong. */
export function findingLine(finding: Finding, locale: Locale): string {
  if ('problem' in finding) return problemText(finding.problem, locale)
  if ('error' in finding) return errorText(finding.error, locale)
  return fill(locale, `doctor.${finding.code}`, finding.data)
}

/** Bytes as MB, with one decimal below ten. */
export function megabytes(bytes: number): string {
  const mb = bytes / 1e6
  return mb.toFixed(mb < 10 ? 1 : 0)
}

/** An amount in USD, without its sign; cents where there are some, and more where it is less than one. */
export function usdText(usd: number): string {
  return usd > 0 && usd < 0.01 ? usd.toPrecision(1) : usd.toFixed(2)
}

/** A length of time in whole seconds, and in minutes and hours where there are some: "3 min, 20 sec". */
export function durationText(seconds: number, locale: Locale): string {
  const whole = Math.max(0, Math.round(seconds))
  const parts = {
    hours: Math.floor(whole / 3600),
    minutes: Math.floor(whole / 60) % 60,
    seconds: whole % 60,
  }
  const secondsDisplay = whole === 0 ? 'always' : 'auto'
  return new Intl.DurationFormat(locale, { style: 'short', secondsDisplay }).format(parts)
}

function momentText(at: Date, locale: Locale): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'long' }).format(at)
}
