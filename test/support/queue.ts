import { askShared } from './shared.ts'

/** `QUEUE=pg-boss`: the suite's programs share their jobs by a Postgres server, as those of many machines do. Else each has its own. */
export const ON_PG_BOSS = process.env.QUEUE === 'pg-boss'

/** The variables by which a machine's programs have the suite's queue; with `used` its database has its tables already. */
export async function queueOfItsOwn({ used }: { used: boolean }): Promise<Record<string, string>> {
  if (!ON_PG_BOSS) return {}
  return { QUEUE: 'pg-boss', DATABASE_URL: await askShared(used ? '/used-database' : '/database') }
}
