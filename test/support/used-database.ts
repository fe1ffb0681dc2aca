import { createPgBossQueue } from '../../src/pipeline/queue/pg-boss.ts'
import { openConnection, openPostgres } from '../../src/storage/db.ts'
import { silentLog } from './databases.ts'
import type { PostgresServer } from './postgres.ts'

/** A database as programs that share it by pg-boss leave it, without a row of theirs, to be copied. */
export async function usedDatabase(server: PostgresServer): Promise<string> {
  const url = await server.createDatabase()
  const database = await openPostgres(url, silentLog)
  await database.close()
  const connection = await openConnection(url, silentLog)
  const queue = await createPgBossQueue({ connection, concurrency: 1, works: false, log: silentLog })
  await queue.stop()
  return url
}
