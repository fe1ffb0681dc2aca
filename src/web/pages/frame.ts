import { html } from 'hono/html'
import { LOCALES, type Locale } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import type { AssetLinks } from '../assets.ts'

/** A piece of a page, escaped. */
export type Html = ReturnType<typeof html>

/** What every page stands in. */
export interface Frame {
  locale: Locale
  /** The page's own address on this server, for the same page in the other language. */
  path: string
  assets: AssetLinks
  /** Who sees it: `guest` is nobody in particular, `operator` needs no signing in. */
  person: { kind: 'guest' } | { kind: 'operator' } | { kind: 'member'; email: string | null }
}

/** What is in a page. */
export interface Content {
  title: string
  body: Html
  /** Without the script, the page is loaded anew after so many seconds. */
  refresh?: number
}

/** A whole document. */
export function page(frame: Frame, { title, body, refresh }: Content): Html {
  const { locale, assets } = frame
  return html`<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<title>${title} · Sora Extend</title>
<meta name="description" content="${text(locale, 'page.about')}">
<link rel="icon" href="${assets.icon}" type="image/svg+xml">
${assets.styles.map((style) => html`<link rel="stylesheet" href="${style}">`)}
<script type="module" src="${assets.script}"></script>
${refresh === undefined ? '' : html`<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`}
</head>
<body>
<a class="skip" href="#content">${text(locale, 'page.skip')}</a>
${header(frame)}
<main id="content" tabindex="-1">
${body}
</main>
${footer(frame)}
</body>
</html>`
}

function header(frame: Frame): Html {
  const { locale, person } = frame
  const links = [
    { href: '/', label: text(locale, 'page.new') },
    { href: '/jobs', label: text(locale, 'page.jobs') },
    ...(person.kind === 'member' ? [{ href: '/link', label: text(locale, 'page.link_chat') }] : []),
  ]
  return html`<header class="top">
<a class="brand" href="/">${mark()}<span>Sora Extend</span></a>
${
  person.kind === 'guest'
    ? ''
    : html`<nav aria-label="${text(locale, 'page.menu')}">${links.map(
        ({ href, label }) =>
          html`<a href="${href}"${here(frame, href) ? html` aria-current="page"` : ''}>${label}</a>`,
      )}</nav>`
}
<div class="aside">${languages(frame)}${account(frame)}</div>
</header>`
}

function here({ path }: Frame, href: string): boolean {
  return path.split('?')[0] === href
}

function languages({ locale, path }: Frame): Html {
  const address = new URL(path, 'http://here')
  return html`<div class="languages" role="group" aria-label="${text(locale, 'page.language')}">${LOCALES.map(
    (other) => {
      address.searchParams.set('lang', other)
      const name = NAMES[other]
      return other === locale
        ? html`<span aria-current="true" lang="${other}">${name}</span>`
        : html`<a href="${address.pathname}${address.search}" hreflang="${other}" lang="${other}">${name}</a>`
    },
  )}</div>`
}

const NAMES: Record<Locale, string> = { ko: '한국어', en: 'English' }

function account({ locale, person }: Frame): Html | '' {
  if (person.kind !== 'member') return ''
  return html`<form method="post" action="/sign-out">
<button class="quiet"${person.email === null ? '' : html` title="${person.email}"`}>${text(locale, 'page.sign_out')}</button>
</form>`
}

function footer({ locale }: Frame): Html {
  return html`<footer class="bottom">
<p>${text(locale, 'page.generated')}</p>
<a href="/api/openapi.json">${text(locale, 'page.api')}</a>
</footer>`
}

/** Three segments that become one. */
function mark(): Html {
  return html`<svg class="mark" viewBox="0 0 32 20" aria-hidden="true" focusable="false">
<rect class="dawn-1" x="0" y="2" width="8" height="16" rx="3"/><rect class="dawn-2" x="10" y="2" width="10" height="16"/><path class="dawn-3" d="M20 2h9a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3h-9z"/>
</svg>`
}
