import { readFile } from 'node:fs/promises'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import postgres from 'postgres'
import { expect, onTestFinished, test } from 'vitest'
import { changeText } from '../../src/i18n/index.ts'
import { openPostgres } from '../../src/storage/db.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import * as schema from '../../src/storage/schema.ts'
import {
  createDatabase,
  NO_LIMITS,
  newJob,
  newUser,
  noEnlist,
  openUrl,
  silentLog,
} from '../support/databases.ts'
import { startPostgres } from '../support/postgres.ts'

/** A connection as whoever the address names, past the product. */
function connect(url: string) {
  const client = postgres(url, { onnotice: () => {} })
  onTestFinished(() => client.end())
  return client
}

/** The tables as Postgres itself describes them. */
async function catalogue(url: string) {
  const client = connect(url)
  return {
    columns: await client`
      select table_name, column_name, data_type, udt_name, character_maximum_length, numeric_precision, numeric_scale,
        is_nullable, column_default
      from information_schema.columns where table_schema = 'public' order by table_name, column_name`,
    constraints: await client`
      select conrelid::regclass::text as table, conname, pg_get_constraintdef(oid) as definition
      from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2`,
    indexes: await client`select indexdef from pg_indexes where schemaname = 'public' order by indexname`,
    enums: await client`
      select t.typname, array_agg(e.enumlabel order by e.enumsortorder) as labels
      from pg_type t join pg_enum e on e.enumtypid = t.oid group by 1 order by 1`,
    policies: await client`
      select tablename, policyname, permissive, roles::text, cmd, qual, with_check
      from pg_policies where schemaname = 'public' order by 1, 2`,
    rowSecurity: await client`
      select relname, relrowsecurity from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`,
  }
}

/** Makes a job, as a fresh installation does first. */
async function worksOn(url: string) {
  const { db } = await openUrl(url, onTestFinished)
  const jobs = createJobStore(db, changeText)
  const { id } = await jobs.submit(newJob(await newUser(jobs)), NO_LIMITS, noEnlist)
  return (await jobs.get(id))?.status === 'queued'
}

test('the tables that the migrations make are those that the code knows', async () => {
  const url = await createDatabase()
  await openUrl(url, onTestFinished)
  const fromSchema = await createDatabase()
  const client = connect(fromSchema)
  await client.unsafe(
    'create schema auth; create function auth.uid() returns uuid language sql as $$ select null::uuid $$',
  )
  for (const statement of await generateMigration(generateDrizzleJson({}), generateDrizzleJson(schema))) {
    await client.unsafe(statement)
  }
  const expected = await catalogue(fromSchema)
  expect(expected.columns.length).toBeGreaterThan(50)
  expect(await catalogue(url)).toEqual(expected)
})

test('a database is migrated once, however often the product starts on it', async () => {
  const url = await createDatabase()
  expect(await worksOn(url)).toBe(true)
  const before = await catalogue(url)
  expect(await worksOn(url)).toBe(true)
  expect(await catalogue(url)).toEqual(before)
})

test('four instances that start at the same instant on an empty database all come up', async () => {
  const url = await createDatabase()
  const opened = await Promise.allSettled([1, 2, 3, 4].map(() => openPostgres(url, silentLog)))
  onTestFinished(async () => {
    for (const one of opened) if (one.status === 'fulfilled') await one.value.close()
  })
  expect(opened.map(({ status }) => status)).toEqual(Array(4).fill('fulfilled'))
  expect(await worksOn(url)).toBe(true)
  const [count] = await connect(url)`select count(*)::int from drizzle.__drizzle_migrations`
  // each once
  const { entries } = JSON.parse(await readFile('drizzle/meta/_journal.json', 'utf8'))
  expect(count).toEqual({ count: entries.length })
})

test('instances on four databases of one new server that start at the same instant all come up', async () => {
  // a server of its own: roles belong to the whole server, and here nobody has made them yet
  const server = await startPostgres()
  const urls = [
    await server.createDatabase(),
    await server.createDatabase(),
    await server.createDatabase(),
    await server.createDatabase(),
  ]
  const opened = await Promise.allSettled(urls.map((url) => openPostgres(url, silentLog)))
  for (const one of opened) if (one.status === 'fulfilled') await one.value.close()
  await server.stop()
  expect(opened.map(({ status }) => status)).toEqual(Array(4).fill('fulfilled'))
})

test('on Supabase its roles and auth.uid() are left alone, and what it grants to everybody is taken back', async () => {
  const url = await createDatabase()
  const supabase = connect(url)
  await supabase.unsafe(`
    do $$ begin
      create role anon; exception when duplicate_object then null;
    end $$;
    do $$ begin
      create role authenticated; exception when duplicate_object then null;
    end $$;
    create schema auth;
    create function auth.uid() returns uuid language sql stable as $$ select '${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}'::uuid $$;
    comment on function auth.uid() is 'made by Supabase';
    alter default privileges in schema public grant all on tables to anon, authenticated;
    alter default privileges in schema public grant all on sequences to anon, authenticated;
  `)
  const roles = () =>
    supabase`select * from pg_roles where rolname in ('anon', 'authenticated') order by rolname`
  const rolesBefore = await roles()
  expect(await worksOn(url)).toBe(true)
  expect(await roles()).toEqual(rolesBefore)
  const [uid] = await supabase`
    select prosrc, obj_description(oid) as said from pg_proc where oid = 'auth.uid()'::regprocedure`
  expect(uid).toMatchObject({ said: 'made by Supabase', prosrc: expect.stringContaining('00000000') })
  const granted = await supabase`
    select grantee, table_name, privilege_type from information_schema.role_table_grants
    where table_schema = 'public' and grantee in ('anon', 'authenticated') order by 1, 2, 3`
  expect(granted.map((row) => `${row.grantee} ${row.privilege_type} ${row.table_name}`)).toEqual(
    ['cards', 'identities', 'job_logs', 'jobs', 'segments', 'users'].map(
      (table) => `authenticated SELECT ${table}`,
    ),
  )
})

test('the owner of a database who is no superuser and may make no roles can install the product', async () => {
  const url = await createDatabase()
  const admin = connect(url)
  const name = new URL(url).pathname.slice(1)
  const owner = `owner_of_${name}`
  await admin.unsafe(`create role ${owner} login password 'plain'; alter database ${name} owner to ${owner}`)
  const asOwner = new URL(url)
  asOwner.username = owner
  asOwner.password = 'plain'
  expect(await worksOn(asOwner.href)).toBe(true)
})

test('a server that isn’t there is named, without the password', async () => {
  const failure = await openPostgres('postgres://me:hush-hush@127.0.0.1:1/films', silentLog).catch(
    (error) => error,
  )
  expect(failure).toMatchObject({
    detail: { code: 'database_unreachable', data: { address: '127.0.0.1:1' } },
  })
  expect(`${failure.message} ${failure.stack}`).not.toContain('hush-hush')
})

test('a wrong password is told as such, without repeating it', async () => {
  const url = new URL(await createDatabase())
  url.password = 'hush-hush'
  const failure = await openPostgres(url.href, silentLog).catch((error) => error)
  expect(failure).toMatchObject({
    detail: {
      code: 'database_unreachable',
      data: { reason: expect.stringContaining('password authentication') },
    },
  })
  expect(JSON.stringify(failure.detail)).not.toContain('hush-hush')
})
