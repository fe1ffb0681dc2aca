import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { changeText } from '../../src/i18n/index.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createLinkStore } from '../../src/storage/link-store.ts'
import { startAccounts } from '../support/accounts.ts'
import { MAIN, newMachine } from '../support/cli.ts'
import { NO_LIMITS, newJob, noEnlist, openUrl } from '../support/databases.ts'
import { PROMPT, startServices } from '../support/services.ts'
import { eventsOf, startWeb } from '../support/web.ts'

const SECRET = 'the-legacy-secret-of-a-project-that-is-old'
const [ANNA, BEN] = [randomUUID(), randomUUID()]
const WANTED = { prompt: PROMPT, segments: 2, seconds: 4 }

const { env, supabase } = await startServices(afterAll)
const database = await openUrl(env.DATABASE_URL ?? '')
const accounts = await startAccounts(supabase.url)
afterAll(() => accounts.close())
const machine = await newMachine(MAIN)
afterAll(() => machine.remove())
const web = await startWeb(machine, { ...env, SUPABASE_URL: accounts.url, SUPABASE_JWT_SECRET: SECRET })
let film: string

/** A request as somebody, by their token. */
async function as(person: string, path: string, init: RequestInit = {}): Promise<Response> {
  const authorization = `Bearer ${await accounts.token(person)}`
  return fetch(`${web.address}${path}`, {
    redirect: 'manual',
    ...init,
    headers: { authorization, 'accept-language': 'en', origin: web.address, ...init.headers },
  })
}

const withToken = (token: string, path = '/api/jobs') =>
  fetch(`${web.address}${path}`, { headers: { authorization: `Bearer ${token}` } })

const posted = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

beforeAll(async () => {
  const taken = await as(ANNA, '/api/generate', posted(WANTED))
  expect(taken.status).toBe(201)
  film = ((await taken.json()) as { job_id: string }).job_id
  const told: string[] = []
  for await (const { data } of eventsOf(await as(ANNA, `/api/events/${film}`))) told.push(data.type)
  expect(told.at(-1)).toBe('completed')
})

/** Every address at which something of a job is to be had or done, as the document and the pages have them. */
async function addressesOf(id: string): Promise<[method: string, path: string][]> {
  const document = (await (await fetch(`${web.address}/api/openapi.json`)).json()) as {
    paths: Record<string, Record<string, object>>
  }
  const api = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): [string, string] => [method.toUpperCase(), path]),
  )
  const pages = ['', '/events', '/film.mp4', '/poster.jpg', '/sheet.jpg', '/frames/1.jpg'].map(
    (path): [string, string] => ['GET', `/jobs/{id}${path}`],
  )
  const acts = ['cancel', 'retry'].map((act): [string, string] => ['POST', `/jobs/{id}/${act}`])
  return [...api, ...pages, ...acts]
    .filter(([, path]) => path.includes('{id}'))
    .map(([method, path]) => [method, path.replace('{id}', id)])
}

describe('a film is its owner’s alone', () => {
  test('its owner sees it by every address', async () => {
    for (const [method, path] of await addressesOf(film)) {
      const { status, body } = await as(ANNA, path, { method })
      await body?.cancel()
      expect([method, path, status < 400 || status === 409 || path.includes('/frames/')]).toEqual([
        method,
        path,
        true,
      ])
    }
    const { jobs } = (await (await as(ANNA, '/api/jobs')).json()) as { jobs: { job_id: string }[] }
    expect(jobs.map(({ job_id }) => job_id)).toEqual([film])
    const sent = await as(ANNA, `/api/download/${film}`)
    expect([
      sent.status,
      (await fetch(sent.headers.get('location') ?? '')).headers.get('content-type'),
    ]).toEqual([302, 'video/mp4'])
  })

  test('for anybody else there is no such film: every address says the same as for one that never was', async () => {
    const never = randomUUID()
    const mine = await addressesOf(film)
    const none = await addressesOf(never)
    expect(mine.length).toBeGreaterThan(12)
    for (const [i, [method, path]] of mine.entries()) {
      const [, other = ''] = none[i] ?? []
      const [hidden, absent] = [await as(BEN, path, { method }), await as(BEN, other, { method })]
      expect([path, hidden.status]).toEqual([path, 404])
      expect(absent.status).toBe(404)
      expect((await hidden.text()).replaceAll(film, never)).toBe(await absent.text())
    }
    expect(await (await as(BEN, '/api/jobs')).json()).toEqual({ jobs: [] })
  })

  test('«another like this» fills the form in for its owner alone', async () => {
    const html = { headers: { accept: 'text/html' } }
    expect(await (await as(ANNA, `/?from=${film}`, html)).text()).toContain(PROMPT)
    const form = await as(BEN, `/?from=${film}`, html)
    expect([form.status, (await form.text()).includes(PROMPT)]).toEqual([200, false])
  })

  test('whoever enters a chat’s code has the films of the chat, and nobody after them', async () => {
    const jobs = createJobStore(database.db, changeText)
    const identity = { platform: 'discord', team: '', externalId: '81384788765712384' } as const
    const job = newJob(await jobs.userOf(identity))
    await jobs.submit(job, NO_LIMITS, noEnlist)
    expect((await as(ANNA, `/api/status/${job.id}`)).status).toBe(404)
    const { code } = await createLinkStore(database.db).issue(identity)
    const taken = await as(ANNA, '/api/link', posted({ code }))
    expect([taken.status, await taken.json()]).toEqual([200, { platform: 'discord', jobs: 1 }])
    expect((await as(ANNA, `/api/status/${job.id}`)).status).toBe(200)
    expect((await as(BEN, '/api/link', posted({ code }))).status).toBe(400)
    expect((await as(BEN, `/api/status/${job.id}`)).status).toBe(404)
    expect((await as(ANNA, `/api/cancel/${job.id}`, { method: 'POST' })).status).toBe(200)
  })

  test('a made-up link to a film is worth nothing', async () => {
    const later = String(Math.floor(Date.now() / 1000) + 3600)
    for (const query of [
      '',
      '?expires=',
      `?expires=${later}&signature=`,
      `?expires=${later}&signature=AAAA`,
    ]) {
      for (const path of [`/v/${film}`, `/v/${film}/film.mp4`]) {
        expect((await fetch(`${web.address}${path}${query}`)).status).toBe(404)
      }
    }
    expect(
      (await fetch(`${web.address}/objects/films/${film}.mp4?expires=${later}&signature=A`)).status,
    ).toBe(404)
  })

  test('the same Idempotency-Key of two people makes two films', async () => {
    const order = { ...posted(WANTED), headers: { ...posted(WANTED).headers, 'idempotency-key': 'one' } }
    const ids = await Promise.all(
      [ANNA, ANNA, BEN].map(async (person) => {
        const answer = (await (await as(person, '/api/generate', order)).json()) as { job_id: string }
        return answer.job_id
      }),
    )
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false])
  })
})

describe('who asks is known by a token that can’t be made up', () => {
  const WRONG: [string, (person: string) => string | Promise<string>][] = [
    ['no token of any kind', () => 'abc'],
    ['one that has run out', (person) => accounts.token(person, { exp: Math.floor(Date.now() / 1000) - 60 })],
    ['one that never runs out', (person) => accounts.token(person, { exp: undefined })],
    ['another audience', (person) => accounts.token(person, { aud: 'anon' })],
    ['another issuer', (person) => accounts.token(person, { iss: 'https://evil.example/auth/v1' })],
    ['alg none', (person) => accounts.unsigned(person, 'none')],
    ['alg None', (person) => accounts.unsigned(person, 'None')],
    ['HS256 without a signature', (person) => accounts.unsigned(person, 'HS256')],
    ['HS256 signed with the public key', (person) => accounts.token(person, {}, accounts.publicKey)],
    [
      'HS256 signed with another secret',
      (person) => accounts.token(person, {}, 'another-secret-that-is-long-enough'),
    ],
    ['one for nobody', (person) => accounts.token(person, { sub: undefined })],
    ['one for somebody without an id', (person) => accounts.token(person, { sub: "' or 1=1 --" })],
    [
      'one whose claims were changed',
      async (person) => {
        const [head, , signature] = (await accounts.token(BEN)).split('.')
        return `${head}.${(await accounts.token(person)).split('.')[1]}.${signature}`
      },
    ],
  ]

  test.each(WRONG)('%s is refused', async (_, make) => {
    const answer = await withToken(await make(ANNA))
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await answer.json()).toMatchObject({ code: 'sign_in_needed' })
    // and no route is forgotten
    const stolen = await withToken(await make(ANNA), `/api/status/${film}`)
    expect(stolen.status).toBe(401)
  })

  test('without a token every route that is somebody’s says 401', async () => {
    for (const [method, path] of (await addressesOf(film)).filter(([, path]) => path.startsWith('/api/'))) {
      expect([path, (await fetch(`${web.address}${path}`, { method })).status]).toEqual([path, 401])
    }
    expect((await fetch(`${web.address}/api/generate`, posted(WANTED))).status).toBe(401)
  })

  test('the legacy secret’s tokens are good where it is set', async () => {
    const answer = await withToken(await accounts.token(ANNA, {}, SECRET), `/api/status/${film}`)
    expect([answer.status, ((await answer.json()) as { status: string }).status]).toEqual([200, 'completed'])
  })

  test('a cookie alone changes nothing that another site asks for', async () => {
    const cookie = `sora-access=${await accounts.token(ANNA)}`
    for (const headers of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
    ]) {
      const { status } = await fetch(`${web.address}/api/cancel/${film}`, {
        method: 'POST',
        headers: { cookie, ...headers } as Record<string, string>,
      })
      expect(status).toBe(403)
    }
    const own = await fetch(`${web.address}/api/cancel/${film}`, {
      method: 'POST',
      headers: { cookie, origin: web.address },
    })
    expect(own.status).toBe(409)
  })
})
