import type { types } from '@slack/bolt'
import type { ShotMark } from '../../core/outlook.ts'
import { type AnswerView, MOMENTS } from '../answer.ts'
import { MARKS, percent, progressBar } from '../signs.ts'
import type { Button, CardView, Fact, NoticeView } from '../view.ts'
import { escaped, escapedLine, escapedParts, withMoments } from './escape.ts'

/** A message: its blocks, and the text that notifications and screen readers take in their place. */
export interface SlackMessage {
  text: string
  blocks: types.KnownBlock[]
}

/**
 * How a card shows its shots: as a plan with a task for each, or as text with a bar, for workspaces that refuse plans.
 * docs.slack.dev/reference/block-kit/blocks/plan-block
 */
export type CardForm = 'plan' | 'plain'

/** What Slack takes at the most, in characters; counted here in UTF-16 units. docs.slack.dev/reference/block-kit */
const LIMITS = { section: 3000, field: 2000, header: 150, button: 75, url: 3000, altText: 2000, elements: 10 }

/** Sections that a prompt may take: 500 of the longest usual emoji fill three. */
const PROMPT_SECTIONS = 3

/** What each part may take, escapes included. */
const PARTS = { text: 300, state: 150, detail: 400, shot: 110, fact: 200, note: 300, notice: 1000 }

const STATUSES: Record<ShotMark, types.TaskCardBlock['status']> = {
  done: 'complete',
  working: 'in_progress',
  waiting: 'pending',
  failed: 'error',
  left: 'pending',
}

/** A card as a message. `picture`: the id of an image that was uploaded to Slack. */
export function renderCard(view: CardView, form: CardForm, picture: string | null): SlackMessage {
  const { title, prompt, state, progress, detail, facts, notes } = view
  const shown = title ?? prompt
  const blocks: types.KnownBlock[] = [
    ...(title === null ? [] : [header(title)]),
    ...promptSections(prompt),
    ...(picture === null ? [] : [image(picture, shown)]),
    ...(form === 'plan' ? planBlocks(view) : plainBlocks(view)),
    ...(detail === '' ? [] : [textSection(escapedLine(detail, PARTS.detail))]),
    { type: 'section', fields: facts.slice(0, LIMITS.elements).map(factField) },
    context(notes),
    ...actions(view.jobId, view.buttons),
  ]
  return { text: escapedLine(`${state} ${percent(progress)} · ${shown}`, PARTS.text), blocks }
}

/** What stands where a card will be, while its job is being taken in. */
export function renderOpening(prompt: string, line: string): SlackMessage {
  return {
    text: escapedLine(`${line} ${prompt}`, PARTS.text),
    blocks: [...promptSections(prompt), context([line])],
  }
}

/** An answer for one person. */
export function renderAnswer({ lines }: AnswerView): SlackMessage {
  const blocks = lines.map(({ text, link, cancel }): types.KnownBlock => {
    const said = escaped(text, LIMITS.section)
    // markup alone has moments, and a text with one holds nothing that people wrote
    const section: types.SectionBlock =
      said.search(MOMENTS) < 0 ? textSection(said) : { type: 'section', text: mrkdwn(withMoments(said)) }
    if (cancel) return { ...section, accessory: actionButton(cancel.label, 'cancel', cancel.jobId) }
    if (link === null || link.url.length > LIMITS.url) return section
    return { ...section, accessory: linkButton(link.label, link.url, 0) }
  })
  return { text: withMoments(escapedLine(lines.map(({ text }) => text).join(' '), PARTS.text)), blocks }
}

/** A message at a job's end, with the job's id in it. `person` is mentioned where there is one, and nobody else. */
export function renderNotice(
  { jobId, lines, buttons, showCard }: NoticeView,
  { person, cardUrl }: { person: string | null; cardUrl: string | null },
): SlackMessage {
  const all: Button[] = [...buttons, ...(cardUrl === null ? [] : [{ label: showCard, url: cardUrl }])]
  const mention = person === null ? '' : `<@${person}>`
  const blocks: types.KnownBlock[] = [
    ...(person === null ? [] : [{ type: 'section' as const, text: mrkdwn(mention) }]),
    textSection(lines.map((line) => escapedLine(line, PARTS.notice)).join('\n')),
    ...actions(jobId, all),
    context([jobId]),
  ]
  return { text: `${mention} ${escapedLine(lines[0] ?? '', PARTS.text)}`.trim(), blocks }
}

function planBlocks({ state, progress, shots }: CardView): types.KnownBlock[] {
  const title = escapedLine(`${state} · ${percent(progress)}`, PARTS.state)
  if (shots.length === 0) return [{ type: 'section', text: mrkdwn(`*${title}*`) }]
  const tasks = shots.map((shot, i): types.TaskCardBlock => {
    return {
      type: 'task_card',
      task_id: `segment-${i + 1}`,
      title: `${i + 1}. ${escapedLine(shot.title, PARTS.shot)}`,
      status: STATUSES[shot.mark],
    }
  })
  return [{ type: 'plan', title, tasks }]
}

function plainBlocks({ state, progress, shots }: CardView): types.KnownBlock[] {
  const lines = shots.map(({ mark, title }, i) => {
    return `${MARKS[mark]} ${i + 1}. ${escapedLine(title, PARTS.shot)}`
  })
  return [
    { type: 'section', text: mrkdwn(`*${escapedLine(state, PARTS.state)}*\n${progressBar(progress)}`) },
    ...(lines.length === 0 ? [] : [textSection(lines.join('\n'))]),
  ]
}

/** What comes from people or from models stands in plain text, where Slack looks for no markup. `emoji`: names between colons are left as they are. */
function plain(text: string): types.PlainTextElement {
  return { type: 'plain_text', text, emoji: false }
}

function mrkdwn(text: string): types.MrkdwnElement {
  return { type: 'mrkdwn', text }
}

function textSection(text: string): types.SectionBlock {
  return { type: 'section', text: plain(text) }
}

/** 500 characters may be far more of what Slack counts. */
function promptSections(prompt: string): types.SectionBlock[] {
  return escapedParts(prompt, LIMITS.section, PROMPT_SECTIONS).map(textSection)
}

function header(title: string): types.KnownBlock {
  return { type: 'header', text: plain(escapedLine(title, LIMITS.header)) }
}

function image(id: string, title: string): types.KnownBlock {
  return { type: 'image', slack_file: { id }, alt_text: escapedLine(title, LIMITS.altText) }
}

/** Moments are counted by the reader's own client, so that nobody has to edit the card for them. docs.slack.dev/messaging/formatting-message-text#date-formatting */
function factField({ label, value }: Fact): types.MrkdwnElement {
  const shown =
    value instanceof Date
      ? `<!date^${Math.round(value.getTime() / 1000)}^{ago}|${value.toISOString()}>`
      : escapedLine(value, PARTS.fact)
  return mrkdwn(`*${label}*\n${shown}`)
}

function context(notes: readonly string[]): types.KnownBlock {
  // the last one says how the film was made, and is never left out
  const shown = [...notes.slice(0, -1).slice(0, LIMITS.elements - 1), ...notes.slice(-1)]
  return { type: 'context', elements: shown.map((note) => plain(escapedLine(note, PARTS.note))) }
}

function actions(jobId: string, buttons: readonly Button[]): types.KnownBlock[] {
  const elements = buttons.flatMap((button, i) => {
    if ('action' in button) return [actionButton(button.label, button.action, jobId)]
    return button.url.length > LIMITS.url ? [] : [linkButton(button.label, button.url, i)]
  })
  return elements.length === 0 ? [] : [{ type: 'actions', elements }]
}

/** A button says all there is to know, so that it works after any restart. */
function actionButton(label: string, action: 'cancel' | 'retry', jobId: string): types.Button {
  const style = action === 'cancel' ? 'danger' : 'primary'
  return { type: 'button', style, text: buttonText(label), action_id: action, value: jobId }
}

function linkButton(label: string, url: string, index: number): types.Button {
  return { type: 'button', text: buttonText(label), action_id: `open-${index}`, url }
}

function buttonText(label: string): types.PlainTextElement {
  return plain(escapedLine(label, LIMITS.button))
}
