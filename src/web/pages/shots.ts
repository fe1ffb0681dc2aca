import { html } from 'hono/html'
import { isFilmExpired } from '../../core/film.ts'
import type { Film } from '../../core/job.ts'
import { markOf, type ShotMark, segmentStarts } from '../../core/outlook.ts'
import { SHEET } from '../../core/preview.ts'
import { frameSize } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import type { Html } from './frame.ts'
import type { JobState } from './job.ts'

/** The frame of a segment that stands for it on the contact sheet, counted from 0. */
const CHOSEN = 1

/** Each segment with its frame, its title and how far it is. In a finished film they lead to where they begin. */
export function shots(state: JobState): Html {
  const { job, segments, locale } = state
  const { request, status, film } = job
  const starts = film === null ? [] : segmentStarts(film, segments)
  const shape = frameSize(request.resolution, request.aspect)
  const cards = Array.from({ length: request.segments }, (_, i) => {
    const segment = segments[i]
    const mark = segment === undefined ? 'waiting' : markOf(segment, segments, status)
    const title = segment?.title ?? text(locale, 'job.shot', { segment: i + 1 })
    const frame = html`<div class="frame">${picture(state, i, mark, shape)}<span class="number" aria-hidden="true">${i + 1}</span></div>`
    const start = starts[i]
    if (start === undefined) {
      const said = text(locale, `job.mark.${mark}`)
      return html`<li data-mark="${mark}">${frame}<p class="title">${title}</p><p class="mark-text">${said}</p></li>`
    }
    const jump = text(locale, 'job.shot_jump', { segment: i + 1 })
    const at = start.toFixed(2)
    return html`<li data-mark="${mark}"><a href="/jobs/${job.id}/film.mp4#t=${at}" data-jump="${at}">${frame}<p class="title"><span class="sr">${jump} </span>${title}</p></a></li>`
  })
  return html`<section class="shots" id="shots" data-aspect="${request.aspect}"><h2>${text(locale, 'job.shots')}</h2>
<ol>${cards}</ol></section>`
}

function picture(
  { job, segments, locale }: JobState,
  i: number,
  mark: ShotMark,
  { width, height }: { width: number; height: number },
): Html {
  const blank = html`<svg viewBox="0 0 ${width} ${height}" aria-hidden="true" focusable="false"></svg>`
  if (job.film !== null) return cellOfSheet(`/jobs/${job.id}/sheet.jpg`, job.film, i)
  // the film is there a moment after its last segment, of which no frame is written: nothing opens on it
  const last = i === segments.length - 1
  if (last || mark !== 'done' || job.status === 'cancelled' || isFilmExpired(job)) return blank
  const alt = text(locale, 'job.shot_frame', { segment: i + 1 })
  return html`${blank}<img src="/jobs/${job.id}/frames/${i + 1}.jpg" alt="${alt}" width="${width}" height="${height}" loading="lazy" data-optional>`
}

/** One frame of the contact sheet: a picture for all segments is fetched once. */
function cellOfSheet(sheet: string, film: Film, row: number): Html {
  const [w, h] = cellSize(film)
  const [x, y] = [SHEET.gap + CHOSEN * (w + SHEET.gap), SHEET.gap + row * (h + SHEET.gap)]
  const rows = (film.check?.seams.length ?? row) + 1
  const width = SHEET.gap + SHEET.framesARow * (w + SHEET.gap)
  const height = SHEET.gap + rows * (h + SHEET.gap)
  return html`<svg viewBox="${x} ${y} ${w} ${h}" aria-hidden="true" focusable="false"><image href="${sheet}" width="${width}" height="${height}" preserveAspectRatio="xMinYMin meet"/></svg>`
}

function cellSize({ width, height }: Film): [number, number] {
  const even = (side: number) => 2 * Math.round(side / 2)
  return width >= height
    ? [SHEET.cell, even((SHEET.cell * height) / width)]
    : [even((SHEET.cell * width) / height), SHEET.cell]
}
