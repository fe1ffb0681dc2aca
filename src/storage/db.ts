import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { sql } from 'drizzle-orm'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { userError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Query } from '../core/queue.ts'
import { importPostgres } from './postgres-driver.ts'

/** The one name for «something that takes queries»: the database, or a transaction in it. */
export type Db = PgDatabase<PgQueryResultHKT>

/** A migrated database, with its notifications. */
export interface Database {
  db: Db
  /** No other process can have it open. */
  exclusive: boolean
  /** Calls `heard` for each NOTIFY on the channel, until the returned function is called. */
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** Runs statements that are written as text. A list stands for one value, an array of the database's. */
export function queryOf(db: Db): Query {
  return async (text, values = []) => {
    // every other piece is the number of a placeholder
    const chunks = text.split(/\$(\d+)/).map((piece, i) => {
      return i % 2 === 0 ? sql.raw(piece) : sql.param(values[Number(piece) - 1])
    })
    const result: unknown = await db.execute(sql.join(chunks))
    // PGlite's driver returns an object with the rows, that of a server the rows
    const rows = Array.isArray(result) ? result : (result as { rows: unknown[] }).rows
    return [...rows]
  }
}

/** The folder of the generated migrations. */
export const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))

const MIGRATIONS = { migrationsFolder }

/** Any number that no other program takes as an advisory lock on the same database. */
const MIGRATION_LOCK = 7_305_210_926

/**
 * Keeps V8's optimizing compiler from WebAssembly that is compiled from now on. On Postgres' largest functions it spends 3 s of CPU and
 * 340 MB at each start, and makes our queries no quicker (Node 24.21, PGlite 0.5.16). The first flag would imply the others only where it
 * is given before the start.
 */
function useBaselineWasm(): void {
  setFlagsFromString('--liftoff-only --no-wasm-tier-up --no-wasm-dynamic-tiering')
}

/**
 * A cache of 16 MB instead of 128 MB, which Postgres would fill with zeros at each start: 0.5 s of CPU and 115 MB (PGlite 0.5.16). What
 * isn't in it is in the system's own cache of files.
 */
const SMALL_CACHE = ['-c', 'shared_buffers=16MB']

/** Opens the embedded Postgres in a folder that this process alone holds (`openDataDir`). */
export async function openPglite(folder: string): Promise<Database> {
  // one of the two databases is used, and its driver alone is loaded
  const [{ PGlite }, { drizzle }, { migrate }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('drizzle-orm/pglite'),
    import('drizzle-orm/pglite/migrator'),
  ])
  await mkdir(folder, { recursive: true })
  useBaselineWasm()
  const client = await PGlite.create(folder, { startParams: [...PGlite.defaultStartParams, ...SMALL_CACHE] })
  const db = drizzle(client)
  await migrate(db, MIGRATIONS)
  return {
    db,
    exclusive: true,
    listen: (channel, heard) => client.listen(channel, heard),
    close: () => client.close(),
  }
}

/**
 * A connection of its own to a Postgres server, on which a text may hold several statements, a transaction among them. It opens itself
 * again after a loss. The rows of all statements are returned.
 */
export async function openConnection(
  url: string,
  log: Log,
): Promise<{ query: Query; close(): Promise<void> }> {
  const postgres = await importPostgres()
  const client = postgres(url, {
    prepare: false,
    max: 1,
    connect_timeout: 10,
    onnotice: (notice) => log.debug({ notice: notice.message }, 'postgres notice'),
  })
  let before: Promise<unknown> = Promise.resolve()

  async function run(text: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> {
    try {
      const results = await client.unsafe(text, [...values] as never[])
      return (results as unknown[]).flat() as Record<string, unknown>[]
    } catch (error) {
      // a text that begins a transaction and fails leaves it open, and everything after it would be refused
      await client.unsafe('rollback').catch(() => {})
      throw error
    }
  }

  return {
    // one after the other, so that nothing comes between a failure and its rollback
    query(text, values = []) {
      const result = before.then(() => run(text, values))
      before = result.catch(() => {})
      return result
    },
    close: () => client.end({ timeout: 1 }),
  }
}

/**
 * Connects to a Postgres server; `url` is `postgres://…`. Statements aren't prepared, so that a transaction pooler
 * may stand between. Throws `database_unreachable`.
 */
export async function openPostgres(url: string, log: Log): Promise<Database> {
  const [postgres, { drizzle }, { migrate }] = await Promise.all([
    importPostgres(),
    import('drizzle-orm/postgres-js'),
    import('drizzle-orm/postgres-js/migrator'),
  ])
  const client = postgres(url, {
    prepare: false,
    max: 10,
    connect_timeout: 10,
    onnotice: (notice) => log.debug({ notice: notice.message }, 'postgres notice'),
  })
  const db = drizzle(client)
  try {
    // Two processes that migrate at once would fail each other. The lock is the transaction's, held on one connection
    // while another migrates: a session's lock wouldn't hold through a transaction pooler.
    await db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`)
      await migrate(db, MIGRATIONS)
    })
  } catch (error) {
    await client.end({ timeout: 1 })
    throw unreachable(url, error)
  }
  return {
    db,
    exclusive: false,
    listen: async (channel, heard) => {
      const { unlisten } = await client.listen(channel, heard)
      return unlisten
    },
    close: () => client.end({ timeout: 5 }),
  }
}

/** The `database_unreachable` of an error that a server's driver threw. The address is told without user and password. */
export function unreachable(url: string, error: unknown) {
  const { host } = new URL(url)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? `${String(cause.code)} ` : ''
  const reason = `${code}${cause instanceof Error ? cause.message : String(cause)}`
  return userError('database_unreachable', { address: host, reason }, { cause: error })
}
