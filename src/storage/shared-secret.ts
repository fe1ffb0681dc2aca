import { eq } from 'drizzle-orm'
import type { Db } from './db.ts'
import { secrets } from './schema.ts'

const LINKS = 'links'

/**
 * What links are signed with in every process on a database: that of the first data folder that was opened with it, so that links
 * which were given out before stay good.
 */
export async function sharedSecret(db: Db, own: Buffer): Promise<Buffer> {
  await db
    .insert(secrets)
    .values({ name: LINKS, value: own.toString('base64url') })
    .onConflictDoNothing()
  const [row] = await db.select().from(secrets).where(eq(secrets.name, LINKS))
  if (!row) throw new Error('the database returned no secret')
  return Buffer.from(row.value, 'base64url')
}
