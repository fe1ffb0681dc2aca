import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { describe, expect, test } from 'vitest'
import { changeText } from '../../src/i18n/index.ts'
import type { Db } from '../../src/storage/db.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { cards, identities, jobLogs, jobs, planCache, segments, users } from '../../src/storage/schema.ts'
import { DATABASES, NO_LIMITS, newJob, noEnlist } from '../support/databases.ts'

const OWNED = { users, identities, jobs, job_logs: jobLogs, segments, cards }

/** Runs `work` as Supabase's gateway would for this role and this person. */
async function speakingAs<T>(db: Db, role: string, claims: object | null, work: (tx: Db) => Promise<T>) {
  return db.transaction(async (tx) => {
    if (claims)
      await tx.execute(sql`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`)
    await tx.execute(sql.raw(`set local role ${role}`))
    return work(tx)
  })
}

const rowsOf = (tx: Db, table: PgTable): Promise<Record<string, unknown>[]> => tx.select().from(table)

const DENIED = { cause: { message: expect.stringMatching(/permission denied|row-level security/) } }

describe.each(DATABASES)('row-level security on $name', async ({ open }) => {
  const { db } = await open()
  const store = createJobStore(db, changeText)

  /** A person with a row in every table. */
  async function person(name: string) {
    const identity = { platform: 'discord', team: '', externalId: name } as const
    const userId = await store.userOf(identity)
    const { id } = await store.submit(newJob(userId), NO_LIMITS, noEnlist)
    const claim = { jobId: id, worker: randomUUID() }
    await store.claim(id, claim.worker, 60_000)
    await store.startPlanning(claim)
    await store.startGenerating(claim, { title: name, shots: [{ title: 'a', prompt: 'b', seconds: 4 }] })
    const place = { platform: 'discord', channelId: 'c', messageId: 'm', externalUserId: name } as const
    await db.insert(cards).values({ jobId: id, ...place })
    return { userId, jobId: id, claims: { sub: userId, role: 'authenticated' } }
  }

  const one = await person('one')
  const other = await person('other')
  await db.insert(planCache).values({ key: 'k', plan: { title: 't', shots: [] } })

  test.each(Object.keys(OWNED) as (keyof typeof OWNED)[])(
    'a signed-in person reads their own rows of %s, and nobody else’s',
    async (name) => {
      for (const [me, notMe] of [
        [one, other],
        [other, one],
      ] as const) {
        const rows = await speakingAs(db, 'authenticated', me.claims, (tx) => rowsOf(tx, OWNED[name]))
        expect(rows.length).toBeGreaterThan(0)
        const text = JSON.stringify(rows)
        expect(text).toMatch(new RegExp(`${me.userId}|${me.jobId}`))
        expect(text).not.toContain(notMe.userId)
        expect(text).not.toContain(notMe.jobId)
        expect(rows.length).toBeLessThan((await rowsOf(db, OWNED[name])).length)
      }
    },
  )

  test('nobody but the service reads the plan cache', async () => {
    expect(await rowsOf(db, planCache)).toHaveLength(1)
    for (const role of ['anon', 'authenticated']) {
      await expect(speakingAs(db, role, one.claims, (tx) => rowsOf(tx, planCache))).rejects.toMatchObject(
        DENIED,
      )
    }
  })

  test('a token without a person, or no token, shows nothing', async () => {
    for (const claims of [null, {}, { sub: randomUUID() }]) {
      for (const table of Object.values(OWNED)) {
        expect(await speakingAs(db, 'authenticated', claims, (tx) => rowsOf(tx, table))).toEqual([])
      }
    }
  })

  test('somebody who is not signed in sees nothing, not even with a person’s token', async () => {
    for (const claims of [null, one.claims]) {
      for (const table of Object.values(OWNED)) {
        await expect(speakingAs(db, 'anon', claims, (tx) => rowsOf(tx, table))).rejects.toMatchObject(DENIED)
      }
    }
  })

  test.each(['anon', 'authenticated'])('%s writes nothing, not even to rows of their own', async (role) => {
    const job = { userId: one.userId, prompt: 'past the limits' }
    const card = {
      jobId: one.jobId,
      platform: 'slack',
      channelId: 'c',
      messageId: 'm',
      externalUserId: 'one',
    } as const
    const planned = { index: 9, title: 't', prompt: 'p', seconds: 4, model: 'local' }
    const logged = { message: 'm', event: { type: 'queued' }, status: 'queued', progress: 0 } as const
    const writes: ((tx: Db) => Promise<unknown>)[] = [
      (tx) => tx.insert(jobs).values(job),
      (tx) => tx.insert(users).values({ id: randomUUID() }),
      (tx) => tx.insert(identities).values({ platform: 'slack', externalId: 'x', userId: one.userId }),
      (tx) => tx.insert(jobLogs).values({ jobId: one.jobId, ...logged }),
      (tx) => tx.insert(segments).values({ jobId: one.jobId, ...planned }),
      (tx) => tx.insert(cards).values(card),
      (tx) => tx.insert(planCache).values({ key: 'forged', plan: { title: 't', shots: [] } }),
      (tx) => tx.update(jobs).set({ status: 'completed' }),
      (tx) => tx.update(users).set({ email: 'someone@example.com' }),
      (tx) => tx.update(identities).set({ userId: one.userId }),
      (tx) => tx.update(jobLogs).set({ message: 'changed' }),
      (tx) => tx.update(segments).set({ state: 'planned' }),
      (tx) => tx.update(cards).set({ deleted: true }),
      (tx) => tx.delete(planCache),
      ...Object.values(OWNED).map((table) => (tx: Db) => tx.delete(table)),
    ]
    const stored = async () =>
      Promise.all([...Object.values(OWNED), planCache].map((table) => rowsOf(db, table)))
    const before = await stored()
    for (const write of writes) {
      await expect(speakingAs(db, role, one.claims, write)).rejects.toMatchObject(DENIED)
    }
    expect(await stored()).toEqual(before)
  })

  test('an operator who lets signed-in people insert jobs lets them insert their own alone', async () => {
    const inserting = (userId: string) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`grant insert on jobs to authenticated`)
        await tx.execute(sql`select set_config('request.jwt.claims', ${JSON.stringify(one.claims)}, true)`)
        await tx.execute(sql`set local role authenticated`)
        await tx.insert(jobs).values({ userId, prompt: 'p' })
        tx.rollback()
      })
    await expect(inserting(one.userId)).rejects.toThrow('Rollback')
    await expect(inserting(other.userId)).rejects.toMatchObject(DENIED)
  })

  test('when a person is removed, everything of theirs goes with them', async () => {
    const gone = await person('gone')
    await db.delete(users).where(sql`${users.id} = ${gone.userId}`)
    for (const table of Object.values(OWNED)) {
      const text = JSON.stringify(await rowsOf(db, table))
      expect(text).not.toContain(gone.userId)
      expect(text).not.toContain(gone.jobId)
    }
  })
})
