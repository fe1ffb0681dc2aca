import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import type { Log } from '../../src/core/ports.ts'
import { createPgBossQueue } from '../../src/pipeline/queue/pg-boss.ts'
import { openConnection, openPostgres } from '../../src/storage/db.ts'
import { CLI, type Machine, newMachine } from './cli.ts'
import { type PostgresServer, startPostgres } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /**
     * Answers `/database` with the address of a fresh, empty database, `/used-database` with that of one that has its tables, and
     * `/data-dir` with a DATA_DIR to be copied.
     */
    shared: string
  }
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** What all tests share, made when the first of them asks for it. Returns what ends it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let postgres: Promise<PostgresServer> | undefined
  let used: Promise<string> | undefined
  let machine: Promise<Machine> | undefined
  const server = () => {
    postgres ??= startPostgres()
    return postgres
  }
  const answers: Record<string, () => Promise<string>> = {
    '/database': async () => (await server()).createDatabase(),
    '/used-database': async () => {
      used ??= server().then(usedDatabase)
      return (await server()).createDatabase(await used)
    },
    '/data-dir': async () => {
      machine ??= usedMachine()
      return (await machine).dataDir
    },
  }
  const door = createServer(async ({ url = '' }, response) => {
    // one that is kept may be closed at the moment at which a busy test asks again
    response.setHeader('connection', 'close')
    try {
      response.end(await answers[url]?.())
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  project.provide('shared', `http://127.0.0.1:${(door.address() as AddressInfo).port}`)
  return async () => {
    door.close()
    await (await postgres)?.stop()
    await (await machine)?.remove()
  }
}

/** A database as programs that share it by pg-boss leave it, without a row of theirs. */
async function usedDatabase(server: PostgresServer): Promise<string> {
  const url = await server.createDatabase()
  const database = await openPostgres(url, SILENT)
  await database.close()
  const connection = await openConnection(url, SILENT)
  const queue = await createPgBossQueue({ connection, concurrency: 1, works: false, log: SILENT })
  await queue.stop()
  return url
}

async function usedMachine(): Promise<Machine> {
  const machine = await newMachine(CLI, {})
  const { code, stderr } = await machine.run(['--list'])
  if (code !== 0) throw new Error(stderr)
  return machine
}
