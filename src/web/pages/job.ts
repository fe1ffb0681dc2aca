import { html } from 'hono/html'
import { isFilmExpired } from '../../core/film.ts'
import { isUnfinished, type Job, type JobStatus } from '../../core/job.ts'
import { markOf, type Outlook, oneLine, titleOf } from '../../core/outlook.ts'
import type { Locale, ModelCapabilities } from '../../core/request.ts'
import { changeText, errorText, text } from '../../i18n/index.ts'
import { facts } from './facts.ts'
import type { Content, Html } from './frame.ts'
import { findings, player, share } from './result.ts'
import { shots } from './shots.ts'
import { when } from './when.ts'

/** All that a job's page is made of. */
export interface JobState extends Outlook {
  /** The reader's, which may be another than the job's. */
  locale: Locale
  model: ModelCapabilities
  /** A link for others, and for how many days it works; null where the film can't be reached by any. */
  share: { url: string; days: number } | null
  /** Why what was asked for on this page was not done. */
  refusal: string | null
}

const REFRESH_SECONDS = 5

/** A title of more signs is set smaller: it is a prompt, before there is a plan. */
const LONG = 80

/** The page of a job of one's own: how far it is, and the film once it is there. */
export function jobPage(state: JobState): Content {
  const { job, locale } = state
  const title = titleOf(job)
  const live = isUnfinished(job.status)
  const seq = state.events.at(-1)?.seq ?? 0
  return {
    title: live ? `${percent(job.progress)} · ${title}` : title,
    ...(live ? { refresh: REFRESH_SECONDS } : {}),
    body: html`<article class="job" data-job="${job.id}" data-seq="${seq}" data-status="${job.status}"${live ? html` data-live` : ''}
  data-lost="${text(locale, 'job.reload')}">
<p class="sr" role="status" data-announce></p>
${state.refusal === null ? '' : html`<div class="alert" role="alert"><p>${state.refusal}</p></div>`}
${job.film === null ? '' : player(state, job.film)}
${heading(state)}
${job.film === null ? progress(state) : ''}
${job.film === null ? '' : findings(job.film, locale)}
${actions(state)}
${job.film === null ? '' : share(state)}
${shots(state)}
<div class="about" id="about">${facts(state)}${log(state)}</div>
</article>`,
  }
}

function heading({ job, model, segments, locale }: JobState): Html {
  const { request } = job
  const title = titleOf(job)
  const made = model.source === 'algorithmicMedia' ? 'job.made_by_program' : 'job.made_by_ai'
  return html`<header id="heading">
<p class="state" data-tone="${toneOf(job.status)}">${stateText(job, segments, locale)}</p>
<h1${title.length > LONG ? html` data-long` : ''}>${title}</h1>
${title === oneLine(request.prompt) ? '' : html`<p class="prompt">${request.prompt}</p>`}
<p class="made">${text(locale, made, { model: model.name })}</p>
</header>`
}

/** The colour of a state. */
export function toneOf(status: JobStatus): 'working' | 'done' | 'failed' | 'cancelled' {
  if (status === 'completed') return 'done'
  return status === 'failed' || status === 'cancelled' ? status : 'working'
}

function stateText(job: Job, segments: Outlook['segments'], locale: Locale): string {
  const { status } = job
  const word = text(locale, `status.${status}`)
  if (isFilmExpired(job)) return `${word} · ${text(locale, 'film.expired')}`
  if (status !== 'generating' || segments.length === 0) return word
  const stored = segments.filter(({ state }) => state === 'stored').length
  const segment = Math.min(stored + 1, segments.length)
  return `${word} · ${text(locale, 'card.segment', { segment, of: segments.length })}`
}

/** What a film is called where somebody saves it. */
function fileName({ id }: Job): string {
  return `film-${id.slice(0, 8)}.mp4`
}

/** A progress of 0..1 as people read it. */
export function percent(progress: number): string {
  return `${Math.round(progress * 100)}%`
}

function progress({ job, segments, events, locale }: JobState): Html {
  const { status } = job
  const marks = segments.map((segment) => markOf(segment, segments, status))
  const bars = Array.from({ length: job.request.segments }, (_, i) => marks[i] ?? 'waiting')
  const latest = events.at(-1)
  const said = isFilmExpired(job)
    ? text(locale, 'job.expired')
    : job.error !== null && status === 'failed'
      ? errorText(job.error, locale)
      : latest
        ? changeText(latest, locale)
        : ''
  return html`<section class="progress" id="progress" data-phase="${status}">
<div class="bar"><ol class="timeline" aria-hidden="true">${bars.map((mark) => html`<li data-mark="${mark}"></li>`)}</ol>
<progress class="sr" max="1" value="${job.progress}" aria-label="${text(locale, 'job.progress')}">${percent(job.progress)}</progress>
<span class="percent" aria-hidden="true">${percent(job.progress)}</span></div>
<p class="said" data-said${status === 'failed' ? html` data-wrong` : ''}>${said}</p>
</section>`
}

function actions({ job, locale }: JobState): Html {
  const { id, status, film } = job
  const again = html`<a class="secondary" href="/?from=${id}">${text(locale, 'job.again')}</a>`
  const download = html`<a class="primary" href="/jobs/${id}/film.mp4" download="${fileName(job)}">${text(locale, 'job.download')}</a>`
  const retry = html`<form method="post" action="/jobs/${id}/retry"><button class="primary">${text(locale, 'job.retry')}</button></form>`
  const cancel = html`<details class="confirm"><summary class="secondary">${text(locale, 'job.cancel')}</summary>
<form method="post" action="/jobs/${id}/cancel"><p>${text(locale, 'job.cancel_sure')}</p><button class="danger">${text(locale, 'job.cancel_yes')}</button></form></details>`
  const buttons =
    film !== null
      ? [download, again]
      : status === 'failed'
        ? [retry, again]
        : isUnfinished(status)
          ? job.cancelRequested
            ? []
            : [cancel]
          : [again]
  const note = status === 'failed' ? 'job.retry_about' : isUnfinished(status) ? 'job.closing' : null
  return html`<div class="actions" id="actions">${buttons}${note === null ? '' : html`<p class="note">${text(locale, note)}</p>`}</div>`
}

function log({ events, locale }: JobState): Html {
  return html`<details class="log"><summary>${text(locale, 'job.log')}</summary>
<ol id="log">${events.map((event) => html`<li>${when(event.at, locale, 'clock')}<span>${changeText(event, locale)}</span></li>`)}</ol></details>`
}
