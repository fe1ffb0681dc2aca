import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { startChromium } from '../test/support/browser.ts'
import { MAIN, newMachine } from '../test/support/cli.ts'
import { until } from '../test/support/until.ts'
import { startWeb } from '../test/support/web.ts'

/**
 * Pictures of the pages for the README, of the program as `npm start` starts it with nothing configured: docs/images/web-*.jpg.
 * `npm run bench:pages`, where "Noto Sans CJK KR" is installed.
 */

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url))
const PROMPT = 'A drive through a city of the future, neon on wet asphalt, one long take'
const DESKTOP = { viewport: { width: 1280, height: 800 }, locale: 'en-US' }
const PHONE = { viewport: { width: 390, height: 844 }, locale: 'ko-KR', colorScheme: 'dark' as const }

// the system's fonts, not those of the package, which have no Hangul
process.env.FONTCONFIG_PATH = '/etc/fonts'
const machine = await newMachine(MAIN)
const browser = await startChromium()
try {
  const { address } = await startWeb(machine, { PUBLIC_URL: 'https://films.example.com' })
  const page = await open(`${address}/`, DESKTOP)
  await page.locator('textarea').fill(PROMPT)
  await page.locator('input[name="segments"][value="4"]').check({ force: true })
  await page.locator('input[name="seconds"][value="4"]').check({ force: true })
  await picture(page, 'form')
  await page.locator('[data-send]').click()
  await until('two segments', async () => (await page.locator('li[data-mark="done"] img').count()) === 2, {
    seconds: 120,
  })
  await picture(page, 'making')
  await showFilm(page)
  await picture(page, 'film')
  const phone = await open(page.url(), PHONE)
  await showFilm(phone)
  await picture(phone, 'phone')
} finally {
  await browser.close()
  await machine.remove()
}

async function open(url: string, options: BrowserContextOptions): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage()
  await page.goto(url)
  return page
}

/** Waits for the film, and stops it at a moment that is worth to be seen. */
async function showFilm(page: Page): Promise<void> {
  const video = page.locator('video')
  await video.waitFor({ timeout: 240_000 })
  await video.evaluate(async (film: HTMLVideoElement) => {
    film.currentTime = 12
    await new Promise((shown) => film.addEventListener('seeked', shown, { once: true }))
  })
  await page.evaluate(async () => {
    const sheet = new Image()
    sheet.src = document.querySelector('.shots image')?.getAttribute('href') ?? ''
    await sheet.decode()
  })
  // the player's own signs, such as that it loads
  await page.waitForTimeout(1000)
}

async function picture(page: Page, name: string): Promise<void> {
  await page.evaluate(() => Promise.allSettled(Array.from(document.images, (image) => image.decode())))
  await page.screenshot({ path: `${IMAGES}web-${name}.jpg`, type: 'jpeg', quality: 85, fullPage: true })
}
