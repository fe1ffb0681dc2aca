import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { describe, test } from 'vitest'
import type { Ended, Env, Machine } from '../support/cli.ts'
import { openUrl } from '../support/databases.ts'
import { apiError } from '../support/openai-server.ts'
import {
  FILM,
  FILMS_AT_STORE,
  lastOf,
  planOf,
  rowsOf,
  type Services,
  shotPrompt,
  startServices,
} from '../support/services.ts'

type Cleanup = (close: () => Promise<void>) => void

/** Every secret by the name of its variable. */
function secretsOf(env: Env): Record<string, string> {
  const { OPENAI_API_KEY = '', FAL_KEY = '', SUPABASE_SECRET_KEY = '', DATABASE_URL } = env
  const password = DATABASE_URL ? { DATABASE_URL: new URL(DATABASE_URL).password } : {}
  return { OPENAI_API_KEY, FAL_KEY, SUPABASE_SECRET_KEY, ...password }
}

/** Every row of every table, as text. */
async function tablesOf(url: string, cleanup: Cleanup): Promise<Record<string, string>> {
  const { db } = await openUrl(url, cleanup)
  const tables = await rowsOf(
    db,
    sql`select format('%I.%I', table_schema, table_name) as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  )
  const texts = tables.map(async ({ name }) => {
    const rows = await rowsOf(db, sql`select t::text as row from ${sql.raw(String(name))} t`)
    return [`table ${name}`, rows.map(({ row }) => row).join('\n')] as const
  })
  return Object.fromEntries(await Promise.all(texts))
}

async function filesOf(machine: Machine): Promise<Record<string, string>> {
  const entries = await readdir(machine.dataDir, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  const texts = await Promise.all(paths.map(async (path) => [path, await readFile(path, 'latin1')] as const))
  return Object.fromEntries(texts)
}

/** Where a secret, or a half of one, stands in what a command left behind. */
async function leaks(
  { machine, env: all }: Services,
  { stdout, stderr }: Ended,
  env: Env,
  cleanup: Cleanup,
): Promise<string[]> {
  const places = {
    stdout,
    stderr,
    ...(await filesOf(machine)),
    ...(env.DATABASE_URL ? await tablesOf(all.DATABASE_URL ?? '', cleanup) : {}),
  }
  return Object.entries(secretsOf(env)).flatMap(([variable, secret]) => {
    const half = Math.ceil(secret.length / 2)
    const parts = [secret.slice(0, half), secret.slice(half), Buffer.from(secret).toString('base64')]
    return Object.entries(places)
      .filter(([, text]) => parts.some((part) => text.includes(part)))
      .map(([place]) => `${variable} in ${place}`)
  })
}

/** Everything that answers with an error repeats the secret that it was given. */
function echo({ fal, openai, supabase, env }: Services): void {
  const { OPENAI_API_KEY = '', FAL_KEY = '' } = env
  openai.answer(apiError(500, `no server for ${OPENAI_API_KEY}`), planOf(2))
  const body = { detail: `no server for Key ${FAL_KEY}` }
  fal.fault('submit', { answer: 502, body, accept: true })
  fal.fault('list', { answer: 500, body })
  fal.fault('status', { answer: 500, body })
  fal.fault('result', { answer: 502, body })
  fal.fault('download', { cutAfter: 1000 })
  supabase.faults.answer('upload', 503, 1, FILMS_AT_STORE)
  supabase.faults.answer('upload', 403, 1, FILMS_AT_STORE)
}

describe('no secret is in any output, file or row, with LOG_LEVEL=debug', {
  concurrent: true,
  timeout: 120_000,
}, () => {
  test.for([
    { name: 'its database on a Postgres server', database: true },
    { name: 'the embedded database', database: false },
  ])(
    'after a film that failed on the way, nor after it was finished, with $name',
    async ({ database }, { expect, onTestFinished }) => {
      const services = await startServices(onTestFinished, { database })
      const env: Env = { ...services.env, LOG_LEVEL: 'debug' }
      echo(services)
      const failed = await services.machine.run(FILM, env)
      const { type, job_id } = lastOf(failed.json)
      expect([failed.code, type]).toEqual([1, 'failed'])
      // each of them has been in trouble, and was told of
      for (const trouble of [
        'to the planner failed',
        "fal's list of requests",
        'storage is tried again',
        'job failed',
      ]) {
        expect(failed.stderr).toContain(trouble)
      }
      expect(await leaks(services, failed, env, onTestFinished)).toEqual([])
      const finished = await services.machine.run(['--resume', job_id, '--json'], env)
      expect([finished.code, lastOf(finished.json).type]).toEqual([0, 'completed'])
      expect(await leaks(services, finished, env, onTestFinished)).toEqual([])
      if (!env.DATABASE_URL) return
      // a link lets its reader in: none is kept
      const kept = Object.values(await tablesOf(env.DATABASE_URL, onTestFinished)).join('\n')
      expect(kept).toContain(job_id)
      expect(kept).not.toContain('token=')
    },
  )

  test.for([
    { variable: 'OPENAI_API_KEY', code: 1, says: /^Failed: OPENAI_API_KEY: the planner refused it/ },
    { variable: 'FAL_KEY', code: 1, says: /fal refused the key in FAL_KEY/ },
    { variable: 'SUPABASE_SECRET_KEY', code: 1, says: /Supabase refused SUPABASE_SECRET_KEY/ },
    {
      variable: 'DATABASE_URL',
      code: 2,
      says: /^DATABASE_URL: no answer from 127\.0\.0\.1:\d+ \([^\n]+\)\./,
    },
  ])('after a wrong $variable was refused', async ({ variable, code, says }, { expect, onTestFinished }) => {
    const services = await startServices(onTestFinished)
    const wrong = `sk-wrong-${randomUUID()}`
    const url = new URL(services.env.DATABASE_URL ?? '')
    url.password = wrong
    const env: Env = {
      ...services.env,
      LOG_LEVEL: 'debug',
      [variable]: variable === 'DATABASE_URL' ? url.href : wrong,
    }
    const ended = await services.machine.run(FILM, env)
    const message = ended.json.at(-1)?.message ?? ''
    expect([ended.code, message]).toEqual([code, expect.stringMatching(says)])
    expect(await leaks(services, ended, env, onTestFinished)).toEqual([])
  })
})

describe('the prompt is in no line of the log, with LOG_LEVEL=info', {
  concurrent: true,
  timeout: 120_000,
}, () => {
  const prompt = 'my secret proposal to Minji under the bridge'
  const film = [prompt, ...FILM.slice(1)]
  /** What the log holds of it: the person's words, and what the planner made of them. */
  const wordsIn = (log: string) =>
    [prompt, shotPrompt(1), shotPrompt(2)].filter((words) => log.includes(words))

  test('of a film that fails and is then finished', async ({ expect, onTestFinished }) => {
    const { machine, openai, fal, env } = await startServices(onTestFinished)
    openai.answer(planOf(1), planOf(2))
    fal.outcomes.push({}, { answer: { status: 422, body: { detail: 'no' } } })
    const info = { ...env, LOG_LEVEL: 'info' }
    const failed = await machine.run(film, info)
    const finished = await machine.run(['--resume', lastOf(failed.json).job_id, '--json'], info)
    expect([failed.code, finished.code]).toEqual([1, 0])
    expect(failed.stderr).toContain('"msg":"job failed"')
    expect(finished.stderr).toContain('"msg":"job completed"')
    expect(wordsIn(failed.stderr + finished.stderr)).toEqual([])
  })

  test('where the database refuses what it is given', async ({ expect, onTestFinished }) => {
    const { machine, env } = await startServices(onTestFinished)
    const info = { ...env, LOG_LEVEL: 'info' }
    const { db } = await openUrl(env.DATABASE_URL ?? '', onTestFinished)
    await db.execute(sql`create sequence refusals`)
    // a sequence counts on where a transaction is undone
    await db.execute(sql`create function refuse() returns trigger language plpgsql as
      $$ begin perform nextval('refusals'); raise exception 'no more of it'; end $$`)
    await db.execute(sql`create trigger no_segments before insert on segments execute function refuse()`)
    const failed = await machine.run(film, info)
    expect([failed.code, lastOf(failed.json).type]).toEqual([1, 'failed'])
    expect(failed.stderr).toContain('no more of it')
    expect(wordsIn(failed.stderr)).toEqual([])

    // and where not even the failure can be written down
    await db.execute(sql`create trigger no_failure before update on jobs for each row
      when (new.status = 'failed') execute function refuse()`)
    const running = machine.start(film, info)
    await expect
      .poll(async () => (await rowsOf(db, sql`select last_value::int as n from refusals`))[0], {
        timeout: 30_000,
      })
      .toEqual({ n: 3 })
    await running.line(({ type }) => type === 'planning')
    running.kill('SIGTERM')
    const left = await running.ended
    expect(left.stderr).toContain('"msg":"cannot write how a job ended"')
    expect(wordsIn(left.stderr)).toEqual([])
  })
})
