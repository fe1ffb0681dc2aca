import { and, desc, eq, sql } from 'drizzle-orm'
import type { Db } from './db.ts'
import { jobLogs, segments } from './schema.ts'

/** Enough to be steady, few enough to follow a provider that has become slower today. */
const NEWEST = 20

/** The median time from the last `segment_started` of each of a model's newest stored segments to its `segment_done`, in seconds. */
export async function usualSeconds(db: Db, model: string): Promise<number | null> {
  const at = (type: string) => sql`(select max(${jobLogs.timestamp}) from ${jobLogs}
    where ${jobLogs.jobId} = ${segments.jobId} and ${jobLogs.event} ->> 'type' = ${type}
    and (${jobLogs.event} ->> 'segment')::int = ${segments.index})`
  const newest = db
    .select({
      seconds: sql<number>`extract(epoch from ${at('segment_done')} - ${at('segment_started')})`.as(
        'seconds',
      ),
    })
    .from(segments)
    .where(and(eq(segments.model, model), eq(segments.state, 'stored')))
    .orderBy(desc(segments.updatedAt))
    .limit(NEWEST)
    .as('newest')
  const [row] = await db
    .select({
      median: sql<number | null>`percentile_cont(0.5) within group (order by ${newest.seconds})::float8`,
    })
    .from(newest)
  return row?.median ?? null
}
