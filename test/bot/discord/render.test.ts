import { describe, expect, test } from 'vitest'
import { plainAnswer } from '../../../src/bot/answer.ts'
import { cut, escaped, escapedLine } from '../../../src/bot/discord/escape.ts'
import {
  renderAnswer,
  renderCard,
  renderNotice,
  renderOpening,
  type Spoken,
} from '../../../src/bot/discord/render.ts'
import type { CardMedia } from '../../../src/bot/platform.ts'
import type { CardView, NoticeView } from '../../../src/bot/view.ts'
import { JOB_ID } from '../support.ts'

const FAMILY = '👨‍👩‍👧‍👦'

function view(changes: Partial<CardView> = {}): CardView {
  return {
    jobId: JOB_ID,
    tone: 'working',
    title: '네온 드라이브',
    prompt: '네온이 켜진 미래 도시를 달리는 자동차',
    state: '생성 중 · 세그먼트 2/4',
    detail: '',
    progress: 0.5,
    shots: [{ mark: 'done', title: '도시의 새벽' }],
    facts: [{ label: '시작', value: new Date('2026-11-24T12:00:00Z') }],
    notes: ['이 영상과 이미지는 AI로 생성됩니다(Wan 2.7).'],
    buttons: [{ label: '취소', action: 'cancel' }],
    ...changes,
  }
}

const notice = (changes: Partial<NoticeView> = {}): NoticeView => ({
  jobId: JOB_ID,
  lines: ['영상이 완성되었습니다: 네온'],
  buttons: [],
  showCard: '카드 보기',
  ...changes,
})

const PICTURE: CardMedia = { kind: 'picture', name: 'frame.jpg', data: Buffer.from('x') }

interface Part {
  type?: number
  content?: string
  label?: string
  url?: string
  custom_id?: string
  components?: Part[]
  accessory?: Part
  items?: unknown[]
}

function partsOf(parts: readonly Part[]): Part[] {
  return parts.flatMap((part) => [
    part,
    ...partsOf(part.components ?? []),
    ...partsOf(part.accessory ? [part.accessory] : []),
  ])
}

const textOf = (message: Spoken) =>
  partsOf(message.components as Part[])
    .map(({ content }) => content ?? '')
    .join('')

/** What Discord's types don't say. docs.discord.com/developers/components/reference */
function expectAllowed(message: Spoken) {
  const parts = partsOf(message.components as Part[])
  expect(parts.length).toBeLessThanOrEqual(40)
  expect(textOf(message).length).toBeLessThanOrEqual(4000)
  for (const { content, label, url, custom_id } of parts) {
    if (content !== undefined) expect(content.length).toBeGreaterThan(0)
    if (label !== undefined) expect(label.length).toBeLessThanOrEqual(80)
    if (url !== undefined) expect(url.length).toBeLessThanOrEqual(512)
    if (custom_id !== undefined) expect(custom_id.length).toBeLessThanOrEqual(100)
  }
}

/** What somebody sees: a backslash before punctuation shows that. */
const seen = (text: string) => text.replace(/\\([^0-9A-Za-z\s])/g, '$1')

describe('what a person wrote is shown as they wrote it', () => {
  test.each([
    '@everyone and @here',
    '<@123456789012345678> <@&1> <#2> <:smile:3> </sora:4> <t:0:R>',
    '**bold** __under__ ~~gone~~ ||spoiler|| `code` ```block```',
    '# heading',
    '-# small',
    '> quote',
    '- list\n* list\n1. list\n+ plus',
    '[click](https://evil.example.com) https://evil.example.com',
    'back\\slash \\* \\',
    'سيارة تسير في مدينة المستقبل',
    `${FAMILY}${FAMILY}`,
  ])('%s', (prompt) => {
    const text = textOf(renderCard(view({ prompt }), null))
    expect(seen(text).replaceAll('\n> ', '\n')).toContain(prompt)
    // nothing that Discord acts on is left bare
    expect(text).not.toMatch(/(?<!\\)[@`|]|(?<!\\)<[@#:/]|:\/\//)
    expect(renderCard(view({ prompt }), null).allowed_mentions).toEqual({ parse: [] })
  })

  test('markdown never starts a line or a word', () => {
    expect(escaped('**a** _b_ `c` ||d||')).toBe('\\*\\*a\\*\\* \\_b\\_ \\`c\\` \\|\\|d\\|\\|')
    expect(escaped('# a\n> b\n- c\n1. d')).toBe('\\# a\n\\> b\n\\- c\n1\\. d')
    expect(escaped('8.0 s, 1~500')).toBe('8.0 s, 1~500')
    expect(escaped('~~a~~ ~b~ 1~~2~~3')).toBe('\\~\\~a\\~\\~ \\~b\\~ 1\\~\\~2\\~\\~3')
  })

  test('a change of direction that isn’t ended turns nothing that follows', () => {
    expect(escaped('a\u202eb\u2066c')).toBe('abc')
  })

  test('a title is on one line, whatever is in it', () => {
    expect(escapedLine('one\n# two\n\n> three', 100)).toBe('one # two > three')
  })
})

describe('what is too long is cut', () => {
  test('between characters, never within one', () => {
    const text = cut(FAMILY.repeat(10), 60)
    expect(text).toBe(`${FAMILY.repeat(5)}…`)
  })

  test('without leaving a backslash that would escape what follows', () => {
    expect(cut('ab\\*cd', 4)).toBe('ab…')
    expect(cut('a\\\\bcd', 4)).toBe('a\\\\…')
  })

  test.each([
    ['500 emoji', '😀'.repeat(500), 400],
    ['500 families', FAMILY.repeat(500), 1480],
    ['500 asterisks', '*'.repeat(500), 1480],
    ['500 lines', 'a\n'.repeat(500), 5000],
  ])('a card with a prompt of %s fits, with all else at its longest', (_, prompt, link) => {
    const long = '*_'.repeat(300)
    const longest = view({
      prompt,
      title: long,
      detail: long,
      shots: Array.from({ length: 10 }, () => ({ mark: 'waiting' as const, title: long })),
      facts: Array.from({ length: 5 }, () => ({ label: 'label', value: long })),
      notes: [...Array.from({ length: 9 }, () => long), 'AI'],
      buttons: [
        { label: long, action: 'retry' },
        { label: long, url: `https://example.com/${'x'.repeat(link)}` },
      ],
    })
    const message = renderCard(longest, PICTURE)
    expectAllowed(message)
    expect(textOf(message)).toContain('-# AI')
  })

  test('500 simple emoji are all there', () => {
    expect(textOf(renderCard(view({ prompt: '😀'.repeat(500) }), null))).toContain('😀'.repeat(500))
  })

  test('an opening, an answer and a notice fit too', () => {
    expectAllowed(renderOpening(FAMILY.repeat(500), '접수하고 있습니다…'))
    expectAllowed(renderAnswer(plainAnswer(...Array.from({ length: 12 }, () => 'x'.repeat(2000)))))
    const link = `https://example.com/${'x'.repeat(1400)}`
    const told = notice({ lines: ['*'.repeat(500), '_'.repeat(5000)], buttons: [{ label: 'o', url: link }] })
    const { content } = renderNotice(told, { person: '1', cardUrl: null })
    expect(content?.length).toBeLessThanOrEqual(2000)
    expect(content).toContain(link)
  })
})

test('an answer’s short lines leave their room to the long ones', () => {
  const lines = ['short', 'x'.repeat(3900), 'brief']
  expect(textOf(renderAnswer(plainAnswer(...lines)))).toBe(lines.join(''))
})

test('a film whose link is too long for a button has it in the answer’s text', () => {
  const link = { label: 'Open', url: `https://example.com/${'x'.repeat(600)}` }
  const answer = renderAnswer({
    lines: Array.from({ length: 10 }, (_, i) => ({
      text: '*'.repeat(i * 200),
      link: i === 3 ? link : null,
    })).slice(1),
  })
  expectAllowed(answer)
  expect(textOf(answer)).toContain(`[Open](${link.url})`)
})

describe('a card', () => {
  test('shows its picture or film as a file that is sent with it', () => {
    const message = renderCard(view(), PICTURE)
    expect(message.attachments).toEqual([{ id: 0, filename: 'frame.jpg' }])
    expect(JSON.stringify(message.components)).toContain('attachment://frame.jpg')
    expect(renderCard(view(), null).attachments).toEqual([])
  })

  test('lets the reader’s own clock count', () => {
    expect(textOf(renderCard(view(), null))).toContain('<t:1795521600:R>')
  })

  test('has buttons that say all there is to know', () => {
    const parts = partsOf(renderCard(view(), null).components as Part[])
    expect(parts.find(({ custom_id }) => custom_id)?.custom_id).toBe(`cancel:${JOB_ID}`)
  })

  test('has a link that is too long for a button in its text', () => {
    const url = `https://example.com/${'x'.repeat(600)}`
    const message = renderCard(view({ buttons: [{ label: '열기', url }] }), null)
    expectAllowed(message)
    expect(textOf(message)).toContain(`[열기](${url})`)
  })

  test('without a planned title shows the prompt alone', () => {
    expect(textOf(renderCard(view({ title: null }), null))).toMatch(/^> 네온이/)
  })
})

describe('a notice', () => {
  test('mentions its person alone, and only where it is asked to', () => {
    const direct = renderNotice(notice(), { person: null, cardUrl: null })
    expect(direct.allowed_mentions).toEqual({ parse: [] })
    expect(direct.content).not.toContain('<@')
    const mention = renderNotice(notice({ lines: ['@everyone'] }), { person: '42', cardUrl: null })
    expect(mention.content).toMatch(/^<@42> /)
    expect(mention.allowed_mentions).toEqual({ parse: [], users: ['42'] })
  })

  test('leads to the card and names the job', () => {
    const { content, components } = renderNotice(notice(), {
      person: null,
      cardUrl: 'https://discord.com/channels/1/2/3',
    })
    expect(content).toContain(JOB_ID)
    expect(JSON.stringify(components)).toContain('https://discord.com/channels/1/2/3')
  })
})
