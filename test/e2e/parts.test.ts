import { afterAll, expect, onTestFinished, test } from 'vitest'
import { type Env, MAIN, type Machine, newMachine, type Running } from '../support/cli.ts'
import { createDatabase } from '../support/databases.ts'
import { startFalServer } from '../support/fal-server.ts'
import { CLIP, FILM } from '../support/services.ts'
import { until } from '../support/until.ts'

const shared: Machine = await newMachine(MAIN)
afterAll(() => shared.remove())

/** A database for several processes, and a provider. */
async function surroundings() {
  const fal = await startFalServer({ clip: CLIP, outcome: { steps: [] } })
  onTestFinished(() => fal.close())
  const env = { ...fal.env, DATABASE_URL: await createDatabase(), QUEUE: 'pg-boss', DEFAULT_LOCALE: 'en' }
  return { env, fal }
}

/** Starts a process in the folder that all of them share, and returns where it answers. */
async function startPart(part: 'serve' | 'worker', env: Env): Promise<{ url: string; running: Running }> {
  const running = shared.start([part], env)
  onTestFinished(() => running.kill('SIGKILL'))
  await running.said('Ready.')
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(running.output())?.[0] ?? ''
  return { url, running }
}

async function generate(url: string): Promise<string> {
  const response = await fetch(`${url}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'a lighthouse in the rain', segments: 2, seconds: 4, model: 'wan-2.7' }),
  })
  const { job_id } = (await response.json()) as { job_id: string }
  expect(response.status).toBe(201)
  return job_id
}

async function statusOf(url: string, jobId: string): Promise<string> {
  const response = await fetch(`${url}/api/status/${jobId}`)
  return ((await response.json()) as { status: string }).status
}

const reaches = (url: string, jobId: string, status: string) =>
  until(`a job that is ${status}`, async () => (await statusOf(url, jobId)) === status, { seconds: 60 })

test('what a serve process takes in, a worker runs; cancelling it there stops the request that the worker has sent', async () => {
  const { env, fal } = await surroundings()
  const serve = await startPart('serve', env)
  const first = await generate(serve.url)
  const worker = await startPart('worker', env)
  await reaches(serve.url, first, 'completed')
  const film = await fetch(`${serve.url}/api/download/${first}`)
  expect([film.status, film.headers.get('content-type')]).toEqual([200, 'video/mp4'])
  expect((await fetch(`${worker.url}/readyz`)).status).toBe(200)
  expect(await (await fetch(`${worker.url}/metrics`)).text()).toContain('sora_segment_seconds_count')
  expect((await fetch(`${worker.url}/api/jobs`)).status).toBe(404)

  fal.outcomes.push({ never: true })
  const second = await generate(serve.url)
  await until('a third request', () => fal.accepted[2])
  await fetch(`${serve.url}/api/cancel/${second}`, { method: 'POST' })
  await reaches(serve.url, second, 'cancelled')
  expect(fal.accepted.map(({ cancelled }) => cancelled)).toEqual([false, false, true])
})

test('a worker that is stopped hands its job to another, which pays for nothing again', async () => {
  const { env, fal } = await surroundings()
  const serve = await startPart('serve', env)
  const worker = await startPart('worker', env)
  fal.outcomes.push({ steps: ['running', 'running', 'running', 'running'] })
  const job = await generate(serve.url)
  await until('a request', () => fal.accepted[0])
  worker.running.kill('SIGTERM')
  expect((await worker.running.ended).code).toBe(0)
  expect(await statusOf(serve.url, job)).toBe('generating')
  await startPart('worker', env)
  await reaches(serve.url, job, 'completed')
  expect(Object.values(fal.paid())).toEqual([1, 1])
})

test('the command line hands its film to a process that shares its folder, and makes it itself when that was killed', async () => {
  const { env } = await surroundings()
  const here = await newMachine()
  onTestFinished(() => here.remove())
  const { DATABASE_URL, QUEUE } = env
  const film = [...FILM, '--model', 'wan-2.7']
  const serve = await startPart('serve', env)
  await startPart('worker', env)
  // without the provider's key it couldn't make this one
  const handed = await here.run(film, { DATA_DIR: shared.dataDir, DATABASE_URL, QUEUE })
  expect([handed.code, handed.json.at(-1)?.type]).toEqual([0, 'completed'])
  serve.running.kill('SIGKILL')
  await serve.running.ended
  const own = await here.run(film, { ...env, DATA_DIR: shared.dataDir })
  expect([own.code, own.json.at(-1)?.type]).toEqual([0, 'completed'])
})

test('with a queue in the process a second instance on the same database is refused, and told who has it', async () => {
  const { env } = await surroundings()
  const alone = { ...env, QUEUE: 'in-process' }
  const [one, two] = [await newMachine(MAIN), await newMachine(MAIN)]
  onTestFinished(async () => {
    await Promise.all([one.remove(), two.remove()])
  })
  const first = one.start([], alone)
  await first.said('Ready.')
  const { code, stderr } = await two.run([], alone)
  expect(code).toBe(2)
  expect(stderr).toMatch(/DATABASE_URL: another Sora Extend uses 127\.0\.0\.1:\d+.*QUEUE=pg-boss/)
  first.kill('SIGKILL')
  await first.ended
  const again = two.start([], alone)
  await again.said('Ready.')
})

test.each([
  { args: ['worker'], env: { QUEUE: '' }, says: 'QUEUE: “npm start -- worker” needs QUEUE=pg-boss' },
  { args: ['serve'], env: { QUEUE: '' }, says: 'QUEUE: “npm start -- serve” needs QUEUE=pg-boss' },
  { args: ['waiter'], env: {}, says: '“waiter” is not possible. Allowed: serve, worker' },
  {
    args: [],
    env: { QUEUE: 'pg-boss', DATABASE_URL: '' },
    says: 'DATABASE_URL: it is not set, and QUEUE=pg-boss needs it',
  },
])('npm start $args with $env is refused in one line', async ({ args, env, says }) => {
  const { code, stderr } = await shared.run(args, { ...env, DEFAULT_LOCALE: 'en' })
  expect([code, stderr.trim().split('\n').length]).toEqual([2, 1])
  expect(stderr).toContain(says)
})
