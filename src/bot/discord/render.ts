import {
  type APIButtonComponent,
  type APIComponentInContainer,
  type APIMessageTopLevelComponent,
  ButtonStyle,
  ComponentType,
  MessageFlags,
  type RESTPostAPIChannelMessageJSONBody,
} from 'discord.js'
import type { AnswerView } from '../answer.ts'
import type { CardMedia } from '../platform.ts'
import { MARKS, progressBar } from '../signs.ts'
import type { Button, CardView, Fact, NoticeView } from '../view.ts'
import { cut, escaped, escapedLine } from './escape.ts'

/** A message of Discord's second kind of components. */
export interface Spoken {
  flags: MessageFlags.IsComponentsV2
  components: APIMessageTopLevelComponent[]
}

/** A card, as its message is edited: it mentions nobody, and has no file but the one that is sent with it. */
export interface CardPayload extends Spoken {
  allowed_mentions: { parse: [] }
  attachments: { id: number; filename: string }[]
}

/** What Discord takes at the most, in UTF-16 units. docs.discord.com/developers/components/reference */
const LIMITS = { text: 4000, content: 2000, buttonUrl: 512, buttonLabel: 80, altText: 1024 }

/** A longer link is left out: no text would be left beside it. Those of the stores have some hundred characters. */
const LINK_MAX = 1500

/** What each part of a card may take, escapes included, so that all of it fits beside a link; notes and prompt get what is left. */
const PARTS = { title: 240, detail: 400, shot: 80, fact: 120, note: 300, notes: 900, prompt: 40 }

const COLOURS: Record<CardView['tone'], number> = {
  working: 0x5865f2,
  done: 0x57f287,
  failed: 0xed4245,
  cancelled: 0x80848e,
}

/** A card as a message. The film or picture goes with it under the name of `media`. */
export function renderCard(view: CardView, media: CardMedia | null): CardPayload {
  const title = view.title === null ? '' : `### ${escapedLine(view.title, PARTS.title)}\n`
  const parts = [
    stateText(view),
    view.shots.map(({ mark, title }, i) => `${MARKS[mark]} ${i + 1}. ${escapedLine(title, PARTS.shot)}`),
    view.facts.map(factText),
    linkTexts(view.buttons),
  ].map((lines) => lines.join('\n'))
  const sizeOf = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.length, 0)
  const forNotes = LIMITS.text - PARTS.prompt - sizeOf([title, ...parts])
  const notes = notesText(view.notes, Math.min(PARTS.notes, forNotes)).join('\n')
  const below = parts.toSpliced(-1, 0, notes).filter((text) => text !== '')
  const components: APIComponentInContainer[] = [
    textDisplay(`${title}${quoted(view.prompt, LIMITS.text - sizeOf([title, ...below]))}`),
    ...(media === null ? [] : [gallery(media, view)]),
    ...below.map(textDisplay),
    ...buttonRow(view.jobId, view.buttons),
  ]
  return {
    ...spoken(components, COLOURS[view.tone]),
    allowed_mentions: { parse: [] },
    attachments: media === null ? [] : [{ id: 0, filename: media.name }],
  }
}

/** What stands where a card will be, while its job is being taken in. */
export function renderOpening(prompt: string, line: string): Spoken {
  const text = `${quoted(prompt, LIMITS.text - line.length - 1)}\n${line}`
  return spoken([textDisplay(text)], COLOURS.working)
}

/** An answer for one person. */
export function renderAnswer({ lines }: AnswerView): Spoken {
  const below = lines.map(({ link }) =>
    link === null
      ? ''
      : linkTexts([link])
          .map((text) => `\n${text}`)
          .join(''),
  )
  const texts = sharing(
    lines.map(({ text }) => escaped(text)),
    LIMITS.text - below.join('').length,
  )
  const components = lines.map(({ link }, i): APIComponentInContainer => {
    const content = textDisplay(`${texts[i]}${below[i]}`)
    if (link === null || link.url.length > LIMITS.buttonUrl) return content
    return { type: ComponentType.Section, components: [content], accessory: linkButton(link.label, link.url) }
  })
  return spoken(components, COLOURS.working)
}

/** Texts that share `max`: what the short ones leave is the long ones'. */
function sharing(texts: readonly string[], max: number): string[] {
  const shared = [...texts]
  let left = max
  let waiting = texts.length
  for (const [i, text] of [...texts.entries()].sort(([, a], [, b]) => a.length - b.length)) {
    const fitting = cut(text, Math.floor(left / waiting))
    shared[i] = fitting
    left -= fitting.length
    waiting -= 1
  }
  return shared
}

/**
 * A message at a job's end. It is of the first kind, whose links show the video behind them; the job's id stands in it, so that it can be
 * found again. `person` is mentioned where there is one, and nobody else.
 */
export function renderNotice(
  { jobId, lines, buttons, showCard }: NoticeView,
  { person, cardUrl }: { person: string | null; cardUrl: string | null },
): RESTPostAPIChannelMessageJSONBody {
  const [headline = '', ...rest] = lines
  const links = buttons.flatMap((button) =>
    'url' in button && button.url.length <= LINK_MAX ? [button.url] : [],
  )
  const all: Button[] = [...buttons, ...(cardUrl === null ? [] : [{ label: showCard, url: cardUrl }])]
  const mention = person === null ? '' : `<@${person}> `
  const text = [
    `${mention}**${escapedLine(headline, PARTS.title)}**`,
    ...rest.map((line) => escapedLine(line, PARTS.detail)),
  ]
  const below = [...links, `-# ${jobId}`].join('\n')
  return {
    content: `${cut(text.join('\n'), LIMITS.content - below.length - 1)}\n${below}`,
    components: buttonRow(jobId, all),
    allowed_mentions: { parse: [], ...(person === null ? {} : { users: [person] }) },
  }
}

function spoken(components: APIComponentInContainer[], accent_color: number): Spoken {
  return {
    flags: MessageFlags.IsComponentsV2,
    components: [{ type: ComponentType.Container, accent_color, components }],
  }
}

function textDisplay(content: string): { type: ComponentType.TextDisplay; content: string } {
  return { type: ComponentType.TextDisplay, content }
}

function gallery(media: CardMedia, view: CardView): APIComponentInContainer {
  const description = cut(view.title ?? view.prompt, LIMITS.altText)
  return {
    type: ComponentType.MediaGallery,
    items: [{ media: { url: `attachment://${media.name}` }, description }],
  }
}

/** A text as a quote, a line of its own for each of its lines. */
function quoted(text: string, max: number): string {
  return cut(`> ${escaped(text).replaceAll('\n', '\n> ')}`, max)
}

function stateText({ state, progress, detail }: CardView): string[] {
  return [
    `**${state}**`,
    progressBar(progress),
    ...(detail === '' ? [] : [escapedLine(detail, PARTS.detail)]),
  ]
}

/** Moments are counted by the reader's own client, so that nobody has to edit the card for them. */
function factText({ label, value }: Fact): string {
  const shown =
    value instanceof Date ? `<t:${Math.round(value.getTime() / 1000)}:R>` : escapedLine(value, PARTS.fact)
  return `**${label}** ${shown}`
}

function notesText(notes: readonly string[], max: number): string[] {
  const lines = notes.map((note) => `-# ${escapedLine(note, PARTS.note)}`)
  // the last one says how the film was made, and is never left out
  const last = lines.pop() ?? ''
  let left = max - last.length
  const shown = lines.filter((line) => {
    left -= line.length + 1
    return left >= 0
  })
  return [...shown, last]
}

/** Links that are too long for a button. */
function linkTexts(buttons: readonly (Button | { label: string; url: string })[]): string[] {
  return buttons.flatMap((button) => {
    const isText = 'url' in button && button.url.length > LIMITS.buttonUrl && button.url.length <= LINK_MAX
    return isText ? [`[${cut(button.label, LIMITS.buttonLabel)}](${button.url})`] : []
  })
}

function buttonRow(jobId: string, buttons: readonly Button[]) {
  const components = buttons.flatMap((button): APIButtonComponent[] => {
    const { label } = button
    if ('url' in button) return button.url.length > LIMITS.buttonUrl ? [] : [linkButton(label, button.url)]
    const style = button.action === 'cancel' ? ButtonStyle.Danger : ButtonStyle.Primary
    return [
      {
        type: ComponentType.Button,
        style,
        label: cut(label, LIMITS.buttonLabel),
        custom_id: `${button.action}:${jobId}`,
      },
    ]
  })
  return components.length === 0 ? [] : [{ type: ComponentType.ActionRow as const, components }]
}

function linkButton(label: string, url: string): APIButtonComponent {
  return { type: ComponentType.Button, style: ButtonStyle.Link, label: cut(label, LIMITS.buttonLabel), url }
}
