import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InteractionResponseType } from 'discord.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest'
import { type BotAtWork, buttonsOf, notAsText, prepareBot, shown, toldOf } from '../support/discord-bot.ts'
import type { Call } from '../support/discord-calls.ts'
import type { Options } from '../support/discord-commands.ts'
import type { DiscordFront } from '../support/discord-front.ts'
import type { Shown } from '../support/discord-messages.ts'
import type { Person, Place } from '../support/discord-people.ts'
import type { FalServer } from '../support/fal-server.ts'
import { makePicture } from '../support/film.ts'
import { until } from '../support/until.ts'

const FILM = { prompt: 'a lighthouse in the rain', segments: 2, seconds: 4 }
const HANGUL = /[가-힣]/
const KOREAN = { locale: 'ko' }
/** A clock that is ten minutes ahead, for a whole program. */
const LATER = `const Now = Date; globalThis.Date = class extends Now {
  constructor(...at) { at.length > 0 ? super(...at) : super(Now.now() + 600_000) }
  static now() { return Now.now() + 600_000 }
}`

const closes: (() => Promise<void>)[] = []
let bot: BotAtWork
let front: DiscordFront
let fal: FalServer

beforeAll(async () => {
  const limits = { JOBS_PER_HOUR: '2', MAX_CONCURRENT_JOBS: '8', MAX_CONCURRENT_RENDERS: '8' }
  bot = await prepareBot((close) => void closes.unshift(close), limits)
  front = bot.front
  fal = bot.fal
  await bot.start()
  await until('commands', () => front.commands.find('sora', null))
}, 120_000)

afterAll(async () => {
  for (const close of closes) await close()
})

beforeEach(() => {
  onTestFailed(() => void process.stderr.write(bot.running.output().slice(-8000)))
})

afterEach(() => {
  fal.outcomes.splice(0)
  expect([...front.invalid.splice(0), ...front.gateway.invalid.splice(0)]).toEqual([])
})

interface Asked {
  person: Person
  place: Place
  call: Call
}

/** Somebody new asks for a film, in a channel of their own. */
async function ask(
  options: Options = FILM,
  { place = front.people.channel(), locale = 'en-US' } = {},
): Promise<Asked> {
  const person = await front.people.person(`Person${Math.round(performance.now())}`)
  return { person, place, call: await front.command(person, place, 'sora', options, { locale }) }
}

const hasFilm = ({ attachments }: Shown) => attachments.some(({ filename }) => filename.endsWith('.mp4'))
/** A card of a job that goes on has a button to cancel it. */
const cancelOf = (card: Shown) => buttonsOf(card).find((id) => id.startsWith('cancel:')) ?? ''
const linksOf = (message: Shown) => buttonsOf(message).filter((id) => id.startsWith('http'))

/** The card of a job that has been taken in. */
function begun(place: Place): Promise<Shown> {
  return shown(front, place, (message) => cancelOf(message) !== '', 'a card')
}

/** The card at a job's end. */
function finished(place: Place): Promise<Shown> {
  return shown(front, place, hasFilm, 'a card with the film')
}

/** What a person alone is answered, in their language. */
async function privately(call: Call, locale = 'en-US'): Promise<Shown> {
  const isSaid = ({ private: alone, loading, text }: Shown) => alone && !loading && text !== ''
  const answer = await until('a private answer', () => call.answers().find(isSaid))
  expect([answer.text, HANGUL.test(answer.text)]).toEqual([answer.text, locale === 'ko'])
  return answer
}

/** The first answer to somebody who is refused before anything is shown to everybody. */
const ALONE = InteractionResponseType.ChannelMessageWithSource

/** What everybody sees of a place. */
const publicIn = ({ channelId }: Place) => front.messages(channelId).filter((one) => !one.private)

const about = (channelId: string, since = 0) =>
  front.requests.slice(since).filter(({ of }) => of === channelId)

describe('/sora', () => {
  test('is answered in time; its card grows with each segment; at the end there are the film, its link and one direct message', async () => {
    const doors = [fal.hold('submit'), fal.hold('submit')]
    const { person, place, call } = await ask()
    const { type } = await call.first
    expect(type).toBe(InteractionResponseType.DeferredChannelMessageWithSource)
    const card = await shown(front, place, ({ text }) => text.includes('1/2'), 'a card at the first segment')
    expect(cancelOf(card)).toMatch(/^cancel:[0-9a-f-]{36}$/)
    for (const said of [FILM.prompt, 'Opening', 'Closing', '0.80 USD', 'Wan 2.7'])
      expect(card.text).toContain(said)
    expect(card.attachments).toEqual([])
    doors[0]?.release()
    await shown(front, place, ({ text }) => text.includes('2/2'), 'a card at the second segment')
    // the last frame of what is done
    expect(card.attachments.map(({ filename }) => filename)).toEqual([
      expect.stringMatching(/\.(jpg|png|webp)$/),
    ])
    doors[1]?.release()
    await finished(place)
    expect(cancelOf(card)).toBe('')
    expect(card.text).toContain('0.80 USD')

    const [link = ''] = linksOf(card)
    const film = await fetch(link)
    expect([film.status, film.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    const told = await toldOf(front, person)
    // each link is signed anew
    expect(linksOf(told).map((url) => new URL(url).pathname)).toContain(new URL(link).pathname)
    expect([await front.dms(person), front.messages(place.channelId), told.called, card.called]).toEqual([
      [told],
      [card],
      [],
      [],
    ])
  })

  test('goes on where the app is a person’s own: in their direct messages, opening on their picture, and in a group', async () => {
    const picture = await readFile(await makePicture(join(bot.machine.folder, 'opening.png'), 400, 400))
    const person = await front.people.person('Jiwoo')
    const size = { size: picture.length, width: 400, height: 400, content_type: 'image/png' }
    const image = { filename: 'opening.png', url: front.host('opening.png', picture), ...size }
    const dm = await front.people.dm(person)
    await front.command(person, dm, 'sora', { ...FILM, image })
    await finished(dm)
    expect(fal.accepted.at(-1)?.endpoint).toContain('image-to-video')
    expect(fal.accepted.slice(-2).map(({ endpoint }) => endpoint)).not.toContain(
      'fal-ai/wan/v2.7/text-to-video',
    )

    const group = await front.people.group()
    await front.command(person, group, 'sora', FILM)
    expect((await finished(group)).called).toEqual([])
    await until(
      'both ends told',
      async () => (await front.dms(person)).filter((one) => !hasFilm(one)).length === 2,
    )
  })

  test('outlives the token of its interaction: the card is edited to its end, and where it can’t be, the direct message comes', async () => {
    front.tokenLifetime(3000)
    const doors = [fal.hold('submit'), fal.hold('submit')]
    const here = await ask()
    const elsewhere = await ask(FILM, { place: await front.people.elsewhere() })
    front.tokenLifetime(15 * 60_000)
    for (const door of doors) await door.arrived
    await until('tokens that are old', () => Date.now() > elsewhere.call.sentAt + 3000)
    const since = front.requests.length
    for (const door of doors) door.release()
    await finished(here.place)
    for (const { person } of [here, elsewhere]) {
      await toldOf(front, person)
      expect(await front.dms(person)).toHaveLength(1)
    }
    // a dead token isn't tried again and again
    expect(about(elsewhere.call.token, since).length).toBeLessThanOrEqual(2)
    expect(
      front.requests.slice(since).filter(({ of, status }) => of === here.call.token && status === 401),
    ).toEqual([])
  })

  test('that failed tells why, and Retry goes on from there', async () => {
    const detail = [
      { loc: ['body', 'prompt'], msg: 'The prompt was flagged', type: 'content_policy_violation' },
    ]
    fal.outcomes.push({ steps: [], answer: { status: 422, body: { detail } } })
    const { person, place } = await ask(FILM, KOREAN)
    const isRetry = (id: string) => id.startsWith('retry:')
    const card = await shown(front, place, (message) => buttonsOf(message).some(isRetry), 'a card with Retry')
    expect([card.text, cancelOf(card)]).toEqual([expect.stringMatching(HANGUL), ''])
    expect((await toldOf(front, person)).text).toMatch(HANGUL)
    await front.press(person, card, buttonsOf(card).find(isRetry) ?? '')
    await finished(place)
    await until('both ends told', async () => (await front.dms(person)).length === 2)
  })
})

describe('what Discord refuses never harms a job', { concurrent: true }, () => {
  test('a card that was deleted is left alone', async () => {
    const { person, place } = await ask()
    const card = await begun(place)
    await front.deleteMessage(card.id)
    const since = front.requests.length
    await toldOf(front, person)
    expect(about(place.channelId, since).map(({ status }) => status)).toEqual([404])
    expect(front.messages(place.channelId)).toEqual([])
  })

  test('a channel that the bot may not see has its card edited by the interaction', async () => {
    const place = front.people.channel()
    front.fail('message edit', 50001, 1000, place.channelId)
    const { person } = await ask(FILM, { place })
    await finished(place)
    await toldOf(front, person)
  })

  test('too many edits of an old card, and closed direct messages: it is left alone for a while, and the person mentioned once', async () => {
    const place = front.people.channel()
    front.fail('message edit', 30046, 1000, place.channelId)
    const { person } = await ask(FILM, { place })
    front.closeDms(person, 50278)
    await mentioned(person, place)
    expect(about(place.channelId).filter(({ route }) => route === 'message edit').length).toBeLessThan(5)
  })

  test('limits, failures and broken lines, and direct messages that are refused: the same', async () => {
    const place = front.people.channel()
    for (const failure of [{ retryAfter: 1.5 }, { status: 500 }, 'drop', { status: 502 }] as const) {
      front.fail('message edit', failure, 1, place.channelId)
    }
    front.fail('message', { retryAfter: 1 }, 1, place.channelId)
    const { person } = await ask(FILM, { place })
    front.closeDms(person, 50007)
    await mentioned(person, place)
    await finished(place)
  })

  async function mentioned(person: Person, place: Place): Promise<void> {
    const calls = ({ called }: Shown) => called.includes(person.id)
    const mention = await shown(front, place, calls, 'a mention')
    expect(mention.called).toEqual([person.id])
    expect(front.messages(place.channelId).filter(calls)).toHaveLength(1)
    expect(await front.dms(person)).toEqual([])
  }
})

test('a gateway that drops is taken up again: nothing that was asked meanwhile is lost, and cards go on', async () => {
  const door = fal.hold('submit')
  const { person, place } = await ask()
  await door.arrived
  const { resumed, identified } = front.gateway
  front.gateway.drop()
  const help = await front.command(person, place, 'sora-help')
  await privately(help)
  expect(front.gateway.resumed).toBe(resumed + 1)
  front.gateway.drop({ forgotten: true })
  door.release()
  await finished(place)
  const again = await front.command(person, place, 'sora-help')
  await privately(again)
  expect(front.gateway.identified).toBe(identified + 1)
})

describe('a prompt is shown as text, and calls nobody', () => {
  const family = '👨‍👩‍👧'

  test('mentions, markdown, 500 emoji and right-to-left text; two at once are allowed, and Cancel is the owner’s alone', async () => {
    const [person, other, stranger] = await Promise.all(['Haneul', 'Bora', 'Eve'].map(front.people.person))
    if (!person || !other || !stranger) throw new Error('nobody')
    const mentions = `@everyone @here <@${stranger.id}> <@&${front.guildId}> look`
    const markdown = '**bold** _it_ ~~no~~ ||psst|| `code` [link](https://a.test) <t:1:R> <:x:1> # > - \\* **'
    const arabic = 'مدينة \u202eالمنارة תחת הגשם'
    const asks = [
      [person, mentions],
      [person, markdown],
      [other, family.repeat(500)],
      [other, arabic],
    ] as const
    const made = []
    for (const [who, prompt] of asks) {
      fal.outcomes.push({ never: true })
      const place = front.people.channel()
      await front.command(who, place, 'sora', { ...FILM, prompt })
      const card = await begun(place)
      made.push({ who, prompt, place, card })
    }
    for (const { prompt, card } of made) {
      const written = prompt.startsWith(family) ? family.repeat(100) : prompt
      expect(notAsText(card.text, written)).toEqual([])
      expect(card.called).toEqual([])
      // a character is whole or not there, and the card's own direction stays
      expect(card.text.replaceAll(family, '')).not.toMatch(/👨|👩|👧|\u200d/)
      expect(card.text).not.toMatch(/[\u202a-\u202e]/)
    }

    // a third at once is refused, to this person alone and in their language
    const place = front.people.channel()
    await privately(await front.command(person, place, 'sora', FILM, KOREAN), 'ko')
    expect(publicIn(place)).toEqual([])

    const [first] = made
    if (!first) throw new Error('no card')
    for (const locale of ['ko', 'en-US']) {
      await privately(await front.press(stranger, first.card, cancelOf(first.card), { locale }), locale)
    }
    expect(cancelOf(first.card)).not.toBe('')
    // nor does the command know of it
    const offered = await front.autocomplete(stranger, place, 'sora-cancel', { job: '' })
    expect(offered).toEqual([])
    const mine = await front.autocomplete(person, place, 'sora-cancel', { job: '' })
    expect(mine.map(({ value }) => `cancel:${value}`).sort()).toEqual(
      made
        .slice(0, 2)
        .map(({ card }) => cancelOf(card))
        .sort(),
    )

    for (const { who, card } of made.slice(1)) await front.press(who, card, cancelOf(card))
    const job = cancelOf(first.card).replace('cancel:', '')
    await privately(await front.command(person, place, 'sora-cancel', { job }, KOREAN), 'ko')
    for (const { card } of made) await until('a card of a cancelled job', () => cancelOf(card) === '')
    await until('requests that are cancelled', () =>
      fal.accepted.slice(-2).every(({ cancelled }) => cancelled),
    )

    // two an hour are allowed here
    for (const locale of ['ko', 'en-US']) {
      const limited = await front.command(person, place, 'sora', FILM, { locale })
      const { text } = await privately(limited, locale)
      expect(text).toMatch(/\b2 films|2편/)
      const [, moment = 0] = /<t:(\d+):T>/.exec(text) ?? []
      expect([Number(moment) > Date.now() / 1000, Number(moment) <= Date.now() / 1000 + 3601]).toEqual([
        true,
        true,
      ])
      expect((await limited.first).type).toBe(ALONE)
    }
    expect(publicIn(place)).toEqual([])
  })
})

describe('what can’t be made', () => {
  const picture = {
    filename: 'big.png',
    size: 30_000_000,
    content_type: 'image/png',
    width: 4000,
    height: 4000,
  }
  const url = 'https://cdn.discordapp.com/attachments/1/2/big.png'

  test.for<[string, Options, RegExp]>([
    ['a blank prompt', { prompt: '   ' }, /1\D+500/],
    ['a prompt of 501 characters', { prompt: 'a'.repeat(501) }, /500/],
    ['a model that nobody knows', { prompt: 'x', model: 'sora-9' }, /wan-2\.7/],
    [
      'a model that was switched off',
      { prompt: 'x', model: 'sora-2' },
      /2026-09-24.*wan-2\.7|wan-2\.7.*2026-09-24/s,
    ],
    ['what a model can’t do', { prompt: 'x', model: 'ltx-2.3', seconds: 4 }, /ltx-2\.3.*8|8.*ltx-2\.3/s],
    ['a picture of 30 MB', { prompt: 'x', image: { ...picture, url } }, /20 ?MB/],
    [
      'a file that is no picture',
      { prompt: 'x', image: { ...picture, url, size: 100, content_type: 'application/pdf' } },
      /PNG/,
    ],
    ['a picture of 100 pixels', { prompt: 'x', image: { ...picture, url, size: 100, width: 100 } }, /300/],
  ])(
    'is refused in private, in Korean and in English, with what is allowed: %s',
    async ([, options, allowed]) => {
      const person = await front.people.person('Sam')
      const place = front.people.channel()
      for (const locale of ['ko', 'en-US', 'de']) {
        const { text } = await privately(
          await front.command(person, place, 'sora', options, { locale }),
          locale,
        )
        expect(text).toMatch(allowed)
      }
      expect(publicIn(place)).toEqual([])
    },
  )

  test('a picture from elsewhere than Discord is refused, and never asked for', async () => {
    const image = { ...picture, size: 1000, url: `${fal.url}/media/files/private.png` }
    const seen = fal.seen.length
    const { call, place } = await ask({ prompt: 'x', image })
    expect((await privately(call)).text).toMatch(/PNG/)
    expect((await call.first).type).toBe(ALONE)
    expect([fal.seen.slice(seen), publicIn(place)]).toEqual([[], []])
  })

  test('is refused by Discord itself where the command can declare it', async () => {
    const person = await front.people.person('Ann')
    const place = front.people.channel()
    for (const wrong of [
      { segments: 1 },
      { segments: 11 },
      { segments: 2.5 },
      { seconds: 5 },
      { resolution: '4k' },
      { aspect: '4:3' },
    ]) {
      await expect(front.command(person, place, 'sora', { prompt: 'x', ...wrong })).rejects.toThrow(
        'Discord refuses',
      )
    }
    await expect(front.command(person, place, 'sora', {})).rejects.toThrow('Discord asks for prompt')
  })
})

test('people are offered the models with their prices, their films, and help, in their language', async () => {
  const { person, place } = await ask(FILM, KOREAN)
  const models = await front.autocomplete(person, place, 'sora', { prompt: 'x', model: 'WAN' }, KOREAN)
  expect(models).toEqual([{ name: expect.stringContaining('0.10'), value: 'wan-2.7' }])
  expect(
    (await front.autocomplete(person, place, 'sora', { model: 'sora' })).map(({ value }) => value),
  ).toEqual([])
  const card = await finished(place)
  for (const locale of ['ko', 'en-US']) {
    const jobs = await privately(await front.command(person, place, 'sora-jobs', {}, { locale }), locale)
    expect(linksOf(jobs)).toHaveLength(1)
    const help = await privately(await front.command(person, place, 'sora-help', {}, { locale }), locale)
    const link = await privately(await front.command(person, place, 'sora-link', {}, { locale }), locale)
    expect(link.text).toMatch(/: [0-9A-Z]{4}-[0-9A-Z]{4}/)
    expect(help.text).toMatch(/hour: 1 of 2|한 시간의 영상: 2편 중 1편/)
    expect(help.text).toMatch(/Unfinished films: 0 of 2|끝나지 않은 영상: 2편 중 0편/)
    expect(help.text).toMatch(/wan-2\.7\W+0\.10\/0\.15 USD|wan-2\.7\W+초당 0\.10\/0\.15 USD/)
  }
  expect(publicIn(place)).toEqual([card])
})

describe('commands', () => {
  test('are declared in Korean and English, for servers, direct messages and groups', () => {
    const all = front.commands.all('')
    expect(all.map(({ name }) => name).sort()).toEqual([
      'sora',
      'sora-cancel',
      'sora-help',
      'sora-jobs',
      'sora-link',
    ])
    for (const { contexts, integration_types, description_localizations, options } of all) {
      expect([contexts, integration_types]).toEqual([
        [0, 1, 2],
        [0, 1],
      ])
      const texts = [description_localizations, ...options.map((option) => option.description_localizations)]
      for (const text of texts) expect(text).toMatchObject({ ko: expect.stringMatching(HANGUL) })
    }
  })
})

// the program ends and starts again: nothing may come after this
test('killed and started again, the bot goes on with its cards and buttons, tells each end once, and writes no command anew', async () => {
  const person = await front.people.person('Dahye')
  const paid = fal.accepted.length
  // the other card is where the bot isn't: only the token of its interaction edits it, and a restart forgets that
  const [place, waiting] = [front.people.channel(), await front.people.elsewhere()]
  const door = fal.hold('submit')
  await front.command(person, place, 'sora', { ...FILM, prompt: 'killed' })
  await shown(front, place, ({ text }) => text.includes('1/2'), 'a card at the first segment')
  await door.arrived
  // for the second segment of the one, and the first of the other, which waits for it
  fal.outcomes.push({ steps: [] }, { never: true })
  await front.command(person, waiting, 'sora', { ...FILM, prompt: 'to be cancelled' })
  const other = await begun(waiting)
  await bot.crash()
  door.release()

  // from here on no answer to the direct message arrives
  const dm = await front.people.dm(person)
  front.fail('message', 'lost', 1000, dm.channelId)
  const since = front.requests.length
  await bot.start()
  await finished(place)
  const press = await front.press(person, other, cancelOf(other))
  await press.first
  await until('a card of a cancelled job', () => cancelOf(other) === '')
  await toldOf(front, person)
  // the token is made anew: somebody has to do something about it
  front.gateway.drop({ code: 4004 })
  const { code, stderr } = await bot.running.ended
  expect([code, stderr]).toEqual([1, expect.stringContaining('4004')])
  const writes = front.requests
    .slice(since)
    .filter(({ route, method }) => route === 'commands' && method !== 'GET')
  expect(writes).toEqual([])
  // the segment whose answer was lost is paid once, as are the others
  expect(fal.accepted.slice(paid).map(({ input }) => String(input.prompt).includes('killed'))).toEqual([
    true,
    true,
    false,
  ])

  // Discord knows a nonce for minutes alone: later the bot has to look for what it said
  front.heal()
  front.forgetNonces()
  const before = front.requests.length
  const later = `--import=data:text/javascript,${encodeURIComponent(LATER)}`
  await bot.start({ NODE_OPTIONS: later, DISCORD_GUILD_ID: front.guildId })
  await until('a look at what was told', () =>
    about(dm.channelId, before).find(({ status }) => status === 200),
  )
  await until('commands in the server', () => front.commands.all(front.guildId).length === 5)

  // what is being answered when the program is asked to stop comes to its end, and nothing new is begun
  const url = front.host('late.png', null)
  const image = { filename: 'late.png', url, size: 1000, width: 400, height: 400, content_type: 'image/png' }
  const late = front.people.channel()
  const call = await front.command(await front.people.person('Late'), late, 'sora', { ...FILM, image })
  await until('an opening', () => publicIn(late).find(({ loading, text }) => !loading && text !== ''))
  bot.running.kill('SIGTERM')
  await privately(call)
  expect((await bot.running.ended).code).toBe(0)
  expect(publicIn(late)).toEqual([])
  expect(await front.dms(person)).toHaveLength(1)
}, 120_000)
