import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { renderCard, type Spoken } from '../src/bot/discord/render.ts'
import { renderCard as renderSlackCard, type SlackMessage } from '../src/bot/slack/render.ts'
import { type CardState, cardView } from '../src/bot/view.ts'
import type { ChatName } from '../src/core/card.ts'
import type { JobChange } from '../src/core/event.ts'
import { eventsOf, FILM, job, MODEL, START, segments } from '../test/bot/support.ts'

/**
 * Pictures of the chats' cards in each state, laid out from the very payload that is sent: docs/images/discord-*.png, slack-*.png.
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

function stateOf(chat: ChatName, { changes, about }: Scene): CardState {
  return {
    chat,
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
}

function discordPayload(scene: Scene): Spoken {
  return renderCard(cardView(stateOf('discord', scene)), scene.frame === null ? null : MEDIA)
}

function slackPayload(scene: Scene): SlackMessage {
  return renderSlackCard(cardView(stateOf('slack', scene)), 'plan', scene.frame === null ? null : 'F12345678')
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

/** The parts of a block that this page lays out. */
interface Block {
  type: string
  text?: { type: string; text: string } | string
  fields?: { text: string }[]
  elements?: Block[]
  title?: string
  tasks?: { title: string; status: string }[]
  style?: string
}

const TASKS: Readonly<Record<string, string>> = {
  complete: '<i style="background:#2bac76">✓</i>',
  in_progress: '<i class="turning"></i>',
  pending: '<i style="color:#ababad">○</i>',
  error: '<i style="background:#e01e5a">!</i>',
}

function slackHtml(block: Block, frame: number | null): string {
  const text = typeof block.text === 'object' ? block.text.text : (block.text ?? '')
  switch (block.type) {
    case 'header':
      return `<h3>${text}</h3>`
    case 'section':
      return block.fields
        ? `<dl>${block.fields.map((field) => `<div>${slackLines(field.text)}</div>`).join('')}</dl>`
        : `<section>${slackLines(text)}</section>`
    case 'image':
      return `<figure style="background-position:-971px -${8 + 181 * ((frame ?? 1) - 1)}px"></figure>`
    case 'plan': {
      const tasks = (block.tasks ?? []).map(({ title, status }) => `<li>${TASKS[status]} ${title}</li>`)
      return `<section class="plan"><b>${block.title}</b><ul>${tasks.join('')}</ul></section>`
    }
    case 'context':
      return `<small>${(block.elements ?? []).map((one) => String(one.text)).join('<br>')}</small>`
    case 'actions':
      return `<nav>${(block.elements ?? []).map((inner) => slackHtml(inner, frame)).join('')}</nav>`
    case 'button':
      return `<button class="${block.style ?? ''}">${text}</button>`
    default:
      throw new Error(`no layout for a block of type ${block.type}`)
  }
}

function slackLines(text: string): string {
  return text
    .replace(/<!date\^(\d+)\^[^>]*>/g, (_, seconds) => distance(Number(seconds) * 1000 - NOW))
    .replace(/\*(.+?)\*/g, '<b>$1</b>')
    .replaceAll('\n', '<br>')
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

const SLACK_STYLE = `
  body { margin: 0; background: #fff; color: #1d1c1d; font: 400 15px/1.46 "Noto Sans CJK KR", sans-serif }
  main { display: inline-block; padding: 16px }
  article { width: 480px; display: flex; flex-direction: column; gap: 10px }
  h3 { margin: 0; font-size: 18px; font-weight: 700 }
  b { font-weight: 700 }
  dl { margin: 0; display: grid; grid-template-columns: 1fr 1fr; gap: 8px }
  small { font-size: 12px; color: #616061 }
  ul { list-style: none; margin: 6px 0 0; padding: 0; display: flex; flex-direction: column; gap: 4px }
  .plan { border: 1px solid #dddddd; border-radius: 8px; padding: 10px 12px }
  i { display: inline-block; width: 18px; border-radius: 9px; color: white; font-style: normal; font-size: 12px;
    line-height: 18px; text-align: center; margin-right: 4px }
  .turning { box-sizing: border-box; height: 14px; width: 14px; margin: 0 6px 0 2px; border: 2px solid #1264a3;
    border-right-color: transparent; vertical-align: -2px }
  figure { margin: 0; width: 313px; height: 173px; border-radius: 8px; background: url(SHEET) }
  nav { display: flex; gap: 8px }
  button { border: 1px solid #c8c8c8; border-radius: 4px; padding: 5px 12px; background: white; color: #1d1c1d;
    font: 700 13px "Noto Sans CJK KR", sans-serif }
  .danger { background: #e01e5a; color: white; border: 0 } .primary { background: #007a5a; color: white; border: 0 }
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
  const { components }: { components: Part[] } = JSON.parse(JSON.stringify(discordPayload(scene)))
  await draw(`discord-${name}`, STYLE, components.map((part) => html(part, scene.frame)).join(''))
  const { blocks }: { blocks: Block[] } = JSON.parse(JSON.stringify(slackPayload(scene)))
  const card = blocks.map((block) => slackHtml(block, scene.frame)).join('')
  await draw(`slack-${name}`, SLACK_STYLE, `<article>${card}</article>`)
}
await browser.close()

async function draw(name: string, css: string, card: string): Promise<void> {
  const style = css.replace('SHEET', `data:image/jpeg;base64,${sheet}`)
  await page.setContent(`<!doctype html><style>${style}</style><main>${card}</main>`)
  await writeFile(`${IMAGES}${name}.png`, await page.locator('main').screenshot())
  console.log(`docs/images/${name}.png`)
}
