import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { type PostgresServer, startPostgres } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers each GET with the address of a fresh, empty database. */
    databases: string
  }
}

/** One Postgres for the whole run, started when the first test asks for a database. Returns what stops it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let postgres: Promise<PostgresServer> | undefined
  const door = createServer(async (_request, response) => {
    postgres ??= startPostgres()
    try {
      response.end(await (await postgres).createDatabase())
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  project.provide('databases', `http://127.0.0.1:${(door.address() as AddressInfo).port}`)
  return async () => {
    door.close()
    await (await postgres)?.stop()
  }
}
