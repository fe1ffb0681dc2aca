import { html } from 'hono/html'
import { endsJob } from '../../core/event.ts'
import { isUnfinished } from '../../core/job.ts'
import { expectedEnd } from '../../core/outlook.ts'
import { costUsd } from '../../core/price.ts'
import { durationText, encodedText, megabytes, text, usdText } from '../../i18n/index.ts'
import type { Html } from './frame.ts'
import type { JobState } from './job.ts'
import { when } from './when.ts'

/** What was asked for, what came of it, when and for how much. */
export function facts(state: JobState): Html {
  const rows = [...rowsOf(state)]
  return html`<dl class="facts" id="facts">${rows.map(
    ([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`,
  )}</dl>`
}

function* rowsOf(state: JobState): Generator<[string, Html | string]> {
  const { job, events, model, locale } = state
  const { request, film } = job
  const { segments: count, seconds, resolution, aspect } = request
  const length = text(locale, 'card.length', { count, seconds })
  yield [text(locale, 'job.asked'), `${length} · ${resolution} · ${aspect} · ${model.name}`]
  if (film !== null) {
    const { width, height, duration, file_size } = film
    const size = { width, height, megabytes: megabytes(file_size) }
    const said = text(locale, 'card.film_facts', { seconds: duration.toFixed(1), ...size })
    const encoded = film.check === null ? null : encodedText(film.check.encoded, locale)
    yield [text(locale, 'card.film'), encoded === null ? said : html`${said}<br>${encoded}`]
  }
  const start = events.findLast(({ type }) => type === 'queued' || type === 'retried')?.at ?? job.createdAt
  const latest = events.at(-1)
  yield [text(locale, 'card.started'), when(start, locale, 'date')]
  if (latest !== undefined && endsJob(latest)) {
    const took = (latest.at.getTime() - start.getTime()) / 1000
    yield [text(locale, 'card.took'), durationText(took, locale)]
  } else {
    const expected = expectedEnd(state)
    if (expected !== null) yield [text(locale, 'card.left'), when(expected, locale, 'ago')]
  }
  yield [text(locale, 'card.cost'), costText(state)]
  yield [text(locale, 'job.id'), html`<code>${job.id}</code>`]
}

function costText({ job, segments, locale }: JobState): string {
  const { status, estimateUsd } = job
  const usd = isUnfinished(status) ? estimateUsd : costUsd(segments)
  if (usd === null) return text(locale, 'card.cost_unknown')
  if (usd === 0) return text(locale, 'form.price_free')
  return text(locale, isUnfinished(status) ? 'card.cost_about' : 'card.cost_usd', { usd: usdText(usd) })
}
