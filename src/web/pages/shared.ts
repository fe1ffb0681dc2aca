import { html } from 'hono/html'
import type { Film, Job } from '../../core/job.ts'
import { titleOf } from '../../core/outlook.ts'
import type { Locale, ModelCapabilities } from '../../core/request.ts'
import { durationText, text } from '../../i18n/index.ts'
import type { Content } from './frame.ts'
import { messagePage } from './messages.ts'
import { video } from './result.ts'

/** A finished film as somebody sees it who was given its link. `url` is where its file is. */
export interface SharedState {
  locale: Locale
  job: Job
  film: Film
  model: ModelCapabilities
  url: string
}

/** The film and what it is; nothing of whose it is. */
export function sharedPage({ locale, job, film, model, url }: SharedState): Content {
  const title = titleOf(job)
  const { width, height } = film
  const made = model.source === 'algorithmicMedia' ? 'job.made_by_program' : 'job.made_by_ai'
  return {
    title,
    body: html`<article class="job">
${video({ locale, title, film: url, poster: null, width, height })}
<header><h1>${title}</h1>
<p class="made">${text(locale, made, { model: model.name })} · ${durationText(film.duration, locale)} · ${width}×${height}</p></header>
<div class="actions"><a class="primary" href="${url}" download>${text(locale, 'job.download')}</a>
<p class="note">${text(locale, 'shared.about')}</p></div>
</article>`,
  }
}

/** A link that has worked once. */
export function expiredPage(locale: Locale, days: number): Content {
  return messagePage({
    title: text(locale, 'shared.expired'),
    about: text(locale, 'shared.expired_about', { days }),
  })
}

/** A link that is still right, to a film that is no longer kept. */
export function goneFilmPage(locale: Locale): Content {
  return messagePage({ title: text(locale, 'shared.gone'), about: text(locale, 'shared.gone_about') })
}
