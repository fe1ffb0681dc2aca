import { randomUUID } from 'node:crypto'
import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { JobStore, Limits, Log, NewJob } from '../../src/core/ports.ts'
import type { Transaction } from '../../src/core/queue.ts'
import { PLAIN_JOIN, type VideoRequest } from '../../src/core/request.ts'
import { type Database, openPglite, openPostgres } from '../../src/storage/db.ts'
import { CLI, type Machine, newMachine } from './cli.ts'
import { ON_PG_BOSS, queueOfItsOwn } from './queue.ts'
import { askShared } from './shared.ts'

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** A fresh, empty database on a real Postgres server, by its address. */
export function createDatabase(): Promise<string> {
  return askShared('/database')
}

/** A machine whose database was used before: to set up a new one takes longer than most of what is tested with it. */
export async function usedMachine(program = CLI): Promise<Machine> {
  const machine = await newMachine(program, await queueOfItsOwn({ used: true }))
  if (!ON_PG_BOSS) copyFolder(await askShared('/data-dir'), machine.dataDir)
  return machine
}

/** The database of a machine on which nothing runs now. */
export function openDatabaseOf({ dataDir, env }: Machine): Promise<Database> {
  return env.DATABASE_URL ? openPostgres(env.DATABASE_URL, silentLog) : openPglite(join(dataDir, 'postgres'))
}

/** An embedded database in a folder that doesn't exist yet, migrated and without a job, as `usedMachine` has it. */
export async function openUsedPglite(folder: string): Promise<Database> {
  copyFolder(join(await askShared('/data-dir'), 'postgres'), folder)
  return openPglite(folder)
}

/** A thousand files: `cp` would take four times the CPU. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true })
}

/** Registers what closes a database: `afterAll` for one that a group of tests shares, `onTestFinished` within a test. */
type Cleanup = (close: () => Promise<void>) => void

/** Both databases that the product runs on, to run one suite on each. Each `open` gives one without a job. */
export const DATABASES: readonly { name: string; open: (cleanup?: Cleanup) => Promise<Database> }[] = [
  {
    name: 'PGlite',
    async open(cleanup = afterAll) {
      const folder = await mkdtemp(join(tmpdir(), 'pglite-test-'))
      const database = await openUsedPglite(join(folder, 'postgres'))
      cleanup(async () => {
        await database.close()
        await rm(folder, { recursive: true, force: true })
      })
      return database
    },
  },
  { name: 'Postgres', open: async (cleanup) => openUrl(await createDatabase(), cleanup) },
]

/** One more process, as it were, on a database. */
export async function openUrl(url: string, cleanup: Cleanup = afterAll): Promise<Database> {
  const database = await openPostgres(url, silentLog)
  cleanup(() => database.close())
  return database
}

export const NO_LIMITS: Limits = { jobsPerHour: null, activeJobs: null, usdPerDay: null }

export const REQUEST: VideoRequest = {
  prompt: '미래 도시를 배경으로 한 자동차 드라이빙 영상',
  segments: 3,
  seconds: 4,
  resolution: '720p',
  aspect: '16:9',
  model: 'local',
  image: false,
  ...PLAIN_JOIN,
}

export function newJob(userId: string, changes: Partial<NewJob> = {}): NewJob {
  return { id: randomUUID(), userId, request: REQUEST, locale: 'ko', estimateUsd: 0, ...changes }
}

/** A person nobody has seen before. */
export function newUser(jobs: JobStore): Promise<string> {
  return jobs.userOf({ platform: 'web', team: '', externalId: randomUUID() })
}

export async function noEnlist(_job: { id: string; userId: string }, _tx: Transaction): Promise<void> {}
