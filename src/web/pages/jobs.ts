import { html } from 'hono/html'
import { isFilmExpired } from '../../core/film.ts'
import { isUnfinished, type Job } from '../../core/job.ts'
import { titleOf } from '../../core/outlook.ts'
import type { Locale } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import type { Content, Html } from './frame.ts'
import { percent, toneOf } from './job.ts'
import { when } from './when.ts'

const REFRESH_SECONDS = 5

/** So many films are listed. */
export const JOBS_SHOWN = 50

/** A person's films, newest first. */
export function jobsPage(jobs: readonly Job[], locale: Locale): Content {
  const title = text(locale, 'jobs.title')
  const live = jobs.some(({ status }) => isUnfinished(status))
  const list = html`<ul class="films" id="films">${jobs.map((job) => film(job, locale))}</ul>
${jobs.length < JOBS_SHOWN ? '' : html`<p class="hint">${text(locale, 'jobs.newest', { count: jobs.length })}</p>`}`
  return {
    title,
    ...(live ? { refresh: REFRESH_SECONDS } : {}),
    body: html`<div class="list"${live ? html` data-poll` : ''}><h1>${title}</h1>${jobs.length === 0 ? none(locale) : list}</div>`,
  }
}

function none(locale: Locale): Html {
  return html`<div class="empty">
<ol class="timeline" aria-hidden="true"><li data-mark="waiting"></li><li data-mark="waiting"></li><li data-mark="waiting"></li><li data-mark="waiting"></li></ol>
<h2>${text(locale, 'jobs.none')}</h2><p>${text(locale, 'jobs.none_about')}</p>
<a class="primary" href="/">${text(locale, 'page.new')}</a></div>`
}

function film(job: Job, locale: Locale): Html {
  const { id, status, request } = job
  const { segments: count, seconds, resolution, aspect } = request
  const word = text(locale, `status.${status}`)
  const more = isUnfinished(status)
    ? percent(job.progress)
    : isFilmExpired(job)
      ? text(locale, 'film.expired')
      : null
  const state = more === null ? word : `${word} · ${more}`
  return html`<li><a href="/jobs/${id}">
<div class="frame" data-aspect="${aspect}">${job.film === null ? '' : html`<img src="/jobs/${id}/poster.jpg" alt="" loading="lazy" data-optional>`}</div>
<div><p class="title">${titleOf(job)}</p>
<p class="state" data-tone="${toneOf(status)}">${state}</p>
${isUnfinished(status) ? html`<progress max="1" value="${job.progress}" aria-label="${text(locale, 'job.progress')}"></progress>` : ''}
<p class="hint">${text(locale, 'card.length', { count, seconds })} · ${resolution} · ${aspect}</p>
<p class="hint">${when(job.createdAt, locale, 'date')}</p></div></a></li>`
}
