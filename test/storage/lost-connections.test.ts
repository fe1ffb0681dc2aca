import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { expect, onTestFinished, test } from 'vitest'
import { isDatabaseAway } from '../../src/core/errors.ts'
import { type Db, openConnection } from '../../src/storage/db.ts'
import { createDatabase, openUrl, silentLog } from '../support/databases.ts'
import { rowsOf } from '../support/services.ts'
import { until } from '../support/until.ts'

/** Enough for a process to see that its connection is gone. */
const SEEN_MS = 300

/** Waits until more is answered at once than there are connections. */
async function answersMany(db: Db): Promise<void> {
  const many = () => Promise.all(Array.from({ length: 30 }, (_, i) => rowsOf(db, sql`select ${i}::int as i`)))
  const answers = await until('answers', () => many().catch(() => null))
  expect(answers.flat()).toEqual(Array.from({ length: 30 }, (_, i) => ({ i })))
}

test('connections that are lost between two statements of a transaction fail these transactions alone', async () => {
  const url = await createDatabase()
  const [{ db }, { db: other }] = [await openUrl(url, onTestFinished), await openUrl(url, onTestFinished)]
  // more than there are connections: none is left behind
  for (let i = 0; i < 12; i += 1) {
    const cutOff = db.transaction(async (tx) => {
      const [row] = await rowsOf(tx, sql`select pg_backend_pid() as pid`)
      // waits until it has ended
      await other.execute(sql`select pg_terminate_backend(${row?.pid}::int, 10000)`)
      await sleep(SEEN_MS)
      await tx.execute(sql`select ${i}::int`)
    })
    await expect(cutOff).rejects.toSatisfy(isDatabaseAway)
  }
  await answersMany(db)
})

test('what runs when all connections are cut off fails, and the next is answered', async () => {
  const url = await createDatabase()
  const [{ db }, { db: other }] = [await openUrl(url, onTestFinished), await openUrl(url, onTestFinished)]
  const running = Array.from({ length: 10 }, () =>
    db.transaction(async (tx) => {
      await tx.execute(sql`select pg_sleep(${30}::int)`)
    }),
  )
  const all = Promise.allSettled(running)
  const asleep = sql`from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'`
  const many = () => rowsOf(other, sql`select pid ${asleep}`)
  await until('ten that run', async () => (await many()).length === 10)
  await other.execute(sql`select pg_terminate_backend(pid) ${asleep}`)
  const reasons = (await all).map((one) => (one.status === 'rejected' ? one.reason : null))
  expect(reasons.map(isDatabaseAway)).toEqual(Array(10).fill(true))
  await answersMany(db)
})

test('a text of several statements that fails in its transaction leaves the connection fit for the next', async () => {
  const connection = await openConnection(await createDatabase(), silentLog)
  onTestFinished(() => connection.close())
  const failing = connection.query('begin; create table a (b int); create table a (b int); commit')
  const next = connection.query('select 1 as one')
  await expect(failing).rejects.toThrow('already exists')
  expect(await next).toEqual([{ one: 1 }])
})
