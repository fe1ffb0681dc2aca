import { and, asc, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type { Card } from '../core/card.ts'
import { UNFINISHED } from '../core/job.ts'
import type { CardStore } from '../core/ports.ts'
import type { Db } from './db.ts'
import { cards, isUuid, jobLogs, jobs } from './schema.ts'

/** The cards in Postgres. They are added by `JobStore.submit`, in the transaction that adds their job. */
export function createCardStore(db: Db): CardStore {
  const thisOne = (card: Card) =>
    and(eq(cards.jobId, card.jobId), eq(cards.platform, card.platform), eq(cards.channelId, card.channelId))

  return {
    async of(jobId, platform) {
      if (!isUuid(jobId)) return null
      const [row] = await db
        .select()
        .from(cards)
        .where(and(eq(cards.jobId, jobId), eq(cards.platform, platform)))
      return row ?? null
    },

    async open(platform) {
      const lastEvent = sql`(select max(${jobLogs.id}) from ${jobLogs} where ${jobLogs.jobId} = ${cards.jobId})`
      // in milliseconds, as JavaScript's dates are
      const lastChange = sql`(select date_trunc('milliseconds', max(${jobLogs.timestamp})) from ${jobLogs}
        where ${jobLogs.jobId} = ${cards.jobId})`
      const unfinished = inArray(jobs.status, [...UNFINISHED])
      const untold = or(isNull(cards.notifiedAt), lt(cards.notifiedAt, lastChange))
      const unshown = and(eq(cards.deleted, false), lt(cards.shownSeq, lastEvent))
      const rows = await db
        .select({ card: cards })
        .from(cards)
        .innerJoin(jobs, eq(jobs.id, cards.jobId))
        .where(and(eq(cards.platform, platform), or(unfinished, untold, unshown)))
        .orderBy(asc(cards.createdAt), asc(cards.jobId))
      return rows.map(({ card }) => card)
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
