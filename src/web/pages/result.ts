import { html } from 'hono/html'
import { findingsOf } from '../../core/film-check.ts'
import type { Film } from '../../core/job.ts'
import { titleOf } from '../../core/outlook.ts'
import type { Locale } from '../../core/request.ts'
import { findingText, text } from '../../i18n/index.ts'
import type { Html } from './frame.ts'
import type { JobState } from './job.ts'

/** The film itself. */
export function player({ job, locale }: JobState, { width, height }: Film): Html {
  return video({
    locale,
    title: titleOf(job),
    film: `/jobs/${job.id}/film.mp4`,
    poster: `/jobs/${job.id}/poster.jpg`,
    width,
    height,
  })
}

/** A player; `poster` is null where there is none to show. */
export function video(about: {
  locale: Locale
  title: string
  film: string
  poster: string | null
  width: number
  height: number
}): Html {
  const { locale, title, film, poster, width, height } = about
  return html`<div class="player" data-shape="${width > height ? 'wide' : width < height ? 'tall' : 'square'}"><video controls playsinline preload="metadata" src="${film}"${poster === null ? '' : html` poster="${poster}"`}
  width="${width}" height="${height}" aria-label="${text(locale, 'job.player', { title })}"><a href="${film}">${text(locale, 'job.unplayable')}</a></video></div>`
}

/** What is off with a film. */
export function findings({ check }: Film, locale: Locale): Html | '' {
  const found = check === null ? [] : findingsOf(check)
  if (found.length === 0) return ''
  return html`<ul class="findings">${found.map((finding) => html`<li>${findingText(finding, locale)}</li>`)}</ul>`
}

/** The link for others. */
export function share({ locale, share: link }: JobState): Html | '' {
  if (link === null) return ''
  return html`<div class="share"><label class="label" for="share">${text(locale, 'job.share')}</label>
<div class="copy"><input id="share" type="url" readonly value="${link.url}" aria-describedby="share-hint">
<button type="button" class="secondary" hidden data-copy="share" data-copied="${text(locale, 'job.copied')}">${text(locale, 'job.copy')}</button></div>
<p class="hint" id="share-hint">${text(locale, 'job.share_about', { days: link.days })}</p></div>`
}
