import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrationsFolder, unreachable } from './db.ts'
import { importPostgres } from './postgres-driver.ts'

/** What a database is like, without changing anything in it. */
export interface DatabaseFacts {
  /** Such as `18.4`. */
  version: string
  /** Migrations that this program knows, and those that the database has had. */
  known: number
  applied: number
  /** Whether a notification arrives: a transaction pooler swallows them. */
  hears: boolean
  /** What the database's clock said in the middle of a question. */
  behindMs: number
  /** How long a question takes, in milliseconds. */
  ms: number
}

const HEAR_MS = 2000

/** Looks at a Postgres server. Throws `database_unreachable`. */
export async function examinePostgres(url: string): Promise<DatabaseFacts> {
  const postgres = await importPostgres()
  const client = postgres(url, { prepare: false, max: 2, connect_timeout: 10, onnotice: () => {} })
  try {
    await client`select 1`
    const start = Date.now()
    const [row] = await client`
      select current_setting('server_version') as version, now() as now,
        to_regclass('drizzle.__drizzle_migrations') is not null as migrated`
    const ms = Date.now() - start
    const counted = row?.migrated
      ? await client`select count(*) as count from drizzle.__drizzle_migrations`
      : []
    return {
      version: String(row?.version).split(' ')[0] ?? '',
      known: await knownMigrations(),
      applied: Number(counted[0]?.count ?? 0),
      hears: await hears(client),
      behindMs: new Date(row?.now).getTime() - (start + ms / 2),
      ms,
    }
  } catch (error) {
    throw unreachable(url, error)
  } finally {
    await client.end({ timeout: 1 })
  }
}

async function hears(client: import('postgres').Sql): Promise<boolean> {
  const channel = `doctor_${randomUUID().replaceAll('-', '')}`
  const heard = Promise.withResolvers<boolean>()
  try {
    await client.listen(channel, () => heard.resolve(true))
    await client.notify(channel, '')
    return await Promise.race([heard.promise, sleep(HEAR_MS, false)])
  } catch {
    return false
  }
}

async function knownMigrations(): Promise<number> {
  const journal = JSON.parse(await readFile(`${migrationsFolder}/meta/_journal.json`, 'utf8'))
  return journal.entries.length
}
