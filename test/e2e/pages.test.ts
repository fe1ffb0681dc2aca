import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { LOCALES, type Locale } from '../../src/core/request.ts'
import { text } from '../../src/i18n/index.ts'
import { startChromium } from '../support/browser.ts'
import { makePicture } from '../support/film.ts'
import { only, PROMPT, startServices } from '../support/services.ts'
import { startSite } from '../support/site.ts'
import { until } from '../support/until.ts'

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core'), 'utf8')

const PHONE = { width: 390, height: 844 }
const DESKTOP = { width: 1280, height: 800 }
const JOB_PAGE = /\/jobs\/[0-9a-f-]{36}$/

const browser = await startChromium()
afterAll(() => browser.close())

const services = await startServices(afterAll, { database: false })
const env = only(services.env, 'FAL', 'MEDIA', 'OPENAI')
const site = await startSite(afterAll, { ...env, JOBS_PER_HOUR: '100' })

/** Opens a page as a person would, and remembers what its console complained of. */
async function open(path: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-US', ...options })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await page.goto(new URL(path, site.url).href)
  return { page, complaints }
}

/** What axe finds that keeps people out. */
async function barriers(page: Page): Promise<string[]> {
  // by the debugger's way: the page's own policy lets no script in that isn't the server's
  const { violations } = (await page.evaluate(`${AXE}; axe.run(document)`)) as AxeResults
  return violations
    .filter(({ impact }) => impact !== 'minor')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

const tooWide = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth)

async function fillIn(page: Page, prompt = PROMPT) {
  await page.locator('textarea').fill(prompt)
  await page.locator('input[name="segments"][value="2"]').check({ force: true })
  await page.locator('input[name="seconds"][value="4"]').check({ force: true })
}

const send = (page: Page, locale: Locale) =>
  page.getByRole('button', { name: text(locale, 'form.send') }).click()

/** A finished film's page, by the form. */
async function madeFilm(): Promise<string> {
  const { page } = await open('/')
  await fillIn(page)
  await send(page, 'en')
  await page.locator('video').waitFor({ timeout: 60_000 })
  return page.url()
}

describe.each(LOCALES)('in %s', (locale) => {
  test.each([
    { width: 'a phone', viewport: PHONE, colorScheme: 'dark' as const },
    { width: 'a desktop', viewport: DESKTOP, colorScheme: 'light' as const },
  ])(
    'a film is asked for, watched while it is made, and played, on $width',
    async ({ viewport, colorScheme }) => {
      const options = { viewport, colorScheme, locale: locale === 'ko' ? 'ko-KR' : 'en-US' }
      const { page, complaints } = await open('/', options)
      expect(await page.locator('html').getAttribute('lang')).toBe(locale)
      await fillIn(page)
      expect(await page.locator('[data-value="price"]').textContent()).toBe(
        text(locale, 'form.price_value', { usd: '0.80' }),
      )
      expect(await barriers(page)).toEqual([])
      expect(await tooWide(page)).toBe(0)

      const hold = services.fal.hold('status')
      await send(page, locale)
      await page.waitForURL(JOB_PAGE)
      await page.evaluate(() => Object.assign(window, { sameDocument: true }))
      await until('the first segment', () => page.locator('li[data-mark="working"]').count())
      expect(await barriers(page)).toEqual([])
      expect(await tooWide(page)).toBe(0)
      hold.release()

      const video = page.locator('video')
      await video.waitFor({ timeout: 60_000 })
      expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true)
      const played = await video.evaluate(async (film: HTMLVideoElement) => {
        await film.play()
        while (film.currentTime < 0.3) await new Promise(requestAnimationFrame)
        return { width: film.videoWidth, seconds: film.duration }
      })
      expect(played.width).toBe(256)
      expect(played.seconds).toBeGreaterThan(0.9)
      expect(await page.locator('h1').textContent()).toBe('Rain')
      expect(await page.locator('.state').textContent()).toBe(text(locale, 'status.completed'))
      expect(await barriers(page)).toEqual([])
      expect(await tooWide(page)).toBe(0)

      await page.goto(`${site.url}/jobs`)
      expect(await barriers(page)).toEqual([])
      expect(await page.locator('.films > li').count()).toBeGreaterThan(0)
      expect(complaints).toEqual([])
    },
  )
})

test('what a model can’t do can’t be chosen, and what was chosen of it is changed with a word', async () => {
  const { page } = await open('/')
  await page.locator('input[name="resolution"][value="1080p"]').check({ force: true })
  await page.locator('#model').selectOption('seedance-2.0-mini')
  expect(await page.locator('input[name="resolution"][value="1080p"]').isDisabled()).toBe(true)
  expect(await page.locator('input[name="resolution"][value="720p"]').isChecked()).toBe(true)
  expect(await page.locator('[data-adjustment]').textContent()).toContain('1080p → 720p')
  expect(await page.locator('[data-value="size"]').textContent()).toBe('1280 × 720')
})

test('what is wrong is said at its field, with all that was written kept', async () => {
  const { page } = await open('/')
  await fillIn(page, 'x'.repeat(501))
  expect(await page.locator('[data-count]').textContent()).toContain('501')
  await send(page, 'en')
  await page.getByRole('alert').first().waitFor()
  expect(await page.locator('#prompt-wrong').textContent()).toContain('501')
  expect(await page.locator('textarea').inputValue()).toBe('x'.repeat(501))
  expect(await page.locator('input[name="segments"][value="2"]').isChecked()).toBe(true)
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('prompt')
  expect(await barriers(page)).toEqual([])
})

test('without a script a film is priced, asked for, followed and found', async () => {
  const { page } = await open('/', { javaScriptEnabled: false })
  await fillIn(page)
  await page.getByRole('button', { name: text('en', 'form.check_price') }).click()
  expect(await page.locator('[data-value="price"]').textContent()).toContain('0.80')
  await send(page, 'en')
  await page.waitForURL(JOB_PAGE)
  // the page asks for itself every few seconds
  await page.locator('video').waitFor({ timeout: 60_000 })
  await page.goto(`${site.url}/jobs`)
  expect(await page.locator('.films > li').first().textContent()).toContain('Rain')
})

test('a film that is being made is cancelled after a second word', async () => {
  const hold = services.fal.hold('status')
  const { page } = await open('/')
  await fillIn(page)
  await send(page, 'en')
  await page.waitForURL(JOB_PAGE)
  await until('the first segment', () => page.locator('li[data-mark="working"]').count())
  await page.getByText(text('en', 'job.cancel'), { exact: true }).click()
  await page.getByRole('button', { name: text('en', 'job.cancel_yes') }).click()
  await until(
    'the end',
    async () => (await page.locator('.state').textContent()) === text('en', 'status.cancelled'),
  )
  hold.release()
})

test('a link shows the film to anybody until it expires, and a guess shows nothing', async () => {
  const id = (await madeFilm()).slice(-36)
  const { page, complaints } = await open(await site.shared(id, 60))
  const seconds = await page.locator('video').evaluate(async (film: HTMLVideoElement) => {
    await film.play()
    return film.duration
  })
  expect(seconds).toBeGreaterThan(0.9)
  expect(await page.locator('main').textContent()).not.toContain(PROMPT)
  expect(await barriers(page)).toEqual([])
  expect(complaints).toEqual([])

  const expired = await fetch(await site.shared(id, -1))
  expect(expired.status).toBe(410)
  expect(await expired.text()).toContain('7')
  const guessed = (await site.shared(id, 60)).replace(/signature=..../, 'signature=AAAA')
  for (const path of [guessed, guessed.replace('?', '/film.mp4?'), `/v/${id}`, `/v/${id}/film.mp4`]) {
    expect((await fetch(new URL(path, site.url))).status).toBe(404)
  }
})

test('a form that is sent twice makes one film', async () => {
  const form = () => {
    const data = new FormData()
    for (const [name, value] of Object.entries({
      key: 'same',
      prompt: PROMPT,
      segments: '2',
      seconds: '4',
    })) {
      data.set(name, value)
    }
    return fetch(site.url, { method: 'POST', body: data, redirect: 'manual', headers: { origin: site.url } })
  }
  const before = services.fal.accepted.length
  const [first, second] = [await form(), await form()]
  expect(first.status).toBe(303)
  const address = new URL(first.headers.get('location') ?? '', site.url)
  expect(new URL(second.headers.get('location') ?? '', site.url)).toEqual(address)
  await until('the film', async () => (await (await fetch(address)).text()).includes('<video'), {
    seconds: 60,
  })
  expect(services.fal.accepted.length).toBe(before + 2)
})

test('another site can’t send the form, and nothing else that a page can’t do ends without a word', async () => {
  const headers = { origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' }
  for (const path of ['/', '/link', '/jobs/none/cancel']) {
    const answer = await fetch(`${site.url}${path}`, { method: 'POST', headers, body: 'prompt=x' })
    expect([path, answer.status]).toEqual([path, 403])
  }
  const asked = {
    accept: 'text/html',
    'accept-language': 'en',
    'content-type': 'multipart/form-data; boundary=x',
  }
  const body = Buffer.alloc(30_000_000, 97)
  const long = await fetch(site.url, { method: 'POST', headers: { ...asked, origin: site.url }, body })
  expect(long.status).toBe(413)
  expect(await long.text()).toContain(text('en', 'error.body_too_large', { max: 21 }).slice(0, 20))
  const { page } = await open('/jobs/none')
  expect(await page.locator('h1').textContent()).toBe(text('en', 'lost.title'))
  expect(await barriers(page)).toEqual([])
})

test('a film that failed says why, and goes on from the segment that failed', async () => {
  const detail = [{ loc: ['body', 'prompt'], msg: 'no faces', type: 'content_policy_violation' }]
  services.fal.outcomes.push({ steps: [] }, { steps: [], answer: { status: 422, body: { detail } } })
  const { page } = await open('/')
  await fillIn(page)
  await send(page, 'en')
  const retry = page.getByRole('button', { name: text('en', 'job.retry') })
  await retry.waitFor({ timeout: 60_000 })
  expect(await page.locator('[data-said]').textContent()).toContain('no faces')
  const marks = () => page.locator('.shots li').evaluateAll((items) => items.map((item) => item.dataset.mark))
  expect(await marks()).toEqual(['done', 'failed'])
  expect(await barriers(page)).toEqual([])
  const paid = services.paid()
  await retry.click()
  await page.locator('video').waitFor({ timeout: 60_000 })
  expect(services.paid()).toEqual([paid[0], (paid[1] ?? 0) + 1])
})

test('a film opens on a picture that was chosen, and another kind of file is refused beside its field', async () => {
  const { page } = await open('/')
  await fillIn(page)
  const notes = { name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no picture') }
  await page.locator('input[type="file"]').setInputFiles(notes)
  await send(page, 'en')
  await page.locator('#image-wrong').waitFor()
  const picture = await makePicture(`${services.machine.folder}/opening.png`, 640, 360)
  await page.locator('input[type="file"]').setInputFiles(picture)
  await page.locator('[data-picture]').waitFor()
  await send(page, 'en')
  await page.locator('video').waitFor({ timeout: 60_000 })
  expect(services.fal.accepted.at(-2)?.input).toMatchObject({ image_url: expect.any(String) })
})

test('a code that no chat gave is refused at its field, and one in the address is never filled in', async () => {
  const { page } = await open('/link?code=AAAA-AAAA')
  expect(await page.locator('#one').inputValue()).toBe('')
  expect(await barriers(page)).toEqual([])
  await page.locator('#one').fill('AAAA-AAAA')
  await page.getByRole('button', { name: text('en', 'connect.send') }).click()
  await page.getByRole('alert').waitFor()
  expect(await page.locator('#one').inputValue()).toBe('AAAA-AAAA')
  expect(await barriers(page)).toEqual([])
})
