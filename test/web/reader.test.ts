import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { keepLocale, readerLocale } from '../../src/web/pages/reader.ts'

const app = new Hono().get('/', (c) => {
  keepLocale(c)
  return c.text(readerLocale(c, 'ko'))
})

test.each([
  [undefined, 'ko'],
  ['', 'ko'],
  ['en', 'en'],
  ['en-GB,en;q=0.9', 'en'],
  ['fr-FR, ko;q=0.4, en;q=0.7', 'en'],
  ['ko-KR,ko;q=0.9,en-US;q=0.8', 'ko'],
  ['en;q=0, ko', 'ko'],
  ['fr, *', 'ko'],
  ['EN', 'en'],
  [';;;q=,,x', 'ko'],
])('a browser that asks for “%s” is answered in %s', async (header, locale) => {
  const headers: HeadersInit = header === undefined ? {} : { 'accept-language': header }
  expect(await (await app.request('/', { headers })).text()).toBe(locale)
})

test('a language that was chosen on a page is kept, and no other value is', async () => {
  const chosen = await app.request('/?lang=en', { headers: { 'accept-language': 'ko' } })
  expect(await chosen.text()).toBe('en')
  const cookie = chosen.headers.get('set-cookie')?.split(';')[0] ?? ''
  expect(await (await app.request('/', { headers: { cookie, 'accept-language': 'ko' } })).text()).toBe('en')
  const strange = await app.request('/?lang=%3Cscript%3E')
  expect(strange.headers.get('set-cookie')).toBeNull()
  expect(await strange.text()).toBe('ko')
})
