import { createHash, randomBytes } from 'node:crypto'
import { and, asc, eq, gt, isNull, lt, notInArray, or, sql } from 'drizzle-orm'
import type { ChatName } from '../core/card.ts'
import { userError } from '../core/errors.ts'
import {
  LINK_CODE_BYTES,
  LINK_CODE_MINUTES,
  type LinkStore,
  linkCodeOf,
  readLinkCode,
  WRONG_CODES_PER_HOUR,
} from '../core/link-code.ts'
import type { Linked } from '../core/ports.ts'
import type { Db } from './db.ts'
import { lockUser } from './limits.ts'
import { identities, jobs, linkCodes, users } from './schema.ts'

const CHATS: readonly ChatName[] = ['discord', 'slack']

const now = sql`now()`
const hashOf = (code: string) => createHash('sha256').update(code).digest('hex')

/** The links between accounts in Postgres. */
export function createLinkStore(db: Db): LinkStore {
  return {
    async issue({ platform, team, externalId }) {
      const code = linkCodeOf(randomBytes(LINK_CODE_BYTES))
      const set = {
        hash: hashOf(code),
        expiresAt: sql`now() + ${LINK_CODE_MINUTES} * interval '1 minute'`,
        usedBy: null,
      }
      await db.delete(linkCodes).where(lt(linkCodes.expiresAt, now))
      const [row] = await db
        .insert(linkCodes)
        .values({ platform, team, externalId, ...set })
        .onConflictDoUpdate({ target: [linkCodes.platform, linkCodes.team, linkCodes.externalId], set })
        .returning()
      if (!row) throw new Error('the database returned no row for a new code')
      return { code, expiresAt: row.expiresAt }
    },

    async redeem(typed, userId) {
      const linked = await db.transaction(async (tx) => {
        const into = await lockUser(tx, userId)
        await checkTries(tx, into)
        const [code] = await tx
          .select()
          .from(linkCodes)
          .where(
            and(
              eq(linkCodes.hash, hashOf(readLinkCode(typed))),
              gt(linkCodes.expiresAt, now),
              or(isNull(linkCodes.usedBy), eq(linkCodes.usedBy, into)),
            ),
          )
          // whoever waits here for somebody else finds it used
          .for('update')
        if (code) return join(tx, code, into)
        await countTry(tx, into)
        return null
      })
      // thrown when the try has been counted for good
      if (linked === null) throw userError('link_code_invalid', { minutes: LINK_CODE_MINUTES })
      return linked
    },
  }
}

async function join(tx: Db, code: typeof linkCodes.$inferSelect, into: string): Promise<Linked> {
  const whose = and(
    eq(identities.platform, code.platform),
    eq(identities.team, code.team),
    eq(identities.externalId, code.externalId),
  )
  const [owner] = await tx.select({ id: identities.userId }).from(identities).where(whose)
  const from = owner?.id ?? into
  await tx.update(linkCodes).set({ usedBy: into }).where(eq(linkCodes.hash, code.hash))
  const { platform } = code
  if (from === into) return { platform, jobs: 0 }
  const [other] = await tx
    .select({ platform: identities.platform })
    .from(identities)
    .where(and(eq(identities.userId, from), notInArray(identities.platform, [...CHATS])))
  if (other) throw userError('link_taken', {})
  await lockUser(tx, from)
  await tx.update(identities).set({ userId: into }).where(eq(identities.userId, from))
  const theirs = tx.select({ id: jobs.id }).from(jobs).where(eq(jobs.userId, from))
  // in the order in which workers renew their claims, so that neither waits for the other for ever
  await theirs.orderBy(asc(jobs.id)).for('update')
  const moved = await tx
    .update(jobs)
    .set({ userId: into })
    .where(eq(jobs.userId, from))
    .returning({ id: jobs.id })
  // whoever has looked this person up a moment ago is led on by their row
  await tx.update(users).set({ mergedInto: into }).where(eq(users.id, from))
  return { platform, jobs: moved.length }
}

const hourAgo = sql`now() - interval '1 hour'`

/** Throws `link_limit` where a person has given too many wrong codes; `retry_at` is when their hour has passed. */
async function checkTries(tx: Db, userId: string): Promise<void> {
  const [full] = await tx
    .select({
      at: sql`date_trunc('second', ${users.wrongCodesSince} + interval '1 hour 0.999999 seconds')`.mapWith(
        users.wrongCodesSince,
      ),
    })
    .from(users)
    .where(
      and(
        eq(users.id, userId),
        sql`${users.wrongCodes} >= ${WRONG_CODES_PER_HOUR}`,
        gt(users.wrongCodesSince, hourAgo),
      ),
    )
  if (full) throw userError('link_limit', { limit: WRONG_CODES_PER_HOUR, retry_at: full.at.toISOString() })
}

async function countTry(tx: Db, userId: string): Promise<void> {
  const goesOn = sql`${users.wrongCodesSince} > ${hourAgo}`
  await tx
    .update(users)
    .set({
      wrongCodes: sql`case when ${goesOn} then ${users.wrongCodes} + 1 else 1 end`,
      wrongCodesSince: sql`case when ${goesOn} then ${users.wrongCodesSince} else now() end`,
    })
    .where(eq(users.id, userId))
}
