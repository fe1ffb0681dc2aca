import { eq } from 'drizzle-orm'
import { planSchema } from '../core/plan.ts'
import type { PlanCache } from '../core/ports.ts'
import type { Db } from './db.ts'
import { planCache } from './schema.ts'

/** Plans in Postgres. A row that no longer fits the schema counts as absent, and is replaced by the next `put`. */
export function createPlanCache(db: Db): PlanCache {
  return {
    async get(key) {
      const [row] = await db.select().from(planCache).where(eq(planCache.key, key))
      return planSchema.safeParse(row?.plan).data ?? null
    },
    async put(key, plan) {
      await db
        .insert(planCache)
        .values({ key, plan })
        .onConflictDoUpdate({ target: planCache.key, set: { plan } })
    },
  }
}
