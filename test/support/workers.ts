import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { isUnfinished, type Job } from '../../src/core/job.ts'
import type { Log } from '../../src/core/ports.ts'
import { type Env, MAIN, type Machine, newMachine, type Running, seededRandom } from './cli.ts'
import { startFalServer } from './fal-server.ts'
import { startPostgres } from './postgres.ts'
import { startSupabaseServer } from './supabase-server.ts'

/** What is to be gone through. */
export interface Ordeal {
  jobs: number
  segments: number
  users: number
  workers: number
  /** How many workers are killed by SIGKILL, and how often Postgres is cut off and started again. */
  kills: number
  restarts: number
  /** `MAX_CONCURRENT_RENDERS`. */
  renders: number
  /** The pause between two blows is drawn between half and one and a half of it, in milliseconds. */
  pauseMs: number
  seed: number
  log?: Log
  /** Hears of each blow. */
  tell?: (line: string) => void
}

/** What came of it, by the provider's own record and the database. */
export interface Outcome {
  jobs: Job[]
  /** For each request's shot how often the provider took it in. */
  paid: number[]
  /** Most requests that were open at the provider at the same time. */
  mostAtOnce: number
  seconds: number
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Workers on machines of their own, with a Postgres, a provider and a store of films between them, go through an ordeal. */
export async function goThrough(ordeal: Ordeal): Promise<Outcome> {
  const { tell = () => {} } = ordeal
  const random = seededRandom(ordeal.seed)
  const cleanup: (() => Promise<unknown>)[] = []
  try {
    const postgres = await startPostgres()
    cleanup.push(() => postgres.stop())
    const fal = await startFalServer({
      clip: { seconds: 0.5, scale: 0.2 },
      outcome: { steps: ['running', 'running'] },
    })
    cleanup.push(() => fal.close())
    const supabase = await startSupabaseServer()
    cleanup.push(() => supabase.stop())
    const env: Env = {
      ...fal.env,
      DATABASE_URL: await postgres.createDatabase(),
      QUEUE: 'pg-boss',
      FAL_LOOKUP_SECONDS: '2',
      SUPABASE_URL: supabase.url,
      SUPABASE_SECRET_KEY: supabase.secretKey,
      MAX_CONCURRENT_RENDERS: `${ordeal.renders}`,
      MAX_CONCURRENT_JOBS: '4',
      MAX_ACTIVE_JOBS_PER_USER: '1000',
      JOBS_PER_HOUR: '10000',
      LOG_LEVEL: 'warn',
    }

    // takes jobs in, and runs none
    const folder = await mkdtemp(join(tmpdir(), 'sora-intake-'))
    cleanup.push(() => rm(folder, { recursive: true, force: true }))
    const app = await createApp(readConfig({ ...env, DATA_DIR: folder }), ordeal.log ?? SILENT)
    const service = await app.open('serve')
    cleanup.push(() => service.stop())

    const workers: { machine: Machine; running: Running }[] = []
    for (let i = 0; i < ordeal.workers; i++) {
      const machine = await newMachine(MAIN)
      cleanup.push(() => machine.remove())
      const running = machine.start(['worker'], env)
      workers.push({ machine, running })
    }

    const start = Date.now()
    const ids: string[] = []
    for (let i = 0; i < ordeal.jobs; i++) {
      const identity = { platform: 'discord', team: '', externalId: `person-${i % ordeal.users}` } as const
      const input = { prompt: `film number ${i}`, segments: ordeal.segments, seconds: 4, model: 'wan-2.7' }
      const job = await service.submit({ input, picture: null, identity, locale: 'en' })
      ids.push(job.id)
    }

    const blows = [...Array(ordeal.kills).fill('kill'), ...Array(ordeal.restarts).fill('restart')]
    async function look(): Promise<Job[] | null> {
      // while the database is away nothing can be seen
      const jobs = await Promise.all(ids.map((id) => service.jobs.get(id))).catch(() => null)
      return jobs?.flatMap((job) => job ?? []) ?? null
    }
    for (let next = Date.now() + ordeal.pauseMs; ; ) {
      const jobs = await look()
      if (jobs !== null) {
        if (jobs.every(({ status }) => !isUnfinished(status))) {
          const paid = Object.values(fal.paid())
          return { jobs, paid, mostAtOnce: fal.mostAtOnce(), seconds: (Date.now() - start) / 1000 }
        }
      }
      if (Date.now() >= next && blows.length > 0) {
        next = Date.now() + ordeal.pauseMs * (0.5 + random())
        const [blow] = blows.splice(Math.floor(random() * blows.length), 1)
        if (blow === 'restart') {
          tell('Postgres is cut off')
          await postgres.restart()
        } else {
          const worker = workers[Math.floor(random() * workers.length)]
          if (worker) {
            tell(`worker ${worker.running.pid} is killed`)
            worker.running.kill('SIGKILL')
            await worker.running.ended
            worker.running = worker.machine.start(['worker'], env)
          }
        }
      }
      await sleep(500)
    }
  } finally {
    for (const undo of cleanup.reverse()) await undo()
  }
}
