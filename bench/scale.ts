import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { isUnfinished } from '../src/core/job.ts'
import type { Service } from '../src/service.ts'
import { createLog } from '../src/telemetry.ts'
import { type Env, MAIN, newMachine } from '../test/support/cli.ts'
import { startFalServer } from '../test/support/fal-server.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { startSupabaseServer } from '../test/support/supabase-server.ts'
import { until } from '../test/support/until.ts'
import { median } from './median.ts'

/**
 * What more workers bring: the same jobs, asked for at once by as many people, on 1, 2 and 4 workers of one Postgres by turns. The
 * stand-in for the model takes the same time for each segment, so that jobs wait there nearly all the time, as they do at a real one.
 */
const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '16' },
    segments: { type: 'string', default: '2' },
    'render-seconds': { type: 'string', default: '4.5' },
    'jobs-per-worker': { type: 'string', default: '2' },
    workers: { type: 'string', default: '1,2,4' },
    rounds: { type: 'string', default: '3' },
  },
})
const jobs = Number(values.jobs)
const segments = Number(values.segments)
const renderSeconds = Number(values['render-seconds'])
const rounds = Number(values.rounds)
const counts = values.workers.split(',').map(Number)

interface Sample {
  jobsPerMinute: number
  /** From the moment a job was taken in until a worker began with it, in seconds. */
  waits: number[]
}

const postgres = await startPostgres()
const fal = await startFalServer({
  clip: { seconds: 0.5, scale: 0.2 },
  outcome: { ms: renderSeconds * 1000 },
})
const supabase = await startSupabaseServer()
const samples = new Map(counts.map((workers) => [workers, [] as Sample[]]))
try {
  for (let round = 0; round < rounds; round += 1) {
    for (const workers of counts) samples.get(workers)?.push(await run(workers))
  }
} finally {
  await supabase.stop()
  await fal.close()
  await postgres.stop()
}
printTable()

async function run(workers: number): Promise<Sample> {
  const env: Env = {
    ...fal.env,
    DATABASE_URL: await postgres.createDatabase(),
    QUEUE: 'pg-boss',
    DEFAULT_LOCALE: 'en',
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    MAX_CONCURRENT_JOBS: values['jobs-per-worker'],
    // what the provider allows is no limit here
    MAX_CONCURRENT_RENDERS: '1000',
    LOG_LEVEL: 'warn',
  }
  const folder = await mkdtemp(join(tmpdir(), 'sora-scale-'))
  const machines = await Promise.all(Array.from({ length: workers }, () => newMachine(MAIN)))
  // takes jobs in, and runs none
  const app = await createApp(readConfig({ ...env, DATA_DIR: folder }), createLog('warn'))
  const service = await app.open('serve')
  try {
    await Promise.all(machines.map((machine) => machine.start(['worker'], env).said('Ready.')))
    return await measure(service)
  } finally {
    for (const machine of machines) await machine.remove()
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(service: Service): Promise<Sample> {
  const started = performance.now()
  const ids: string[] = []
  for (let i = 0; i < jobs; i += 1) {
    const job = await service.submit({
      input: { prompt: `film number ${i}`, segments, seconds: 4, model: 'wan-2.7' },
      picture: null,
      identity: { platform: 'discord', team: '', externalId: `person-${i}` },
      locale: 'en',
    })
    ids.push(job.id)
  }
  await until('an end of all jobs', () => allEnded(service, ids), { seconds: 3600 })
  const minutes = (performance.now() - started) / 60_000
  return { jobsPerMinute: jobs / minutes, waits: await Promise.all(ids.map((id) => waitOf(service, id))) }
}

async function allEnded(service: Service, ids: readonly string[]): Promise<boolean> {
  // more often than once in a quarter of a second would be work that isn't measured
  await sleep(250)
  const { completed, ...others } = await service.jobs.count()
  const unfinished = Object.entries(others).filter(([status]) => isUnfinished(status as never))
  if (others.failed > 0) throw new Error(`${others.failed} jobs failed`)
  return completed === ids.length && unfinished.every(([, count]) => count === 0)
}

async function waitOf(service: Service, id: string): Promise<number> {
  const events = await service.events.since(id, 0)
  const at = (type: string) => events.find((event) => event.type === type)?.at.getTime() ?? Number.NaN
  return (at('planning') - at('queued')) / 1000
}

function printTable(): void {
  const one = median((samples.get(counts[0] ?? 1) ?? []).map(({ jobsPerMinute }) => jobsPerMinute))
  console.log(
    `${jobs} jobs of ${segments} segments at once, ${renderSeconds} s at the model for each segment, ` +
      `${values['jobs-per-worker']} jobs at a time in a worker; medians of ${rounds} rounds\n`,
  )
  console.log('| workers | jobs a minute | ideal | of the ideal | waiting, median | waiting, longest |')
  console.log('|---|---|---|---|---|---|')
  for (const [workers, own] of samples) {
    const rate = median(own.map(({ jobsPerMinute }) => jobsPerMinute))
    const ideal = (one * workers) / (counts[0] ?? 1)
    const middle = median(own.map(({ waits }) => median(waits)))
    const longest = median(own.map(({ waits }) => Math.max(...waits)))
    console.log(
      `| ${workers} | ${rate.toFixed(1)} | ${ideal.toFixed(1)} | ${((rate / ideal) * 100).toFixed(0)} % ` +
        `| ${middle.toFixed(1)} s | ${longest.toFixed(1)} s |`,
    )
  }
}
