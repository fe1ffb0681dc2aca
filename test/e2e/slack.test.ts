import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest'
import type { FalServer } from '../support/fal-server.ts'
import { makePicture } from '../support/film.ts'
import {
  isNotice,
  prepareSlackBot,
  type SlackBotAtWork,
  slackActions,
  slackShown,
  slackToldOf,
} from '../support/slack-bot.ts'
import type { Fields } from '../support/slack-calls.ts'
import type {
  SlackFailure,
  SlackFront,
  SlackPerson,
  SlackPlace,
  SlackShown,
  Whisper,
} from '../support/slack-world.ts'
import { until } from '../support/until.ts'

const PROMPT = 'a lighthouse in the rain'
const FILM = `${PROMPT} --segments 2 --seconds 4`
const HANGUL = /[가-힣]/
const KOREAN = 'ko-KR'

const closes: (() => Promise<void>)[] = []
let bot: SlackBotAtWork
let front: SlackFront
let fal: FalServer

beforeAll(async () => {
  const limits = { JOBS_PER_HOUR: '2', MAX_CONCURRENT_JOBS: '8', MAX_CONCURRENT_RENDERS: '8' }
  bot = await prepareSlackBot((close) => void closes.unshift(close), limits)
  front = bot.front
  fal = bot.fal
  await bot.start('http')
}, 120_000)

afterAll(async () => {
  for (const close of closes) await close()
})

beforeEach(() => {
  onTestFailed(() => void process.stderr.write(bot.running.output().slice(-8000)))
})

afterEach(() => {
  fal.outcomes.splice(0)
  expect(front.invalid.splice(0)).toEqual([])
})

/** Somebody new asks for a film, in a channel of their own. */
async function ask(typed = FILM, { place = front.place(), locale = 'en-US' } = {}) {
  const person = front.person(locale)
  return { person, place, command: await front.command(person, place, typed) }
}

const isOver = (message: SlackShown) =>
  !isNotice(message) && slackActions(message).some((to) => to.startsWith('http'))
const canBeCancelled = (message: SlackShown) => slackActions(message).includes('cancel')
const tasksOf = ({ blocks }: SlackShown) =>
  ((blocks.find(({ type }) => type === 'plan')?.tasks ?? []) as Fields[]).map(({ status }) => status)

/** The card of a job that has been taken in. */
const begun = ({ channel }: SlackPlace) => slackShown(front, channel, canBeCancelled, 'a card')

/** The card at a job's end, with the link to its film. */
const finished = ({ channel }: SlackPlace) => slackShown(front, channel, isOver, 'a card with the film')

/** What a person alone is answered after what they were answered before, in their language. */
async function privately(person: SlackPerson, before = 0): Promise<Whisper> {
  const mine = () => front.whispers.filter(({ user }) => user === person.id)
  const answer = await until('a private answer', () => mine()[before])
  expect([answer.text, HANGUL.test(answer.text)]).toEqual([answer.text, person.locale === KOREAN])
  return answer
}

const updatesOf = (message: SlackShown, since = 0) =>
  front.calls.slice(since).filter(({ method, body }) => method === 'chat.update' && body.ts === message.ts)

/** By which endpoints the segments of films with these words were rendered. */
const paidFor = (words: string) =>
  fal.accepted.filter(({ input }) => String(input.prompt).includes(words)).map(({ endpoint }) => endpoint)

describe('/sora', () => {
  test('is acknowledged; its card grows with each segment; at the end there are the link and one direct message', async () => {
    const doors = [fal.hold('submit'), fal.hold('submit')]
    const { person, place, command } = await ask()
    // nothing is shown by the acknowledgement itself
    expect(command.acknowledged).toEqual({ status: 200, body: null })
    const card = await slackShown(
      front,
      place.channel,
      ({ text }) => text.includes('1/2'),
      'the first segment',
    )
    for (const said of [PROMPT, 'Opening', 'Closing', '0.80 USD', 'Wan 2.7'])
      expect(card.text).toContain(said)
    expect([tasksOf(card), slackActions(card), card.pictures]).toEqual([
      ['in_progress', 'pending'],
      ['cancel'],
      [],
    ])
    doors[0]?.release()
    await slackShown(front, place.channel, ({ text }) => text.includes('2/2'), 'the second segment')
    expect(tasksOf(card)).toEqual(['complete', 'in_progress'])
    // the last frame of what is done
    const [frame = ''] = card.pictures
    expect(front.kept()).toContain(frame)
    doors[1]?.release()
    await finished(place)
    expect([tasksOf(card), card.pictures.length]).toEqual([['complete', 'complete'], 1])

    const [link = ''] = slackActions(card)
    const film = await fetch(link)
    expect([film.status, film.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    const told = await slackToldOf(front, person)
    expect(slackActions(told)).toEqual([
      expect.stringMatching(/^http/),
      expect.stringContaining(place.channel),
    ])
    await until('an old picture that is gone', () => !front.kept().includes(frame))
    expect([front.dms(person), front.messages(place.channel), told.called, card.called]).toEqual([
      [told],
      [card],
      [],
      [],
    ])
    expect(front.whispers.filter(({ user }) => user === person.id)).toEqual([])
  })

  test('that failed tells why, and the button goes on from there', async () => {
    const detail = [
      { loc: ['body', 'prompt'], msg: 'The prompt was flagged', type: 'content_policy_violation' },
    ]
    fal.outcomes.push({ steps: [], answer: { status: 422, body: { detail } } })
    const { person, place } = await ask(FILM, { locale: KOREAN })
    const canRetry = (message: SlackShown) => slackActions(message).includes('retry')
    const card = await slackShown(front, place.channel, canRetry, 'a card to try again')
    expect([HANGUL.test(card.text), tasksOf(card)[0]]).toEqual([true, 'error'])
    const told = await slackToldOf(front, person)
    expect(told.text).toMatch(HANGUL)
    await front.press(person, place, told, 'retry')
    await finished(place)
    await until('both ends told', () => front.dms(person).length === 2)
  })
})

describe('what isn’t Slack’s, or was there already', () => {
  test('a forged or stale command is refused, and starts nothing', async () => {
    const [person, place] = [front.person(), front.place()]
    const [calls, seen] = [front.calls.length, fal.seen.length]
    for (const how of [{ secret: '0'.repeat(32) }, { age: 301 }, { secret: '' }]) {
      expect((await front.command(person, place, FILM, how)).acknowledged.status).toBe(401)
    }
    const { acknowledged } = await front.command(person, place, 'help')
    expect(acknowledged.status).toBe(200)
    await privately(person)
    expect([front.messages(place.channel), fal.seen.length]).toEqual([[], seen])
    const methods = front.calls.slice(calls).map(({ method }) => method)
    expect(methods.filter((method) => method.startsWith('chat.'))).toEqual([])
  })
})

describe('at once', { concurrent: true }, () => {
  test('/sora alone opens a form in the person’s language, with a picture; what is wrong is told there', async () => {
    const { person, place, command } = await ask('', { locale: KOREAN })
    const view = await until('a form', () => front.modal(command.triggerId))
    expect(JSON.stringify(view)).toMatch(HANGUL)
    const fields = (view.blocks as Fields[]).map(({ block_id }) => block_id)
    expect(fields).toEqual(['prompt', 'segments', 'seconds', 'resolution', 'aspect', 'model', 'image'])
    const filled = (prompt: string, more: Fields = {}) => ({
      prompt: { value: { type: 'plain_text_input', value: prompt } },
      segments: { value: { type: 'static_select', selected_option: { value: '2' } } },
      seconds: { value: { type: 'static_select', selected_option: { value: '4' } } },
      model: { value: { type: 'static_select', selected_option: null } },
      ...more,
    })
    const wrong = await front.submit(person, place, view, filled('가'.repeat(501)))
    expect(wrong.body).toEqual({
      response_action: 'errors',
      errors: { prompt: expect.stringMatching(/501.*500/) },
    })
    const bytes = await readFile(await makePicture(join(bot.machine.folder, 'opening.png'), 400, 400))
    const id = front.share('opening.png', 'image/png', bytes, { width: 400, height: 400, by: person })
    const image = { value: { type: 'file_input', files: [{ id }] } }
    for (let times = 0; times < 2; times += 1) {
      const right = await front.submit(person, place, view, filled('비 내리는 등대', { image }))
      expect(right).toEqual({ status: 200, body: null })
    }
    const card = await finished(place)
    expect(card.text).toMatch(HANGUL)
    const paid = paidFor('등대')
    expect(paid).toHaveLength(2)
    expect(paid).not.toContain('fal-ai/wan/v2.7/text-to-video')
    // sent twice, made once
    expect(front.messages(place.channel)).toEqual([card])
  })

  test('/sora opens on a picture that was shared in Slack, by its link, and on none from inside a network', async () => {
    const bytes = await readFile(await makePicture(join(bot.machine.folder, 'link.png'), 400, 400))
    const id = front.share('link.png', 'image/png', bytes)
    const { place } = await ask(
      `${FILM} by its link --image https://studio.slack.com/files/U12345678/${id}/link.png`,
    )
    await finished(place)
    for (const endpoint of paidFor('by its link')) expect(endpoint).toContain('image-to-video')
    const inside = await ask(`${FILM} from inside image:${fal.url.replace('http:', 'https:')}/private.png`)
    expect((await privately(inside.person)).text).toMatch(/PNG/)
    const pdf = front.share('notes.pdf', 'application/pdf', Buffer.from('%PDF'))
    const notes = await ask(
      `${FILM} from inside --image https://studio.slack.com/files/U12345678/${pdf}/notes.pdf`,
    )
    expect((await privately(notes.person)).text).toMatch(/notes\.pdf.*PNG/)
    const nowhere = [inside.place, notes.place].flatMap(({ channel }) => front.messages(channel))
    const fetched = fal.seen.filter((request) => request.includes('private.png'))
    expect([nowhere, paidFor('from inside'), fetched]).toEqual([[], [], []])
  })

  test('a command that is delivered again, at the same moment or later, starts one job', async () => {
    const { person, place, command } = await ask(`${FILM} once`)
    await Promise.all([command.again({ retry: 1 }), command.again({ retry: 2 })])
    await slackToldOf(front, person)
    expect(await command.again({ retry: 3 })).toEqual({ status: 200, body: null })
    const card = await finished(place)
    expect([front.messages(place.channel), paidFor('once').length]).toEqual([[card], 2])
  })

  test('people see their films and what they may still ask for, in their language and alone', async () => {
    const { person, place } = await ask(FILM, { locale: KOREAN })
    const card = await finished(place)
    await front.command(person, place, 'jobs')
    const jobs = await privately(person)
    expect(slackActions(jobs)).toEqual([expect.stringMatching(/^http/)])
    await front.command(person, place, '도움말')
    for (const said of ['wan-2.7', '0.1', '1', '2']) expect((await privately(person, 1)).text).toContain(said)
    await front.command(person, place, '연결')
    expect((await privately(person, 2)).text).toMatch(/: [0-9A-Z]{4}-[0-9A-Z]{4}/)
    expect(front.messages(place.channel)).toEqual([card])
  })
})

describe('what Slack refuses never harms a job', { concurrent: true }, () => {
  test.each([
    ['not_in_channel', 'en-US'],
    ['channel_not_found', KOREAN],
  ])('%s: it is explained privately, and the card goes to the direct messages', async (error, locale) => {
    const place = front.place()
    front.fail('chat.postMessage', error, 1000, place.channel)
    const { person } = await ask(FILM, { place, locale })
    expect((await privately(person)).text).toContain('/invite @sora')
    await until('a card in the direct messages', () => front.dms(person).find(isOver))
    await slackToldOf(front, person)
    expect([front.messages(place.channel), front.dms(person).length]).toEqual([[], 2])
  })

  test('message_not_found: a card that was deleted is left alone, and its person told', async () => {
    const { person, place } = await ask()
    const card = await begun(place)
    front.deleteMessage(place.channel, card.ts)
    const since = front.calls.length
    await slackToldOf(front, person)
    expect(updatesOf(card, since).length).toBeLessThanOrEqual(1)
    expect(front.messages(place.channel)).toEqual([])
  })

  test('ratelimited: it waits as long as it is told, then shows the newest state', async () => {
    const place = front.place()
    front.fail('chat.postMessage', { retryAfter: 1 }, 1, place.channel)
    front.fail('chat.update', { retryAfter: 2 }, 1, place.channel)
    const { person } = await ask(FILM, { place })
    await finished(place)
    await slackToldOf(front, person)
  })

  test('invalid_blocks: where plans are refused there is a bar, and plans aren’t tried again', async () => {
    const place = front.place()
    front.refusePlans(place)
    const { person } = await ask(FILM, { place })
    const card = await finished(place)
    expect(card.texts.some((text) => text.includes('██') && text.includes('✅ 1.'))).toBe(true)
    const plans = updatesOf(card).filter(({ body }) => JSON.stringify(body.blocks).includes('"plan"'))
    expect(plans).toHaveLength(1)
    await slackToldOf(front, person)
  })

  test.each<[string, SlackFailure]>([
    ['token_revoked', 'token_revoked'],
    ['account_inactive', 'account_inactive'],
    ['a proxy’s page', { page: '<html>Back soon</html>', status: 200 }],
    ['a broken line', { after: 'lost' }],
  ])('%s: the card is shown and its end told all the same, once', async (_, failure) => {
    const { person, place } = await ask()
    await begun(place)
    front.fail('chat.update', failure, 1, place.channel)
    front.fail('conversations.open', failure, 1, person.id)
    await finished(place)
    await slackToldOf(front, person)
    expect(front.dms(person)).toHaveLength(1)
  })

  test('direct messages that are closed: the person is mentioned where the card stands, once', async () => {
    const place = front.place()
    const person = front.person()
    await front.command(person, place, FILM)
    const card = await begun(place)
    front.fail('conversations.open', 'cannot_dm_bot', 1, person.id)
    const mention = await slackShown(front, place.channel, isNotice, 'a mention')
    expect([new Set(mention.called), front.messages(place.channel)]).toEqual([
      new Set([`@${person.id}`]),
      [card, mention],
    ])
  })
})

test('a prompt is shown as text and calls nobody; two at once are allowed, and Cancel is the owner’s alone', async () => {
  const family = '👨‍👩‍👧'
  const [person, other, stranger] = [front.person(), front.person(), front.person(KOREAN)]
  const asks = [
    [person, `<!channel> <!here> <@${stranger.id}> <@U123> <#C1> <https://a.test|click> &<>&amp; look`],
    [person, '*bold* _it_ ~no~ `code` ```fence``` > quote :smile: 1. • <!date^1^{date}|x>'],
    [other, family.repeat(500)],
    [other, 'مدينة \u202eالمنارة תחת הגשם'],
  ] as const
  const made = []
  const home = front.place()
  for (const [who, prompt] of asks) {
    fal.outcomes.push({ never: true })
    const place = front.place(home)
    await front.command(who, place, `${prompt} --segments 2 --seconds 4`)
    made.push({ who, prompt, place, card: await begun(place) })
  }
  for (const { prompt, card } of made) {
    const written = prompt.replace('\u202e', '')
    // in plain text, where nothing is markup
    const { text } = card.blocks.find(({ type }) => type === 'section') as { text: Fields }
    expect([text.type, text.emoji]).toEqual(['plain_text', false])
    expect([card.text.replaceAll(`${family}\n`, family).includes(written), card.called]).toEqual([true, []])
    expect(card.text.isWellFormed()).toBe(true)
    expect(card.text).not.toMatch(/[\u202a-\u202e]/)
  }

  // a third at once is refused, to this person alone
  const place = front.place(home)
  await front.command(person, place, FILM)
  expect((await privately(person)).text).toContain('2')

  const [first, second, third, fourth] = made
  if (!first || !second || !third || !fourth) throw new Error('no card')
  await front.press(stranger, first.place, first.card, 'cancel')
  await privately(stranger)
  await front.command(stranger, place, 'cancel')
  expect((await privately(stranger, 1)).blocks).toHaveLength(1)
  expect(canBeCancelled(first.card)).toBe(true)

  // of two it asks which, with a button for each; the last one needs none
  await front.command(other, place, 'cancel')
  const which = await privately(other)
  expect(slackActions(which)).toEqual(['cancel', 'cancel'])
  await front.press(other, place, which, 'cancel')
  await privately(other, 1)
  await front.command(other, place, '취소')
  await privately(other, 2)
  for (const { who, card, place: where } of [second, first]) await front.press(who, where, card, 'cancel')
  for (const { card } of made) await until('a card of a cancelled job', () => !canBeCancelled(card))
  await until('requests that are cancelled', () => fal.accepted.slice(-2).every(({ cancelled }) => cancelled))

  // two an hour are allowed here
  await front.command(person, place, FILM)
  expect((await privately(person, 1)).text).toContain('2')
  expect(front.messages(place.channel)).toEqual([])
})

test.each<[string, string, RegExp]>([
  ['a prompt of 501 characters', 'a'.repeat(501), /501.*500/],
  ['no prompt beside its options', '--segments 4', /1\D+500/],
  ['a number of segments', `${PROMPT} —segments 11`, /11.*2–10/],
  ['a length', `${PROMPT} seconds:5`, /5.*4, 8, 12/],
  ['an option that there isn’t', `${PROMPT} --frames 5`, /--frames.*--segments/],
  ['a model that was switched off', `${PROMPT} --model sora-2`, /2026-09-24.*wan-2\.7|wan-2\.7.*2026-09-24/],
])(
  'what can’t be made is refused in private, in Korean and in English, with what is allowed: %s',
  async (_, typed, allowed) => {
    const place = front.place()
    for (const locale of [KOREAN, 'en-US']) {
      const person = front.person(locale)
      await front.command(person, place, typed)
      expect((await privately(person)).text).toMatch(allowed)
    }
    expect(front.messages(place.channel)).toEqual([])
  },
)

// the program ends and starts again: nothing may come after this but other starts
test('killed and started again, by Socket Mode now, the bot goes on with its cards and buttons, and tells each end once', async () => {
  const paid = fal.accepted.length
  // its end is told of, and the answer to that is still on its way when the program is killed
  const told = front.person()
  const held = Promise.withResolvers<void>()
  const before = await front.command(told, front.place(), `${PROMPT}, told --segments 2 --seconds 4`)
  await until('a job', () => fal.accepted.length > paid)
  front.fail('chat.postMessage', { after: held.promise }, 1)
  await slackToldOf(front, told)

  const person = front.person()
  const place = front.place()
  const waiting = front.place(place)
  const door = fal.hold('submit')
  await front.command(person, place, `${PROMPT}, killed --segments 2 --seconds 4`)
  await slackShown(front, place.channel, ({ text }) => text.includes('1/2'), 'a card at the first segment')
  await door.arrived
  // for the second segment of the one, and the first of the other, which waits for it
  fal.outcomes.push({ steps: [] }, { never: true })
  await front.command(person, waiting, `${PROMPT}, to be cancelled --segments 2 --seconds 4`)
  const other = await begun(waiting)
  await bot.crash()
  held.resolve()
  door.release()

  await bot.start('socket', { SLACK_UPLOAD_FILM: 'true' })
  const card = await finished(place)
  const film = await until('the film in the thread', () =>
    front.files.find(({ thread }) => thread === card.ts),
  )
  expect(film.name).toBe('film.mp4')
  expect(await front.press(person, waiting, other, 'cancel')).toEqual({ status: 200, body: null })
  await until('a card of a cancelled job', () => !canBeCancelled(other))
  await slackToldOf(front, person)

  // Slack closes its connections, and may not know the app for a while
  front.fail('apps.connections.open', 'account_inactive', 2)
  front.disconnect()
  await until('no connection', () => !front.deliveries.connected())
  await until('another connection', () => front.deliveries.connected())

  // a command comes by the connection too, and one from before starts nothing again
  const asker = front.person(KOREAN)
  await front.command(asker, place, 'help')
  await privately(asker)
  await before.again({ retry: 1 })
  const last = await ask(`${PROMPT}, by the socket --segments 2 --seconds 4`)
  await last.command.again({ retry: 1 })
  await finished(last.place)
  await slackToldOf(front, last.person)

  bot.running.kill('SIGTERM')
  expect((await bot.running.ended).code).toBe(0)
  expect([told, person, last.person].map((one) => front.dms(one).length)).toEqual([1, 1, 1])
  // the segment whose answer was lost is paid once, as are all others
  const times = ['told', 'killed', 'cancelled', 'by the socket'].map(
    (word) => fal.accepted.slice(paid).filter(({ input }) => String(input.prompt).includes(word)).length,
  )
  expect(times).toEqual([2, 2, 1, 2])
}, 120_000)

test('a token that Slack doesn’t know ends the start, in a line that names it', async () => {
  for (const [variable, wrong] of [
    ['SLACK_BOT_TOKEN', { SLACK_BOT_TOKEN: 'xoxb-wrong' }],
    ['SLACK_APP_TOKEN', { SLACK_APP_TOKEN: 'xapp-wrong' }],
  ] as const) {
    const more = { SLACK_APP_TOKEN: front.appToken, ...wrong, LANG: 'en', LOG_LEVEL: 'silent' }
    const { code, stderr } = await bot.machine.run([], { ...bot.env, ...more })
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(new RegExp(`^${variable}: .*invalid_auth.*\n$`)),
    ])
    expect(stderr).not.toContain('wrong')
  }
})
