import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Env, filesIn, MAIN, newMachine } from '../support/cli.ts'
import { makePicture } from '../support/film.ts'
import { FILM, lastOf, startServices } from '../support/services.ts'
import { until } from '../support/until.ts'
import { startWeb } from '../support/web.ts'

vi.setConfig({ testTimeout: 240_000 })

async function queries(url: string) {
  const db = postgres(url, { max: 1 })
  onTestFinished(() => db.end())
  return db
}

test('a film whose time is over is removed with all that lies beside it, and everybody is told so', async () => {
  const { machine, env, supabase, paid } = await startServices(onTestFinished)
  const { SUPABASE_URL: _url, SUPABASE_SECRET_KEY: _key, ...single } = env
  const db = await queries(env.DATABASE_URL ?? '')
  const made = await machine.run([...FILM, '--keep-clips', '--previews', '--max-size', '9'], single)
  expect(made.code).toBe(0)
  const { job_id: id } = lastOf(made.json)
  expect(await filesIn(join(machine.dataDir, 'objects'))).toHaveLength(6)
  await db`update jobs set completed_at = now() - interval '8 days'`
  const leftover = join(machine.dataDir, 'objects/films/left.mp4.part')
  const young = join(machine.dataDir, 'objects/films/young.mp4.part')
  for (const path of [leftover, young]) await writeFile(path, 'half a film')
  await utimes(leftover, new Date(0), new Date(0))

  const program = await newMachine(MAIN)
  onTestFinished(() => program.remove())
  const keeps = { ...single, DATA_DIR: machine.dataDir, DEFAULT_LOCALE: 'en', KEEP_FILMS_DAYS: '7' }
  const { address, running } = await startWeb(program, keeps)
  await until('a tidy store', async () => {
    const left = await filesIn(join(machine.dataDir, 'objects'))
    return left.length === 1 && left[0] === 'films/young.mp4.part' ? left : undefined
  })
  const ask = (path: string) => fetch(`${address}${path}`, { headers: { 'accept-language': 'en' } })
  await until('a row that says so', async () => (await ask(`/api/result/${id}`)).status === 410 || undefined)
  expect(await (await ask(`/api/result/${id}`)).json()).toMatchObject({ code: 'film_expired' })
  expect((await ask(`/api/download/${id}`)).status).toBe(410)
  expect(await (await ask(`/api/status/${id}`)).json()).toMatchObject({
    status: 'completed',
    message: expect.stringContaining('no longer kept'),
  })
  const page = await (await ask(`/jobs/${id}`)).text()
  expect(page).toContain('no longer kept')
  expect(page).not.toContain('<video')
  expect(await (await ask('/jobs')).text()).toContain('no longer kept')
  const asked = (args: string[]) => machine.run(args, { DEFAULT_LOCALE: 'en' })
  expect((await asked(['--list'])).stdout).toContain('no longer kept')
  expect(await asked(['--resume', id])).toMatchObject({ code: 2, stderr: expect.stringContaining(id) })
  expect(running.output()).toContain('a film is no longer kept')
  expect(paid()).toEqual([1, 1])
  expect(supabase.count('upload')).toBe(0)
})

/** Runs the program with these variables until it has done what is looked for. */
async function runUntil(env: Env, what: string, look: () => Promise<boolean>): Promise<void> {
  const program = await newMachine(MAIN)
  onTestFinished(() => program.remove())
  const running = program.start([], env)
  await until(what, look)
  running.kill('SIGTERM')
  await running.ended
}

test('at Supabase, too, and a film that is younger stays', async () => {
  const { machine, env, supabase } = await startServices(onTestFinished)
  const db = await queries(env.DATABASE_URL ?? '')
  const [old, young] = [await machine.run(FILM, env), await machine.run(FILM, env)]
  const [oldId, youngId] = [lastOf(old.json).job_id, lastOf(young.json).job_id]
  await db`update jobs set completed_at = now() - interval '8 days' where id = ${oldId}`
  await runUntil({ ...env, KEEP_FILMS_DAYS: '7' }, 'a row that says so', async () => {
    const rows = await db`select from jobs where id = ${oldId} and result_path is null`
    return rows.length === 1
  })
  expect([...supabase.objects.keys()]).toEqual([`films/films/${youngId}.mp4`])
})

test('a failed job’s files go after their days, but for the picture that its retry opens on; a paid clip is fetched again', async () => {
  const { machine, fal, supabase, paid, ...services } = await startServices(onTestFinished)
  // with this queue there is a copy for other machines, too
  const env: Env = { ...services.env, QUEUE: 'pg-boss' }
  const db = await queries(env.DATABASE_URL ?? '')
  const picture = await makePicture(join(machine.folder, 'opening.png'), 400, 400)
  const work = () => filesIn(join(machine.dataDir, 'work'))
  const depot = () => [...supabase.objects.keys()].filter((key) => key.startsWith('films/work/'))
  const afterEightDays = async (left: number) => {
    await db`update jobs set updated_at = now() - interval '8 days'`
    const sameFolder = { ...env, DATA_DIR: machine.dataDir }
    await runUntil(
      sameFolder,
      'a tidy folder',
      async () => (await work()).length === left && depot().length === left,
    )
  }
  const refusal = { answer: 422, body: { detail: [{ loc: ['body'], msg: 'no', type: 'value_error' }] } }

  fal.fault('submit', refusal)
  const first = await machine.run([...FILM, '--image', picture], env)
  const { job_id: id } = lastOf(first.json)
  expect(first.code).toBe(1)
  await afterEightDays(1)
  expect(await work()).toEqual([`${id}/opening.png`])
  expect(depot()).toEqual([`films/work/${id}/opening.png`])

  const clip = fal.hold('download')
  const second = machine.start(['--resume', id, '--json'], env)
  await clip.arrived
  fal.fault('submit', refusal)
  clip.release()
  expect((await second.ended).code).toBe(1)
  expect(paid()).toEqual([1, 0])
  expect((await work()).length).toBeGreaterThan(1)
  expect(depot().length).toBeGreaterThan(1)
  await afterEightDays(0)

  expect((await machine.run(['--resume', id, '--json'], env)).code).toBe(0)
  expect(paid()).toEqual([1, 1])
})
