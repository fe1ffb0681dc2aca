import { randomUUID } from 'node:crypto'
import { eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import type { Identity, JobStore } from '../../src/core/ports.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createCardStore } from '../../src/storage/card-store.ts'
import type { Db } from '../../src/storage/db.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createLinkStore } from '../../src/storage/link-store.ts'
import { linkCodes, users } from '../../src/storage/schema.ts'
import { DATABASES, NO_LIMITS, newJob, newUser, noEnlist } from '../support/databases.ts'

const INVALID = { detail: { code: 'link_code_invalid', data: { minutes: 10 } } }
const TWO_AN_HOUR = { ...NO_LIMITS, jobsPerHour: 2 }

/** Somebody nobody has seen before, in a chat. */
async function chatter(jobs: JobStore, platform: 'discord' | 'slack' = 'discord') {
  const identity: Identity = { platform, team: platform === 'slack' ? 'T1' : '', externalId: randomUUID() }
  return { identity, userId: await jobs.userOf(identity) }
}

const make = (jobs: JobStore, userId: string) => jobs.submit(newJob(userId), NO_LIMITS, noEnlist)

/** Lets time go by for codes and for the count of wrong ones; `interval` is Postgres' own. */
async function pass(db: Db, interval: string) {
  await db.update(linkCodes).set({ expiresAt: sql`${linkCodes.expiresAt} - ${interval}::interval` })
  await db.update(users).set({ wrongCodesSince: sql`${users.wrongCodesSince} - ${interval}::interval` })
}

describe.each(DATABASES)('links in $name', async ({ open }) => {
  const { db } = await open()
  const jobs = createJobStore(db, changeText)
  const cards = createCardStore(db)
  const links = createLinkStore(db)

  test('whoever enters a code has what was made in the chat beside their own, and what is made there later', async () => {
    const me = await newUser(jobs)
    const { identity, userId } = await chatter(jobs)
    const own = await make(jobs, me)
    const place = { platform: 'discord', team: '', channelId: '1', messageId: '2' } as const
    const card = { ...place, externalUserId: identity.externalId }
    const old = await jobs.submit(newJob(userId, { card }), NO_LIMITS, noEnlist)
    const { code, expiresAt } = await links.issue(identity)
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
    expect((expiresAt.getTime() - Date.now()) / 60_000).toBeCloseTo(10, 0)

    expect(await links.redeem(code, me)).toEqual({ platform: 'discord', jobs: 1 })
    expect(await jobs.userOf(identity)).toBe(me)
    const later = await make(jobs, await jobs.userOf(identity))
    expect((await jobs.list(me, 9)).map(({ id }) => id)).toEqual([later.id, old.id, own.id])
    expect(await jobs.unfinishedOf(identity, 9)).toHaveLength(3)
    // its card is still the chat's, with the same person to tell of the end
    expect(await cards.of(old.id, 'discord')).toMatchObject(card)
    expect(await jobs.list(userId, 9)).toEqual([])
  })

  test('both chats of one person become theirs, one after the other', async () => {
    const me = await newUser(jobs)
    for (const platform of ['discord', 'slack'] as const) {
      const { identity } = await chatter(jobs, platform)
      const { code } = await links.issue(identity)
      expect(await links.redeem(code, me)).toEqual({ platform, jobs: 0 })
      expect(await jobs.userOf(identity)).toBe(me)
    }
  })

  test('films of both accounts count towards the limits', async () => {
    const me = await newUser(jobs)
    const { identity, userId } = await chatter(jobs)
    await make(jobs, me)
    await make(jobs, userId)
    await links.redeem((await links.issue(identity)).code, me)
    expect(await jobs.usage(me)).toEqual({ lastHour: 2, active: 2 })
    const asked = [me, userId, await jobs.userOf(identity)]
    for (const who of asked) {
      await expect(jobs.submit(newJob(who), TWO_AN_HOUR, noEnlist)).rejects.toThrow('hourly_limit')
    }
  })

  test('a code is taken however it is typed', async () => {
    for (const typed of [
      (code: string) => code.toLowerCase(),
      (code: string) => ` ${code.replace('-', ' ')}\n`,
      (code: string) => code.replaceAll('0', 'o').replaceAll('1', 'l'),
    ]) {
      const { identity } = await chatter(jobs)
      const { code } = await links.issue(identity)
      const me = await newUser(jobs)
      await links.redeem(typed(code), me)
      expect(await jobs.userOf(identity)).toBe(me)
    }
  })

  test('it works once: for a second person it is nothing, and the first may press twice', async () => {
    const [me, other] = [await newUser(jobs), await newUser(jobs)]
    const { identity } = await chatter(jobs)
    const { code } = await links.issue(identity)
    await links.redeem(code, me)
    await expect(links.redeem(code, other)).rejects.toMatchObject(INVALID)
    expect(await links.redeem(code, me)).toEqual({ platform: 'discord', jobs: 0 })
    expect(await jobs.userOf(identity)).toBe(me)
  })

  test('of ten people who enter it at the same instant one has it', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, () => newUser(jobs)))
    const { identity, userId } = await chatter(jobs)
    await make(jobs, userId)
    const { code } = await links.issue(identity)
    const outcomes = await Promise.allSettled(people.map((one) => links.redeem(code, one)))
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(refused).toHaveLength(9)
    for (const error of refused) expect(error).toMatchObject(INVALID)
    expect((await jobs.list(await jobs.userOf(identity), 9)).length).toBe(1)
  })

  test('it works for ten minutes, and only until the next one', async () => {
    const me = await newUser(jobs)
    const { identity } = await chatter(jobs)
    const first = await links.issue(identity)
    const second = await links.issue(identity)
    await expect(links.redeem(first.code, me)).rejects.toMatchObject(INVALID)
    await pass(db, '10 minutes')
    await expect(links.redeem(second.code, me)).rejects.toMatchObject(INVALID)
    const third = await links.issue(identity)
    await pass(db, '9 minutes 50 seconds')
    await links.redeem(third.code, me)
  })

  test('the database doesn’t know the codes', async () => {
    const { identity } = await chatter(jobs)
    const { code } = await links.issue(identity)
    const rows = JSON.stringify(await db.select().from(linkCodes))
    expect(rows).not.toContain(code)
    expect(rows).not.toContain(code.replace('-', ''))
  })

  test('after ten wrong codes in an hour no more can be tried, not even the right one, and others aren’t held up', async () => {
    const [me, other] = [await newUser(jobs), await newUser(jobs)]
    const { identity } = await chatter(jobs)
    const wrong = Array.from({ length: 12 }, (_, i) => links.redeem(`AAAA-00${i + 10}`, me))
    const codes = (await Promise.allSettled(wrong)).map((one) => {
      return one.status === 'rejected' ? one.reason.detail.code : 'linked'
    })
    expect(codes.sort()).toEqual([...Array(10).fill('link_code_invalid'), 'link_limit', 'link_limit'])
    const { code } = await links.issue(identity)
    const refusal = await links.redeem(code, me).catch((error) => error.detail)
    expect(refusal).toMatchObject({ code: 'link_limit', data: { limit: 10 } })
    expect((Date.parse(refusal.data.retry_at) - Date.now()) / 60_000).toBeCloseTo(60, 0)
    await links.redeem(code, other)

    await pass(db, '61 minutes')
    const again = await chatter(jobs)
    await expect(links.redeem('0000-0000', me)).rejects.toMatchObject(INVALID)
    await links.redeem((await links.issue(again.identity)).code, me)
  })

  test('a chat account that belongs to another account stays with it', async () => {
    const [me, other] = [await newUser(jobs), await newUser(jobs)]
    const { identity } = await chatter(jobs)
    await links.redeem((await links.issue(identity)).code, me)
    const mine = await make(jobs, me)
    const { code } = await links.issue(identity)
    await expect(links.redeem(code, other)).rejects.toMatchObject({ detail: { code: 'link_taken' } })
    expect([await jobs.userOf(identity), (await jobs.get(mine.id))?.userId]).toEqual([me, me])
    // its owner may link it again, and nothing changes
    expect(await links.redeem(code, me)).toEqual({ platform: 'discord', jobs: 0 })
  })

  test('films that are asked for at the same instant are never lost, and none goes past the limits', async () => {
    const me = await newUser(jobs)
    const { identity, userId } = await chatter(jobs)
    const { code } = await links.issue(identity)
    const asked = Array.from({ length: 6 }, (_, i) => {
      return jobs.submit(newJob(i % 2 === 0 ? userId : me), TWO_AN_HOUR, noEnlist)
    })
    const [, ...outcomes] = await Promise.allSettled([links.redeem(code, me), ...asked])
    const taken = outcomes.flatMap((one) => {
      return one.status === 'fulfilled' ? [one.value.id] : []
    })
    // two of each at the most, where all were taken in before the two became one
    expect(taken.length).toBeGreaterThanOrEqual(2)
    expect(taken.length).toBeLessThanOrEqual(4)
    expect((await jobs.list(me, 9)).map(({ id }) => id).sort()).toEqual(taken.sort())
    await expect(jobs.submit(newJob(userId), TWO_AN_HOUR, noEnlist)).rejects.toThrow('hourly_limit')
  })

  test('a failed film that is tried again counts among all of the person’s', async () => {
    const me = await newUser(jobs)
    const { identity, userId } = await chatter(jobs)
    const failed = await make(jobs, userId)
    const claim = { jobId: failed.id, worker: randomUUID() }
    await jobs.claim(failed.id, claim.worker, 60_000)
    await jobs.fail(claim, { code: 'internal', data: { reason: 'boom' } })
    await make(jobs, me)
    await links.redeem((await links.issue(identity)).code, me)
    const one = { ...NO_LIMITS, activeJobs: 1 }
    await expect(jobs.retry(failed.id, one, noEnlist)).rejects.toThrow('active_limit')
  })

  test('when a person is removed, whoever they became one with goes too', async () => {
    const me = await newUser(jobs)
    const { identity, userId } = await chatter(jobs)
    const { id } = await make(jobs, userId)
    await links.redeem((await links.issue(identity)).code, me)
    await db.delete(users).where(eq(users.id, me))
    expect(await jobs.get(id)).toBeNull()
    expect(await db.select().from(users).where(eq(users.id, userId))).toEqual([])
  })
})
