import type { ChatName } from '../core/card.ts'
import { endsJob, type JobEvent } from '../core/event.ts'
import { isFilmExpired } from '../core/film.ts'
import { findingsOf } from '../core/film-check.ts'
import { type Film, isUnfinished, type Job, type JobStatus } from '../core/job.ts'
import { expectedEnd, markOf, oneLine, type ShotMark, titleOf } from '../core/outlook.ts'
import { costUsd } from '../core/price.ts'
import type { Locale, ModelCapabilities } from '../core/request.ts'
import type { Segment } from '../core/segment.ts'
import { changeText, durationText, errorText, findingText, megabytes, text, usdText } from '../i18n/index.ts'
import { commandText } from './command.ts'

/** What a card says, free of any platform. Every text is plain: the platform escapes it, and cuts it where it is too long. */
export interface CardView {
  jobId: string
  tone: 'working' | 'done' | 'failed' | 'cancelled'
  /** As planned; null before, and where it is no more than the prompt. */
  title: string | null
  prompt: string
  /** The state in a word or two, with the segment's number where there is one. */
  state: string
  /** What is happening, or went wrong; empty where the rest says it. */
  detail: string
  /** 0..1 */
  progress: number
  shots: readonly { mark: ShotMark; title: string }[]
  facts: readonly Fact[]
  notes: readonly string[]
  buttons: readonly Button[]
}

/** A line of label and value. A moment is shown by the reader's own clock, as the distance to now. */
export interface Fact {
  label: string
  value: string | Date
}

/** A button acts on the card's job, or opens a page. */
export type Button = { label: string } & ({ action: 'cancel' | 'retry' } | { url: string })

/** What a message at a job's end says; its first line is the headline. */
export interface NoticeView {
  jobId: string
  lines: readonly string[]
  buttons: readonly Button[]
  /** What a button is called that leads to the card, where the platform can make one. */
  showCard: string
}

/** How a finished film stands on its card; `pending`: it is still to come. */
export type FilmOnCard = 'attached' | 'smaller' | 'pending' | 'absent'

/** All that a card is made of. `events` are all of the job's, in order. */
export interface CardState {
  /** Where the card stands: commands are called differently in each. */
  chat: ChatName
  job: Job
  segments: readonly Segment[]
  events: readonly JobEvent[]
  model: ModelCapabilities
  /** What a segment of this model usually takes, in seconds. */
  usualSeconds: number
  /** Where the finished film can be opened, and how it stands on the card itself. */
  link: string | null
  film: FilmOnCard
  /** The card can't be edited after this. */
  lastWords: boolean
  now: Date
}

/** How long a link to a film works. */
export const LINK_DAYS = 7

const TONES: Partial<Record<JobStatus, CardView['tone']>> = {
  completed: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
}

/** What a card says of its job's newest event, in the language in which the job was asked for. */
export function cardView(state: CardState): CardView {
  const { job, segments, events } = state
  const { locale } = job
  const latest = events.at(-1)
  const status = latest?.status ?? job.status
  return {
    jobId: job.id,
    tone: TONES[status] ?? 'working',
    title: job.title === oneLine(job.request.prompt) ? null : job.title,
    prompt: job.request.prompt,
    state: stateText(status, segments, locale),
    detail: latest === undefined ? '' : detailText(latest, locale),
    progress: latest?.progress ?? job.progress,
    shots: segments.map((segment) => ({ title: segment.title, mark: markOf(segment, segments, status) })),
    facts: [...factsOf(state, status)],
    notes: [...notesOf(state, status)],
    buttons: [...buttonsOf(state, status)],
  }
}

/** What a person is told at the end of their job; null where they know, because they cancelled it. */
export function noticeView(
  job: Job,
  end: JobEvent,
  link: string | null,
  film: FilmOnCard,
): NoticeView | null {
  const { locale } = job
  const title = titleOf(job)
  const showCard = text(locale, 'notice.show_card')
  if (end.type === 'completed') {
    const lines = [text(locale, 'notice.completed', { title }), filmText(end.film, locale)]
    if (isFilmExpired(job)) lines.push(text(locale, 'error.film_expired', { job_id: job.id }))
    else if (link === null && film === 'absent') lines.push(text(locale, 'card.kept', { key: end.film.key }))
    else if (link === null && film !== 'pending') lines.push(text(locale, 'notice.on_card'))
    return { jobId: job.id, lines, buttons: openButton(link, locale), showCard }
  }
  if (end.type !== 'failed') return null
  const lines = [text(locale, 'notice.failed', { title }), errorText(end.error, locale)]
  const buttons: Button[] = [{ label: text(locale, 'card.retry'), action: 'retry' }]
  return { jobId: job.id, lines, buttons, showCard }
}

function stateText(status: JobStatus, segments: readonly Segment[], locale: Locale): string {
  const word = text(locale, `status.${status}`)
  if (status !== 'generating' || segments.length === 0) return word
  const stored = segments.filter(({ state }) => state === 'stored').length
  const segment = Math.min(stored + 1, segments.length)
  return `${word} · ${text(locale, 'card.segment', { segment, of: segments.length })}`
}

function detailText(event: JobEvent, locale: Locale): string {
  switch (event.type) {
    case 'failed':
      return errorText(event.error, locale)
    // what these say stands elsewhere on the card
    case 'planned':
    case 'segment_started':
    case 'segment_done':
    case 'completed':
    case 'cancelled':
      return ''
    default:
      return changeText(event, locale)
  }
}

function* factsOf(state: CardState, status: JobStatus): Generator<Fact> {
  const { job, segments, events, model } = state
  const { locale, request } = job
  const label = (name: 'asked' | 'film' | 'started' | 'left' | 'took' | 'cost') =>
    text(locale, `card.${name}`)
  const { segments: count, seconds, resolution, aspect } = request
  const length = text(locale, 'card.length', { count, seconds })
  yield { label: label('asked'), value: `${length} · ${resolution} · ${aspect} · ${model.name}` }
  const latest = events.at(-1)
  if (latest?.type === 'completed') yield { label: label('film'), value: filmText(latest.film, locale) }
  const start = events.findLast(({ type }) => type === 'queued' || type === 'retried')?.at ?? job.createdAt
  if (latest !== undefined && endsJob(latest)) {
    const took = (latest.at.getTime() - start.getTime()) / 1000
    yield { label: label('took'), value: durationText(took, locale) }
  } else {
    yield { label: label('started'), value: start }
    const expected = expectedEnd(state)
    if (expected !== null) yield { label: label('left'), value: expected }
  }
  yield { label: label('cost'), value: costText(job, segments, status) }
}

function costText({ locale, estimateUsd }: Job, segments: readonly Segment[], status: JobStatus): string {
  const usd = isUnfinished(status) ? estimateUsd : costUsd(segments)
  if (usd === null) return text(locale, 'card.cost_unknown')
  const key = isUnfinished(status) ? 'card.cost_about' : 'card.cost_usd'
  return text(locale, key, { usd: usdText(usd) })
}

function filmText({ duration, width, height, file_size }: Film, locale: Locale): string {
  const size = { width, height, megabytes: megabytes(file_size) }
  return text(locale, 'card.film_facts', { seconds: duration.toFixed(1), ...size })
}

function* notesOf({ job, chat, events, model, link, film, lastWords }: CardState, status: JobStatus) {
  const { locale } = job
  const jobs = commandText(chat, 'sora-jobs', locale)
  const latest = events.at(-1)
  if (latest?.type === 'completed') {
    const { check, key } = latest.film
    if (check !== null) for (const finding of findingsOf(check)) yield `⚠️ ${findingText(finding, locale)}`
    if (film === 'smaller') yield text(locale, 'card.smaller')
    if (isFilmExpired(job)) yield text(locale, 'error.film_expired', { job_id: job.id })
    else if (film === 'absent' && link === null) yield text(locale, 'card.kept', { key })
    if (link !== null) yield text(locale, 'card.link_days', { days: LINK_DAYS, jobs })
  }
  if (lastWords && isUnfinished(status)) yield text(locale, 'card.last_words', { jobs })
  const made = model.source === 'algorithmicMedia' ? 'card.made_by_program' : 'card.made_by_ai'
  yield text(locale, made, { model: model.name })
}

function* buttonsOf({ job, link }: CardState, status: JobStatus): Generator<Button> {
  const { locale } = job
  if (isUnfinished(status)) yield { label: text(locale, 'card.cancel'), action: 'cancel' }
  if (status === 'failed') yield { label: text(locale, 'card.retry'), action: 'retry' }
  if (status === 'completed') yield* openButton(link, locale)
}

function openButton(link: string | null, locale: Locale): Button[] {
  return link === null ? [] : [{ label: text(locale, 'card.open'), url: link }]
}
