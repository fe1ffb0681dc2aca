import { html } from 'hono/html'
import type { ErrorDetail } from '../../core/errors.ts'
import type { Locale } from '../../core/request.ts'
import { errorText, text } from '../../i18n/index.ts'
import type { Content } from './frame.ts'

/** A page that says one thing, and where to go from there. */
export function messagePage(about: {
  title: string
  about: string
  link?: { href: string; label: string }
}): Content {
  const { title, link } = about
  return {
    title,
    body: html`<div class="message"><h1>${title}</h1><p>${about.about}</p>
${link === undefined ? '' : html`<a class="primary" href="${link.href}">${link.label}</a>`}</div>`,
  }
}

/** There is no such page, or it is somebody else's. */
export function lostPage(locale: Locale): Content {
  const link = { href: '/', label: text(locale, 'lost.home') }
  return messagePage({ title: text(locale, 'lost.title'), about: text(locale, 'lost.about'), link })
}

/** Something of ours went wrong. */
export function brokenPage(locale: Locale): Content {
  return messagePage({ title: text(locale, 'broken.title'), about: text(locale, 'broken.about') })
}

/** What was asked for was not done, and why. */
export function refusedPage(locale: Locale, error: ErrorDetail): Content {
  const link = { href: '/', label: text(locale, 'lost.home') }
  return messagePage({ title: text(locale, 'refused.title'), about: errorText(error, locale), link })
}
