import { expect, onTestFailed, onTestFinished, test, vi } from 'vitest'
import { buttonsOf, prepareBot, shown, toldOf } from '../support/discord-bot.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'

vi.setConfig({ testTimeout: 240_000 })

const FILM = { prompt: 'a lighthouse in the rain', segments: 2, seconds: 4 }

test('a film of a chat is seen on its page, and on the web page of whoever enters the chat’s code', async () => {
  const port = String(await freePort())
  const origin = `http://127.0.0.1:${port}`
  const stored = { SUPABASE_URL: '', SUPABASE_SECRET_KEY: '' }
  const bot = await prepareBot(onTestFinished, { ...stored, PORT: port, PUBLIC_URL: origin })
  onTestFailed(() => void process.stderr.write(bot.running.output().slice(-8000)))
  const { front } = bot
  await bot.start()
  await until('commands', () => front.commands.find('sora-link', null))

  const [person, place] = [await front.people.person('Minji'), front.people.channel()]
  await front.command(person, place, 'sora', FILM)
  const linksOf = (message: Parameters<typeof buttonsOf>[0]) =>
    buttonsOf(message).filter((url) => url.startsWith(`${origin}/v/`))
  const card = await shown(front, place, (message) => linksOf(message).length > 0, 'a card with a link')
  const told = await toldOf(front, person)
  for (const message of [card, told]) {
    const [link = ''] = linksOf(message)
    const page = await fetch(link)
    expect([page.status, page.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^text\/html/),
    ])
    const [, source = ''] = /<video[^>]+src="([^"]+)"/.exec(await page.text()) ?? []
    const film = await fetch(new URL(source.replaceAll('&amp;', '&'), origin))
    expect([film.status, film.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect((await film.arrayBuffer()).byteLength).toBeGreaterThan(10_000)
    const guessed = new URL(link)
    guessed.searchParams.set('expires', '9999999999')
    expect((await fetch(guessed)).status).toBe(404)
  }

  const jobs = async () =>
    (await (await fetch(`${origin}/api/jobs`)).json()) as { jobs: { job_id: string }[] }
  const enter = async (code: string) => {
    const headers = { 'content-type': 'application/json', 'accept-language': 'en' }
    const answer = await fetch(`${origin}/api/link`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ code }),
    })
    return [answer.status, await answer.json()]
  }
  expect((await jobs()).jobs).toEqual([])
  const call = await front.command(person, place, 'sora-link')
  const said = await until('a code', () =>
    call.answers().find(({ private: alone, text }) => alone && /-/.test(text)),
  )
  expect(buttonsOf(said)).toContain(`${origin}/link`)
  const [, code = ''] = /code: (\S+)/.exec(said.text) ?? []
  expect(await enter('AAAA-AAAA')).toEqual([400, expect.objectContaining({ code: 'link_code_invalid' })])
  const body = new URLSearchParams({ code: code.toLowerCase() })
  const entered = await fetch(`${origin}/link`, { method: 'POST', headers: { origin }, body })
  expect([entered.status, await entered.text()]).toEqual([200, expect.stringContaining('Discord')])
  // the same person once more, who saw no answer
  expect(await enter(code)).toEqual([200, { platform: 'discord', jobs: 0 }])
  const [first] = (await jobs()).jobs
  expect(linksOf(card)[0]).toContain(first?.job_id ?? 'no job')
  // the chat still knows its films
  const list = await front.command(person, place, 'sora-jobs')
  const mine = await until('a list', () => list.answers().find((answer) => linksOf(answer).length > 0))
  expect(linksOf(mine)[0]).toContain(first?.job_id)
})
