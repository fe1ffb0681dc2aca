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

/** What each part of a card may take, escapes included, so that all of it fits; the prompt gets what is left. */
const PARTS = { title: 240, detail: 400, shot: 110, fact: 200, note: 300, notes: 900 }

const COLOURS: Record<CardView['tone'], number> = {
  working: 0x5865f2,
  done: 0x57f287,
  failed: 0xed4245,
  cancelled: 0x80848e,
}

/** A card as a message. The film or picture goes with it under the name of `media`. */
export function renderCard(view: CardView, media: CardMedia | null): CardPayload {
  const below = [
    stateText(view),
    view.shots.map(({ mark, title }, i) => `${MARKS[mark]} ${i + 1}. ${escapedLine(title, PARTS.shot)}`),
    view.facts.map(factText),
    notesText(view.notes),
    linkTexts(view.buttons),
  ]
    .map((lines) => lines.join('\n'))
    .filter((text) => text !== '')
  const title = view.title === null ? '' : `### ${escapedLine(view.title, PARTS.title)}\n`
  const left = LIMITS.text - [title, ...below].reduce((sum, text) => sum + text.length, 0)
  const components: APIComponentInContainer[] = [
    textDisplay(`${title}${quoted(view.prompt, left)}`),
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
  const each = Math.floor(LIMITS.text / Math.max(1, lines.length)) - 1
  const components = lines.map(({ text, link }): APIComponentInContainer => {
    const content = cut(escaped(text), each)
    if (link === null || link.url.length > LIMITS.buttonUrl) return textDisplay(content)
    const accessory = linkButton(link.label, link.url)
    return { type: ComponentType.Section, components: [textDisplay(content)], accessory }
  })
  return spoken(components, COLOURS.working)
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
  const links = buttons.filter((button) => 'url' in button).map(({ url }) => url)
  const all: Button[] = [...buttons, ...(cardUrl === null ? [] : [{ label: showCard, url: cardUrl }])]
  const mention = person === null ? '' : `<@${person}> `
  const text = [
    `${mention}**${escapedLine(headline, PARTS.title)}**`,
    ...rest.map((line) => escapedLine(line, PARTS.detail)),
  ]
  return {
    content: [cut(text.join('\n'), LIMITS.content / 2), ...links, `-# ${jobId}`].join('\n'),
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

function notesText(notes: readonly string[]): string[] {
  const lines: string[] = []
  let left = PARTS.notes
  // the last one says how the film was made, and is never left out
  for (const note of [...notes.slice(-1), ...notes.slice(0, -1)]) {
    const line = `-# ${escapedLine(note, PARTS.note)}`
    left -= line.length + 1
    if (left >= 0) lines.push(line)
  }
  return [...lines.slice(1), ...lines.slice(0, 1)]
}

/** Links that are too long for a button. */
function linkTexts(buttons: readonly Button[]): string[] {
  return buttons
    .filter((button) => 'url' in button && button.url.length > LIMITS.buttonUrl)
    .map((button) => ('url' in button ? `[${button.label}](${button.url})` : ''))
}

function buttonRow(jobId: string, buttons: readonly Button[]) {
  const components = buttons.flatMap((button): APIButtonComponent[] => {
    const label = cut(button.label, LIMITS.buttonLabel)
    if ('url' in button) return button.url.length > LIMITS.buttonUrl ? [] : [linkButton(label, button.url)]
    const style = button.action === 'cancel' ? ButtonStyle.Danger : ButtonStyle.Primary
    return [{ type: ComponentType.Button, style, label, custom_id: `${button.action}:${jobId}` }]
  })
  return components.length === 0 ? [] : [{ type: ComponentType.ActionRow as const, components }]
}

function linkButton(label: string, url: string): APIButtonComponent {
  return { type: ComponentType.Button, style: ButtonStyle.Link, label: cut(label, LIMITS.buttonLabel), url }
}
