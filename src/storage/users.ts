import { and, eq, sql } from 'drizzle-orm'
import { OPERATOR, OPERATOR_ON_WEB } from '../core/operator.ts'
import type { Identity } from '../core/ports.ts'
import type { Db } from './db.ts'
import { identities, isUuid, users } from './schema.ts'

/** The row of an identity. */
export const isThem = ({ platform, team, externalId }: Identity) =>
  and(eq(identities.platform, platform), eq(identities.team, team), eq(identities.externalId, externalId))

/**
 * The user behind an identity, made at the first sight. Somebody who signs in on the web has the id that their token names, by which
 * row-level security knows them; whoever uses the web of a server for one is the operator.
 */
export async function userOf(db: Db, identity: Identity): Promise<string> {
  const known = await knownUser(db, identity)
  if (known !== null) return known
  const { platform, team, externalId } = identity
  const isOperator = platform === OPERATOR_ON_WEB.platform && externalId === OPERATOR_ON_WEB.externalId
  const operator = isOperator ? await userOf(db, OPERATOR) : null
  return db.transaction(async (tx) => {
    await tx.execute(
      sql`select pg_advisory_xact_lock(hashtextextended(${`${platform}/${team}/${externalId}`}, 0))`,
    )
    const first = await knownUser(tx, identity)
    if (first !== null) return first
    const id = operator ?? (await newUser(tx, platform === 'web' && isUuid(externalId) ? externalId : null))
    await tx.insert(identities).values({ ...identity, userId: id })
    return id
  })
}

async function knownUser(db: Db, identity: Identity): Promise<string | null> {
  const [known] = await db.select({ id: identities.userId }).from(identities).where(isThem(identity))
  return known?.id ?? null
}

async function newUser(tx: Db, id: string | null): Promise<string> {
  const [user] = await tx
    .insert(users)
    .values(id === null ? {} : { id })
    .returning({ id: users.id })
  if (!user) throw new Error('the database returned no row for a new user')
  return user.id
}
