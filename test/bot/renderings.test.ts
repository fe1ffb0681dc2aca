import { beforeAll, describe, expect, test } from 'vitest'
import { renderCard as renderDiscord } from '../../src/bot/discord/render.ts'
import { renderCard as renderSlack } from '../../src/bot/slack/render.ts'
import { type CardState, cardView } from '../../src/bot/view.ts'
import type { ChatName } from '../../src/core/card.ts'
import type { JobChange } from '../../src/core/event.ts'
import { LOCALES } from '../../src/core/request.ts'
import { messageComplaints, textOf } from '../support/discord-limits.ts'
import { lengthComplaints, readIn } from '../support/slack-limits.ts'
import { blockComplaints, prepareSlackSchemas } from '../support/slack-schemas.ts'
import { eventsOf, FILM, job, MODEL, START, segments } from './support.ts'

const SHOTS = segments('stored', 'submitted', 'planned', 'planned')
const DONE = segments('stored', 'stored', 'stored', 'stored')
const LOST = segments('stored', 'planned', 'planned', 'planned')
const [SOME, TITLE] = [{ segment: 2, of: 4 }, '고가도로']
const FAULT = { code: 'render_rejected', data: { segment: 2, reason: 'no <faces> & *no* crowds' } } as const

/** Every change that there is: a new one without a card here is a type error. */
const EVERY: { [T in JobChange['type']]: [JobChange & { type: T }, Partial<CardState>] } = {
  queued: [{ type: 'queued' }, {}],
  planning: [{ type: 'planning' }, {}],
  planned: [{ type: 'planned', title: TITLE, shots: ['a'] }, { segments: SHOTS }],
  segment_started: [{ type: 'segment_started', ...SOME, title: TITLE }, { segments: SHOTS }],
  segment_waiting: [
    { type: 'segment_waiting', ...SOME, position: 3 },
    { segments: SHOTS, lastWords: true },
  ],
  segment_adopted: [{ type: 'segment_adopted', ...SOME, request_id: 'r' }, { segments: SHOTS }],
  segment_done: [{ type: 'segment_done', ...SOME, title: TITLE }, { segments: SHOTS }],
  merging: [{ type: 'merging' }, { segments: DONE }],
  completed: [
    { type: 'completed', film: FILM },
    { segments: DONE, link: 'https://example.com/film' },
  ],
  failed: [{ type: 'failed', error: FAULT }, { segments: LOST }],
  cancel_requested: [{ type: 'cancel_requested' }, { segments: SHOTS }],
  cancelled: [{ type: 'cancelled' }, { segments: SHOTS }],
  resumed: [{ type: 'resumed' }, { segments: SHOTS }],
  retried: [{ type: 'retried' }, { segments: LOST }],
}

beforeAll(() => prepareSlackSchemas())

/** What a reader sees, whatever a platform has put before it. */
const plain = (text: string) => text.replace(/\\([^0-9A-Za-z\s])/g, '$1').replace(/^> /gm, '')

describe.each(LOCALES)('in %s', (locale) => {
  test.each(Object.values(EVERY))(
    'a card at “$type” says the same in Discord and in Slack, both ways',
    (change, about) => {
      const viewIn = (chat: ChatName) =>
        cardView({
          chat,
          job: job({ locale, title: '네온 <드라이브>' }),
          segments: [],
          events: eventsOf([{ type: 'queued' }, change]),
          model: MODEL,
          usualSeconds: 90,
          link: null,
          film: 'absent',
          lastWords: false,
          now: new Date(START + 60_000),
          ...about,
        })
      const [inDiscord, inSlack] = [viewIn('discord'), viewIn('slack')]
      const discord = renderDiscord(inDiscord, null)
      const plan = renderSlack(inSlack, 'plan', 'F12345678')
      const bar = renderSlack(inSlack, 'plain', null)
      const context = { flags: discord.flags, files: [], kept: [] }
      expect(messageComplaints({ ...discord }, context)).toEqual([])
      for (const { blocks } of [plan, bar]) {
        expect([
          ...blockComplaints(JSON.parse(JSON.stringify(blocks))),
          ...lengthComplaints(blocks, 'message'),
        ]).toEqual([])
      }
      for (const [view, said] of [
        [inDiscord, plain(textOf({ ...discord }))],
        [inSlack, readIn(plan.blocks)],
        [inSlack, readIn(bar.blocks)],
      ] as const) {
        const { title, prompt, state, detail, shots, facts, notes, buttons } = view
        const texts = [
          ...[title ?? '', prompt, state, detail, ...notes],
          ...shots.map((shot, i) => `${i + 1}. ${shot.title}`),
          ...facts.flatMap(({ label, value }) => [
            label,
            value instanceof Date ? String(value.getTime() / 1000) : value,
          ]),
          ...buttons.map(({ label }) => label),
        ]
        expect(texts.filter((text) => !said.includes(text))).toEqual([])
      }
      // but for what a command is called, there is one view
      expect({ ...inDiscord, notes: [] }).toEqual({ ...inSlack, notes: [] })
    },
  )
})
