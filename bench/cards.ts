import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { renderCard, type Spoken } from '../src/bot/discord/render.ts'
import { type CardState, cardView } from '../src/bot/view.ts'
import type { JobChange } from '../src/core/event.ts'
import { eventsOf, FILM, job, MODEL, START, segments } from '../test/bot/support.ts'

/**
 * Pictures of Discord's card in each state, laid out from the very payload that is sent: docs/images/discord-*.png.
 * `npm run bench:cards`, where "Noto Sans CJK KR" is installed. Emoji are drawn by this page, which has no font for them.
 */

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url))

/** Where a moment is shown from: the pictures have to be the same each time. */
const NOW = START + 260_000

const STARTED: JobChange = { type: 'segment_started', segment: 2, of: 4, title: '고가도로' }
const SOME = segments('stored', 'submitted', 'planned', 'planned')
const ALL = segments('stored', 'stored', 'stored', 'stored')
const MEDIA = { kind: 'picture', name: 'frame.jpg', data: Buffer.alloc(0) } as const

interface Scene {
  changes: readonly JobChange[]
  about?: Partial<CardState>
  /** The segment whose last frame is shown; null: none. */
  frame: number | null
}

const SCENES: Record<string, Scene> = {
  queued: { changes: [], frame: null },
  planning: { changes: [{ type: 'planning' }], frame: null },
  generating: { changes: [{ type: 'planning' }, STARTED], about: { segments: SOME }, frame: 1 },
  merging: { changes: [{ type: 'planning' }, { type: 'merging' }], about: { segments: ALL }, frame: 3 },
  completed: {
    changes: [{ type: 'planning' }, { type: 'completed', film: FILM }],
    about: { segments: ALL, film: 'attached', link: 'https://example.supabase.co/film.mp4' },
    frame: 3,
  },
  failed: {
    changes: [
      { type: 'planning' },
      { type: 'failed', error: { code: 'render_policy', data: { segment: 3, reason: 'content policy' } } },
    ],
    about: { segments: segments('stored', 'stored', 'planned', 'planned') },
    frame: 2,
  },
  cancelled: {
    changes: [{ type: 'planning' }, { type: 'cancelled' }],
    about: { segments: SOME },
    frame: null,
  },
}

function payloadOf({ changes, about, frame }: Scene): Spoken {
  const state: CardState = {
    chat: 'discord',
    job: job({ title: changes.length > 1 ? '네온 드라이브' : null }),
    segments: [],
    events: eventsOf([{ type: 'queued' }, ...changes], 130),
    model: MODEL,
    usualSeconds: 90,
    link: null,
    film: 'absent',
    lastWords: false,
    now: new Date(NOW),
    ...about,
  }
  return renderCard(cardView(state), frame === null ? null : MEDIA)
}

/** The parts of a component that this page lays out. */
interface Part {
  type: number
  content?: string
  accent_color?: number
  components?: Part[]
  label?: string
  style?: number
}

function html(part: Part, frame: number | null): string {
  const inside = () => (part.components ?? []).map((inner) => html(inner, frame)).join('')
  switch (part.type) {
    case 17:
      return `<article style="border-color:#${(part.accent_color ?? 0).toString(16).padStart(6, '0')}">${inside()}</article>`
    case 10:
      return `<section>${(part.content ?? '').split('\n').map(lineHtml).join('')}</section>`
    case 12:
      return `<figure style="background-position:-971px -${8 + 181 * ((frame ?? 1) - 1)}px"></figure>`
    case 1:
      return `<nav>${inside()}</nav>`
    case 2:
      return `<button class="style-${part.style}">${part.label}${part.style === 5 ? ' ↗' : ''}</button>`
    default:
      throw new Error(`no layout for a component of type ${part.type}`)
  }
}

/** A line of the markdown that our cards are written in. */
function lineHtml(line: string): string {
  const [, mark = '', rest = line] = /^(### |> |-# )(.*)$/.exec(line) ?? []
  const tag = { '### ': 'h3', '> ': 'blockquote', '-# ': 'small', '': 'p' }[mark]
  const shown = rest
    .replace(/&/g, '&amp;')
    .replace(/<t:(\d+):R>/g, (_, seconds) => `<time>${distance(Number(seconds) * 1000 - NOW)}</time>`)
    .replace(/<(?!\/?time>)/g, '&lt;')
    .replace(/\*\*(.+?)\*\*/g, '<b>$1</b>')
    .replace(/\\([^0-9A-Za-z\s])/g, '$1')
    .replace(/✅|🎬|❌|▫️|▪️|⚠️/gu, (emoji) => EMOJI[emoji] ?? emoji)
  return `<${tag}>${shown}</${tag}>`
}

function distance(ms: number): string {
  const format = new Intl.RelativeTimeFormat('ko')
  return Math.abs(ms) < 60_000
    ? format.format(Math.round(ms / 1000), 'second')
    : format.format(Math.round(ms / 60_000), 'minute')
}

const EMOJI: Readonly<Record<string, string>> = {
  '✅': '<i style="background:#77b255">✓</i>',
  '🎬': '<i style="background:#3f4147">▶</i>',
  '❌': '<i style="color:#dd2e44">✕</i>',
  '▫️': '<i style="color:#ccd6dd">▫</i>',
  '▪️': '<i style="color:#6d6f78">▪</i>',
  '⚠️': '<i style="color:#ffcc4d">▲</i>',
}

const STYLE = `
  body { margin: 0; background: #313338; color: #dbdee1; font: 400 15px/1.4 "Noto Sans CJK KR", sans-serif }
  main { display: inline-block; padding: 16px }
  article { box-sizing: border-box; width: 464px; padding: 14px 16px; border-left: 4px solid; border-radius: 8px;
    background: #2b2d31; display: flex; flex-direction: column; gap: 10px }
  h3, p, blockquote, small { display: block; margin: 0; font-weight: 400 }
  h3 { font-size: 18px; font-weight: 700; color: #f2f3f5; margin-bottom: 4px }
  b { font-weight: 700; color: #f2f3f5 }
  blockquote { border-left: 4px solid #4e5058; padding-left: 10px; border-radius: 2px }
  small { font-size: 12px; color: #949ba4 }
  time { background: #3f4147; border-radius: 3px; padding: 0 3px }
  i { display: inline-block; width: 18px; border-radius: 4px; color: white; font-style: normal; font-size: 13px;
    line-height: 18px; text-align: center }
  figure { margin: 0; width: 313px; height: 173px; border-radius: 8px; background: url(SHEET) }
  nav { display: flex; gap: 8px }
  button { border: 0; border-radius: 8px; padding: 7px 14px; color: white; font: inherit; font-size: 14px; background: #5865f2 }
  .style-4 { background: #da373c } .style-5 { background: #4e5058 }
`

process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs22.x'
// the system's fonts, not those of the package, which have no Hangul
process.env.FONTCONFIG_PATH = '/etc/fonts'
const { default: packaged } = await import('@sparticuz/chromium')
const browser = await chromium.launch({
  executablePath: await packaged.executablePath(),
  args: ['--no-sandbox', '--disable-gpu'],
})
const page = await browser.newPage()
const sheet = await readFile(`${IMAGES}first-film.jpg`, 'base64')
for (const [name, scene] of Object.entries(SCENES)) {
  const { components }: { components: Part[] } = JSON.parse(JSON.stringify(payloadOf(scene)))
  const card = components.map((part) => html(part, scene.frame)).join('')
  const style = STYLE.replace('SHEET', `data:image/jpeg;base64,${sheet}`)
  await page.setContent(`<!doctype html><style>${style}</style><main>${card}</main>`)
  await writeFile(`${IMAGES}discord-${name}.png`, await page.locator('main').screenshot())
  console.log(`docs/images/discord-${name}.png`)
}
await browser.close()
