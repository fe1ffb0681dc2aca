import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { expect, onTestFinished, test } from 'vitest'
import { openConnection } from '../../src/storage/db.ts'
import { createDatabase, openUrl, silentLog } from '../support/databases.ts'
import { rowsOf } from '../support/services.ts'

/** Enough for a process to see that its connection is gone. */
const SEEN_MS = 300

test('a connection that is lost between two statements of a transaction fails that transaction alone', async () => {
  const url = await createDatabase()
  const [{ db }, { db: other }] = [await openUrl(url, onTestFinished), await openUrl(url, onTestFinished)]
  const cutOff = db.transaction(async (tx) => {
    const [row] = await rowsOf(tx, sql`select pg_backend_pid() as pid`)
    await other.execute(sql`select pg_terminate_backend(${row?.pid}::int)`)
    await sleep(SEEN_MS)
    await tx.execute(sql`select 1`)
  })
  await expect(cutOff).rejects.toThrow()
  const after = Array.from({ length: 30 }, (_, i) => rowsOf(db, sql`select ${i}::int as i`))
  expect((await Promise.all(after)).flat()).toEqual(Array.from({ length: 30 }, (_, i) => ({ i })))
})

test('a text of several statements that fails in its transaction leaves the connection fit for the next', async () => {
  const connection = await openConnection(await createDatabase(), silentLog)
  onTestFinished(() => connection.close())
  const failing = connection.query('begin; create table a (b int); create table a (b int); commit')
  const next = connection.query('select 1 as one')
  await expect(failing).rejects.toThrow('already exists')
  expect(await next).toEqual([{ one: 1 }])
})
