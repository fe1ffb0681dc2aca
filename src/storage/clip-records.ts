import { and, asc, desc, eq, getTableColumns, isNotNull, sql } from 'drizzle-orm'
import type { ClipRecord } from '../core/clip-measures.ts'
import type { UntaggedMatrix } from '../core/colour.ts'
import type { Db } from './db.ts'
import { isUuid, segments } from './schema.ts'

/** A model's clips that tell its matrix: an odd number, so that most of them agree, and few, so that a change at the provider shows. */
const NEWEST = 5

const { measures, inspection, ...ledger } = getTableColumns(segments)

/** The columns of a segment without what was measured of its clip, which is some KB of JSON. */
export const ledgerColumns = ledger

/** What was measured of a job's clips, by segment. */
export async function clipRecords(db: Db, jobId: string): Promise<ClipRecord[]> {
  if (!isUuid(jobId)) return []
  const rows = db.select({ measures, inspection }).from(segments).where(eq(segments.jobId, jobId))
  return rows.orderBy(asc(segments.index))
}

/** Keeps what was measured of a segment's clip; what isn't given stays. */
export async function recordClip(
  db: Db,
  jobId: string,
  index: number,
  record: Partial<ClipRecord>,
): Promise<void> {
  const which = and(eq(segments.jobId, jobId), eq(segments.index, index), eq(segments.state, 'stored'))
  await db.update(segments).set(record).where(which)
}

/** The matrix that most of a model's newest measured clips were encoded by; null if none was measured. */
export async function usualMatrix(db: Db, model: string): Promise<UntaggedMatrix | null> {
  const measured = sql<UntaggedMatrix>`${segments.measures} ->> 'measured'`.as('measured')
  const newest = db
    .select({ measured })
    .from(segments)
    .where(and(eq(segments.model, model), isNotNull(sql`${segments.measures} ->> 'measured'`)))
    .orderBy(desc(segments.updatedAt))
    .limit(NEWEST)
    .as('newest')
  const [row] = await db
    .select({ most: sql<UntaggedMatrix | null>`mode() within group (order by ${newest.measured})` })
    .from(newest)
  return row?.most ?? null
}
