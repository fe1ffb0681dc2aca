import { and, asc, eq, getTableColumns, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm'
import type { Card } from '../core/card.ts'
import type { CardStore } from '../core/chat-ports.ts'
import type { Db } from './db.ts'
import { cards, isUuid } from './schema.ts'

const now = sql`now()`
const { heldBy, heldUntil, ...CARD } = getTableColumns(cards)

/** The cards in Postgres. They are added by `JobStore.submit`, in the transaction that adds their job. Leases are by the database's clock. */
export function createCardStore(db: Db): CardStore {
  const leaseEnd = (leaseMs: number) => sql`now() + ${leaseMs} * interval '1 millisecond'`
  const thisOne = (card: Card) =>
    and(eq(cards.jobId, card.jobId), eq(cards.platform, card.platform), eq(cards.channelId, card.channelId))

  return {
    async of(jobId, platform) {
      if (!isUuid(jobId)) return null
      const [row] = await db
        .select(CARD)
        .from(cards)
        .where(and(eq(cards.jobId, jobId), eq(cards.platform, platform)))
      return row ?? null
    },

    waiting: (platform) =>
      db
        .select(CARD)
        .from(cards)
        .where(and(eq(cards.platform, platform), lte(heldUntil, now)))
        .orderBy(asc(cards.createdAt), asc(cards.jobId)),

    async hold(card, holder, leaseMs, force) {
      const free = or(isNull(heldBy), eq(heldBy, holder), lt(heldUntil, now))
      const rows = await db
        .update(cards)
        .set({ heldBy: holder, heldUntil: leaseEnd(leaseMs) })
        .where(and(thisOne(card), force ? undefined : free))
        .returning({ jobId: cards.jobId })
      return rows.length > 0
    },

    async renew(holder, leaseMs) {
      await db
        .update(cards)
        .set({ heldUntil: leaseEnd(leaseMs) })
        .where(eq(heldBy, holder))
    },

    async letGo(card, holder, done) {
      await db
        .update(cards)
        .set({ heldBy: null, heldUntil: done ? null : now })
        .where(and(thisOne(card), eq(heldBy, holder)))
    },

    async releaseAll() {
      await db.update(cards).set({ heldBy: null, heldUntil: now }).where(isNotNull(heldBy))
    },

    async shown(card, seq) {
      await db
        .update(cards)
        .set({ shownSeq: seq })
        .where(and(thisOne(card), lt(cards.shownSeq, seq)))
    },

    async gone(card) {
      await db.update(cards).set({ deleted: true }).where(thisOne(card))
    },

    async notified(card, end) {
      const rows = await db
        .update(cards)
        .set({ notifiedAt: end })
        .where(and(thisOne(card), or(isNull(cards.notifiedAt), lt(cards.notifiedAt, end))))
        .returning({ jobId: cards.jobId })
      return rows.length > 0
    },
  }
}
