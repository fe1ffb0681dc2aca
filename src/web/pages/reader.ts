import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { LOCALES, type Locale } from '../../core/request.ts'

const COOKIE = 'lang'
const YEAR_SECONDS = 365 * 24 * 3600

/** The language that somebody has chosen on a page, else the best that their browser asks for, else the operator's. */
export function readerLocale(c: Context, otherwise: Locale): Locale {
  const known = (given: string | undefined) => LOCALES.find((locale) => locale === given)
  return (
    known(c.req.query('lang')) ??
    known(getCookie(c, COOKIE)) ??
    acceptedLocale(c.req.header('accept-language')) ??
    otherwise
  )
}

/** Keeps a language that was chosen by a link. */
export function keepLocale(c: Context): void {
  const chosen = LOCALES.find((locale) => locale === c.req.query('lang'))
  if (chosen === undefined) return
  setCookie(c, COOKIE, chosen, { path: '/', maxAge: YEAR_SECONDS, sameSite: 'Lax', httpOnly: true })
}

/** The best of our languages that an `Accept-Language` names; null where it names none. */
function acceptedLocale(header: string | undefined): Locale | null {
  const wishes = (header ?? '').split(',').map((part) => {
    const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
    const quality = parameters.map((one) => /^\s*q=([\d.]+)\s*$/.exec(one)?.[1]).find(Boolean)
    return { language: tag.split('-')[0], quality: quality === undefined ? 1 : Number(quality) }
  })
  const best = wishes.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality)
  for (const { language } of best) {
    const locale = LOCALES.find((one) => one === language)
    if (locale !== undefined) return locale
  }
  return null
}
