import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Env, MAIN } from '../support/cli.ts'
import { usedMachine } from '../support/databases.ts'
import { PROMPT, type Services, startServices } from '../support/services.ts'
import { until } from '../support/until.ts'
import { eventsOf, type StreamedEvent, startWeb } from '../support/web.ts'

async function prepare() {
  const { fal, env, paid } = await startServices(onTestFinished, { database: false })
  const machine = await usedMachine(MAIN)
  onTestFinished(() => machine.remove())
  const { SUPABASE_URL: _url, SUPABASE_SECRET_KEY: _key, ...single } = env
  const web = await startWeb(machine, single)
  return { ...web, fal, paid, start: (more: Env = {}) => startWeb(machine, { ...single, ...more }) }
}

async function askForFilm(address: string): Promise<string> {
  const answer = await fetch(`${address}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: PROMPT, segments: 2, seconds: 4 }),
  })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { job_id: string }).job_id
}

async function readInto(events: StreamedEvent[], stream: Response): Promise<void> {
  for await (const event of eventsOf(stream)) events.push(event)
}

/** Asks for a film, and waits until the request for its first segment stands at the provider, which holds its answer. */
async function filmBeingPaid(address: string, fal: Services['fal']) {
  const door = fal.hold('submit')
  const id = await askForFilm(address)
  await door.arrived
  return { id, door }
}

test('SIGTERM ends a program whose log nobody reads any more', async () => {
  const machine = await usedMachine(MAIN)
  onTestFinished(() => machine.remove())
  const { running } = await startWeb(machine, {})
  running.hangUp()
  running.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
})

test('a program that stops ends its streams, refuses what is new and says so; nothing is paid for twice', async () => {
  const { address, running, fal, paid, start } = await prepare()
  const { id, door } = await filmBeingPaid(address, fal)
  const seen: StreamedEvent[] = []
  const stream = readInto(seen, await fetch(`${address}/api/events/${id}`))
  await until('a film that is being made', () => seen.some(({ data }) => data.status === 'generating'))
  running.kill('SIGTERM')
  // it ends in order, and its follower knows from where to go on
  await stream

  const ready = await fetch(`${address}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([503, 'stopping\n'])
  expect((await fetch(`${address}/healthz`)).status).toBe(200)
  const refused = await fetch(`${address}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-language': 'en' },
    body: JSON.stringify({ prompt: PROMPT }),
  })
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10'])
  expect(await refused.json()).toMatchObject({ code: 'stopping' })

  door.release()
  expect((await running.ended).code).toBe(0)
  const again = await start()
  const rest: StreamedEvent[] = []
  await readInto(rest, await fetch(`${again.address}/api/events/${id}?after=${seen.at(-1)?.id}`))
  expect(rest.at(-1)?.data.status).toBe('completed')
  expect(paid()).toEqual([1, 1])
  const known = (await (await fetch(`${again.address}/api/jobs`)).json()) as { jobs: unknown[] }
  expect(known.jobs).toHaveLength(1)
})

describe('a provider that holds its answer', () => {
  test('doesn’t keep a program that is asked to stop', async () => {
    const { address, running, fal, paid, start } = await prepare()
    const { id } = await filmBeingPaid(address, fal)
    running.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
    const again = await start()
    const state = async () =>
      ((await (await fetch(`${again.address}/api/status/${id}`)).json()) as { status: string }).status
    await until('a finished film', async () => (await state()) === 'completed', { seconds: 60 })
    expect(paid()).toEqual([1, 1])
  })

  test('doesn’t keep it at all when it is asked twice', async () => {
    const { address, running, fal } = await prepare()
    await filmBeingPaid(address, fal)
    running.kill('SIGTERM')
    await until('a program that stops', () => running.output().includes('"msg":"stopping"'))
    running.kill('SIGTERM')
    expect((await running.ended).code).toBe(1)
  })
})

test('SIGTERM ends a start that waits for a database', async () => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  onTestFinished(() => void mute.close())
  await once(mute, 'listening')
  const machine = await usedMachine(MAIN)
  onTestFinished(() => machine.remove())
  const asked = once(mute, 'connection')
  const running = machine.start([], {
    DATABASE_URL: `postgres://me:secret@127.0.0.1:${(mute.address() as AddressInfo).port}/films`,
  })
  await asked
  running.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
})
