import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { MAIN, newMachine } from '../support/cli.ts'
import { createDatabase } from '../support/databases.ts'
import { PROMPT } from '../support/services.ts'
import { startSingleWeb } from '../support/single-web.ts'
import { until } from '../support/until.ts'
import { startWeb } from '../support/web.ts'

const { address, running } = await startSingleWeb(afterAll)

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${address}${path}`, { headers })

/** A series' value; 0 where there is none. */
async function counted(series: string): Promise<number> {
  const lines = (await (await get('/metrics')).text()).split('\n')
  return Number(
    lines
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1) ?? 0,
  )
}

test('an operator sees that the program is alive and that its database answers', async () => {
  for (const path of ['/healthz', '/readyz']) {
    const answer = await get(path)
    expect([answer.status, await answer.text()]).toEqual([200, 'ok\n'])
  }
})

test('Prometheus reads how a film was made: jobs by state, segments, their cost, and requests by route', async () => {
  const asked = await fetch(`${address}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: PROMPT, segments: 2, seconds: 4 }),
  })
  expect(asked.status).toBe(201)
  const { job_id: id } = (await asked.json()) as { job_id: string }
  await until('a finished film', async () => (await counted('sora_jobs{status="completed"}')) === 1, {
    seconds: 60,
  })
  expect(await counted('sora_segment_seconds_count{model="wan-2.7"}')).toBe(2)
  expect(await counted('sora_job_wait_seconds_count')).toBe(1)
  expect(await counted('sora_job_ends_total{status="completed",code=""}')).toBe(1)
  expect(await counted('sora_queue_depth')).toBe(0)
  expect(await counted('sora_disk_free_bytes')).toBeGreaterThan(0)
  expect(await counted('sora_disk_reserve_bytes')).toBe(1_000_000_000)
  expect(await counted('sora_spend_usd_total{model="wan-2.7"}')).toBeGreaterThan(0)
  await get(`/api/status/${id}`)
  await get(`/api/status/none`)
  const route = 'sora_http_request_seconds_count{method="GET",route="/api/status/:id",status='
  expect(await counted(`${route}"200"}`)).toBe(1)
  expect(await counted(`${route}"404"}`)).toBe(1)
  const told = await (await get('/metrics')).text()
  expect(told).not.toContain(id)
  expect(told).not.toContain(PROMPT)
})

test('whoever comes through a proxy sees no figures', async () => {
  const answer = await get('/metrics', { 'x-forwarded-for': '203.0.113.9' })
  expect(answer.ok).toBe(false)
  expect(await answer.text()).not.toContain('sora_')
})

test('while the database is away the program lives, and says that it can’t work', async () => {
  const url = new URL(await createDatabase())
  const name = url.pathname.slice(1)
  const admin = postgres(new URL('/postgres', url).href, { max: 1 })
  onTestFinished(() => admin.end())
  const machine = await newMachine(MAIN)
  onTestFinished(() => machine.remove())
  const program = await startWeb(machine, { DATABASE_URL: url.href })
  const state = async (path: string) => {
    const answer = await fetch(`${program.address}${path}`)
    return [answer.status, (await answer.text()).trim()]
  }
  const ready = async () => (await state('/readyz')).join(' ')
  expect(await ready()).toBe('200 ok')
  await admin.unsafe(`alter database "${name}" with allow_connections false`)
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
  await until('a program that isn’t ready', async () => (await ready()) === '503 database')
  expect(await state('/healthz')).toEqual([200, 'ok'])
  expect(await state('/api/jobs')).toEqual([503, expect.stringContaining('database_away')])
  await admin.unsafe(`alter database "${name}" with allow_connections true`)
  await until('a program that is ready again', async () => (await ready()) === '200 ok', { seconds: 30 })
})

test('the dashboard asks for nothing that isn’t told, by labels that it has', async () => {
  const told = await (await get('/metrics')).text()
  const kinds = new Map(
    [...told.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', kind]) => [name, kind]),
  )
  const dashboard = readFileSync(new URL('../../docs/grafana.json', import.meta.url), 'utf8')
  const asked = JSON.parse(dashboard).panels.flatMap((panel: { targets: { expr: string }[] }) =>
    panel.targets.map(({ expr }) => expr),
  ) as string[]
  expect(asked.length).toBeGreaterThan(10)
  for (const expr of asked) {
    const names = expr.match(/\b(sora|process|nodejs)_\w+/g) ?? []
    expect(names, expr).not.toEqual([])
    for (const name of names) {
      const plain = name.replace(/_(bucket|count|sum)$/, '')
      const kind = kinds.get(name) ?? kinds.get(plain)
      expect([expr, kind === 'histogram' ? plain !== name : kind !== undefined]).toEqual([expr, true])
      const series = [...told.matchAll(new RegExp(`^${name}\\{(.*)\\} `, 'gm'))].map(
        ([, labels = '']) => labels,
      )
      const by = /by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? []
      if (series.length > 0) for (const label of by) expect(series[0], expr).toContain(`${label}="`)
    }
  }
})

test('the log has one line for each change of a job’s state, and no prompt', async () => {
  const jobs = await (await get('/api/jobs')).json()
  const { job_id: id } = jobs.jobs[0]
  const lines = running
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
  const states = lines.filter((line) => line.job_id === id && 'status' in line)
  expect(states.map(({ status, msg }) => [status, msg])).toEqual(
    ['queued', 'planning', 'generating', 'merging', 'completed'].map((status) => [status, `job ${status}`]),
  )
  expect(running.output()).not.toContain(PROMPT)
})
