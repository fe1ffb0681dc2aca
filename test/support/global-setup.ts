import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
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
      // loaded where it is needed alone: it brings all of the storage
      used ??= import('./used-database.ts').then(async ({ usedDatabase }) => usedDatabase(await server()))
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

async function usedMachine(): Promise<Machine> {
  const machine = await newMachine(CLI, {})
  const { code, stderr } = await machine.run(['--list'])
  if (code !== 0) throw new Error(stderr)
  return machine
}
