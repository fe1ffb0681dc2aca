import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, type TestContext, test } from 'vitest'
import { startAccounts } from '../support/accounts.ts'
import { type Env, MAIN, newMachine } from '../support/cli.ts'
import type { FalServer } from '../support/fal-server.ts'
import { type Gate, startGate } from '../support/gate.ts'
import { PROMPT, type Services, startServices } from '../support/services.ts'
import { until } from '../support/until.ts'
import { eventsOf, startWeb, type Web } from '../support/web.ts'

/** How long what a film needs is away. */
const AWAY_MS = 30_000

interface Stage extends Services {
  web: Web
  jobId: string
  /** What the person who asked for the film saw of it, until its end. */
  seen: Promise<string[]>
  statusNow(): Promise<{ code: number; body: Record<string, unknown> }>
}

type Point = Parameters<FalServer['hold']>[0]

/** A film that is being made, up to the moment at which the provider is asked at `point`; what it needs is reached by the ways of `by`. */
async function filming(
  { onTestFinished }: TestContext,
  point: Point,
  by: (env: Env) => Promise<Env & { authorization?: string }>,
): Promise<Stage & { release(): void }> {
  const services = await startServices(onTestFinished)
  const machine = await newMachine(MAIN)
  onTestFinished(() => machine.remove())
  const { SUPABASE_URL: _url, SUPABASE_SECRET_KEY: _key, ...single } = services.env
  const { authorization = '', ...ways } = await by(services.env)
  const headers = { authorization, 'content-type': 'application/json' }
  const web = await startWeb(machine, { ...single, ...ways })
  const hold = services.fal.hold(point)
  const asked = await fetch(`${web.address}/api/generate`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ prompt: PROMPT, segments: 2, seconds: 4 }),
  })
  const { job_id: jobId } = (await asked.json()) as { job_id: string }
  const seen = (async () => {
    const types: string[] = []
    for await (const { data } of eventsOf(await fetch(`${web.address}/api/events/${jobId}`, { headers })))
      types.push(data.type)
    return types
  })()
  await hold.arrived
  return {
    ...services,
    ...{ web, jobId, seen, release: () => hold.release() },
    async statusNow() {
      const answer = await fetch(`${web.address}/api/status/${jobId}`, { headers })
      return { code: answer.status, body: (await answer.json()) as Record<string, unknown> }
    },
  }
}

/** The film was made, nothing was told that wasn't so, and each segment was paid once. */
async function expectFilm({ seen, paid, statusNow }: Stage): Promise<void> {
  const told = await seen
  expect(told.at(-1)).toBe('completed')
  expect(told).not.toContain('failed')
  expect((await statusNow()).body).toMatchObject({ status: 'completed', progress: 1 })
  expect(paid()).toEqual([1, 1])
}

describe.concurrent('half a minute without', () => {
  test('the provider: the film goes on where it was, and nobody is told of a failure', async (context) => {
    let gate: Gate | undefined
    // the second segment is to be asked for while nobody answers
    const stage = await filming(context, 'download', async ({ FAL_QUEUE_URL = '' }) => {
      gate = await startGate(context.onTestFinished, new URL(FAL_QUEUE_URL).origin)
      const { url } = gate
      return { FAL_QUEUE_URL: `${url}/queue`, FAL_REST_URL: `${url}/rest`, FAL_API_URL: url }
    })
    await gate?.shut()
    stage.release()
    await sleep(AWAY_MS)
    expect((await stage.statusNow()).body).toMatchObject({ status: 'generating' })
    await gate?.open()
    await expectFilm(stage)
  })

  test('the film’s storage: it is put there when that is back', async (context) => {
    let gate: Gate | undefined
    const stage = await filming(
      context,
      'download',
      async ({ SUPABASE_URL = '', SUPABASE_SECRET_KEY = '' }) => {
        gate = await startGate(context.onTestFinished, SUPABASE_URL)
        const accounts = await startAccounts(gate.url)
        context.onTestFinished(() => accounts.close())
        const authorization = `Bearer ${await accounts.token(randomUUID())}`
        return { SUPABASE_URL: accounts.url, SUPABASE_SECRET_KEY, authorization }
      },
    )
    await gate?.shut()
    stage.release()
    await sleep(AWAY_MS)
    await gate?.open()
    await expectFilm(stage)
  })

  test('the database: whoever asks is told so, and the film is made all the same', async (context) => {
    let gate: Gate | undefined
    const stage = await filming(context, 'status', async ({ DATABASE_URL = '' }) => {
      gate = await startGate(context.onTestFinished, DATABASE_URL)
      return { DATABASE_URL: gate.url }
    })
    await gate?.shut()
    stage.release()
    await sleep(AWAY_MS / 2)
    expect(await stage.statusNow()).toEqual({
      code: 503,
      body: { code: 'database_away', detail: expect.any(String) },
    })
    await sleep(AWAY_MS / 2)
    await gate?.open()
    await expectFilm(stage)
  })
})

/** A clock that is set six hours on at the first SIGUSR2, and a day back at the next. */
const UNSTEADY = `
const { now } = Date
let ahead = 0
process.on('SIGUSR2', () => { ahead = ahead === 0 ? 6 * 3600e3 : -18 * 3600e3 })
globalThis.Date = class extends Date {
  constructor(...parts) { parts.length === 0 ? super(now() + ahead) : super(...parts) }
  static now() { return now() + ahead }
}
`

test('a clock that is set on and back while a film is made costs neither the film nor money', async (context) => {
  const stage = await filming(context, 'status', async () => ({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(UNSTEADY)}`,
  }))
  stage.web.running.kill('SIGUSR2')
  stage.release()
  await until('the second segment', async () => {
    const { body } = await stage.statusNow()
    return Number(body.progress) >= 0.5
  })
  stage.web.running.kill('SIGUSR2')
  await expectFilm(stage)
})
