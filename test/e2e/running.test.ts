import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Env, type JsonLine, MAIN, type Machine, newMachine, type Running } from '../support/cli.ts'
import { usedMachine } from '../support/databases.ts'
import { makePicture } from '../support/film.ts'
import { freePort } from '../support/free-port.ts'

// a film takes seconds on an idle machine, and far longer on a busy one
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const FILM = ['a lighthouse in the rain', '--segments', '2', '--seconds', '4']

/** A program that runs, and a command line on the same data folder. */
async function prepare(cleanup: (close: () => Promise<void>) => void, env: Env = {}) {
  const program = await usedMachine(MAIN)
  cleanup(() => program.remove())
  const here: Machine = await newMachine()
  cleanup(() => here.remove())
  const port = String(await freePort())

  async function start(): Promise<Running> {
    const running = program.start([], { PORT: port, DEFAULT_LOCALE: 'en', LOG_LEVEL: 'warn', ...env })
    await running.said('Ready')
    return running
  }
  const command = (args: readonly string[], env: Env = {}) => here.start(args, { ...program.env, ...env })
  return { program, here, start, command, running: await start() }
}

type Prepared = Awaited<ReturnType<typeof prepare>>

describe('while the program runs', () => {
  const closes: (() => Promise<void>)[] = []
  let at: Prepared
  beforeAll(async () => {
    at = await prepare((close) => void closes.unshift(close), { MAX_ACTIVE_JOBS_PER_USER: '8' })
  })
  afterAll(async () => {
    for (const close of closes) await close()
  })

  const run = (args: readonly string[], env?: Env) => at.command(args, env).ended
  const film = (more: readonly string[] = []) => run([...FILM, '--json', ...more])
  const statusOf = async (jobId: string) =>
    (await run(['--list', '--json'])).json.find((line: JsonLine) => line.job_id === jobId)?.status

  test('a film is made by it, told of as ever, and copied with its previews and clips', async () => {
    const picture = await makePicture(join(at.here.folder, 'opening.png'), 400, 400)
    const out = join(at.here.folder, 'film.mp4')
    const made = await film([
      '--image',
      picture,
      '--out',
      out,
      '--previews',
      '--max-size',
      '9',
      '--keep-clips',
    ])
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const types = made.json.map(({ type }) => type)
    expect(types.filter((type) => type !== 'segment_waiting')).toEqual([
      ...['queued', 'planning', 'planned', 'segment_started', 'segment_done'],
      ...['segment_started', 'segment_done', 'merging', 'completed'],
    ])
    const progress = made.json.map((line) => line.progress)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    const last = made.json.at(-1)
    expect(last).toMatchObject({ path: out, cost_usd: 0, metadata: { resolution: '1280x720' } })
    expect((await stat(out)).size).toBe(last?.metadata?.file_size)
    const beside = Object.values(last?.previews ?? {})
    expect(beside.map((path) => path.slice(at.here.folder.length))).toEqual([
      '/film.poster.jpg',
      '/film.sheet.jpg',
      '/film.preview.webp',
      '/film.9mb.mp4',
    ])
    for (const path of beside) expect((await stat(path)).size).toBeGreaterThan(1000)
    expect((await stat(join(at.here.folder, 'film.segment-02.mp4'))).size).toBeGreaterThan(1000)

    // its own place is in the program's folder, and the end is told again
    const again = await run(['--resume', last?.job_id ?? '', '--json'])
    expect([again.code, again.json.length]).toEqual([0, 1])
    const path = again.json[0]?.path ?? ''
    expect(path.startsWith(at.program.dataDir)).toBe(true)
    expect(await readFile(path)).toEqual(await readFile(out))
  })

  test('people read the same lines, and nothing of films that it is making', async () => {
    const other = at.command([...FILM, '--json'])
    const { job_id } = await other.line(({ type }) => type === 'queued')
    const { code, stdout, stderr } = await run([...FILM, '--lang', 'en'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('planner and model are local stand-ins')
    expect(stdout).toMatch(/100% {2}The film is ready\./)
    expect(stdout).toMatch(/film.*\.mp4 — 8\.0 s, 1280×720/)
    expect(stdout).not.toContain(job_id)
    expect((await other.ended).code).toBe(0)
  })

  test('Ctrl-C cancels the film and sees its end; SIGTERM leaves it to the program', async () => {
    const first = at.command([...FILM, '--json'])
    await first.line(({ type }) => type === 'segment_started')
    first.kill('SIGINT')
    const cancelled = await first.ended
    expect(cancelled).toMatchObject({ code: 130, stderr: '' })
    expect(cancelled.json.slice(-2).map(({ type }) => type)).toEqual(['cancel_requested', 'cancelled'])

    const second = at.command([...FILM, '--lang', 'en'])
    await second.said('Segment 1/2 is being made')
    second.kill('SIGTERM')
    const left = await second.ended
    const [, jobId = ''] = /Job (\S+)/.exec(left.stdout) ?? []
    expect([left.code, left.stdout]).toEqual([143, expect.stringContaining(`--resume ${jobId} shows`)])
    const watched = await run(['--resume', jobId, '--json'])
    expect([watched.code, watched.json.at(-1)?.type]).toEqual([0, 'completed'])
  })

  test('--list shows its films, and --cancel ends one', async () => {
    const running = at.command([...FILM, '--json'])
    const { job_id } = await running.line(({ type }) => type === 'segment_started')
    expect(await statusOf(job_id)).toBe('generating')
    const cancelled = await run(['--cancel', job_id, '--json'])
    expect([cancelled.code, cancelled.json]).toEqual([
      0,
      [expect.objectContaining({ type: 'cancelled', job_id, status: 'cancelled' })],
    ])
    expect((await running.ended).code).toBe(130)
    const twice = await run(['--cancel', job_id, '--lang', 'en'])
    expect([twice.code, twice.stdout]).toEqual([2, ''])
    expect(twice.stderr).toMatch(/is cancelled; only an unfinished one can be cancelled/)
  })

  test.each([
    [['x', '--segments', '11'], 'segments: “11”'],
    [['x', '--image', '/nowhere/a.png'], 'image: '],
    [['--resume', 'a1b2'], 'no job a1b2'],
    [['x', '--model', 'sora-2'], 'model: sora-2 was switched off'],
    [['x', '--out', '/nowhere/film.mp4'], '--out: '],
  ])('what can’t be done is refused as ever: %s', async (args, said) => {
    const { code, stdout, stderr } = await run([...args, '--lang', 'en'])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(said)
    expect(stderr).toMatch(/^[^\n]+\n$/)
  })

  test('what it can do counts, not what this command line could', async () => {
    const { code, stderr } = await run(['x', '--model', 'wan-2.7', '--lang', 'en'], { FAL_KEY: 'k' })
    expect([code, stderr]).toEqual([2, 'model: wan-2.7 is not connected here. Allowed: local.\n'])
  })

  test('nobody without the folder’s token speaks to it', async () => {
    const holder = join(at.program.dataDir, 'holder.json')
    expect((await stat(holder)).mode & 0o777).toBe(0o600)
    const { address, token } = JSON.parse(await readFile(holder, 'utf8'))
    const ask = (authorization: string) =>
      fetch(`${address}/operator/list`, { method: 'POST', headers: { authorization }, body: '[9]' })
    expect((await ask(`Bearer ${token}`)).status).toBe(200)
    for (const wrong of ['', 'Bearer ', `Bearer ${token}x`, `Bearer ${'A'.repeat(token.length)}`, token]) {
      expect((await ask(wrong)).status).toBe(404)
    }
  })
})

test('a program that is started anew is found again, and the film’s end is told', async () => {
  const { command, running, start } = await prepare(onTestFinished)
  const watching = command([...FILM, '--json'])
  await watching.line(({ type, segment }) => type === 'segment_started' && segment === 2)
  running.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
  await start()
  const { code, json } = await watching.ended
  expect([code, json.at(-1)?.type]).toEqual([0, 'completed'])
  // nothing is told twice, and nothing is left out
  const types = json.map(({ type }) => type)
  expect(types.filter((type) => type === 'segment_done')).toHaveLength(2)
  expect(types).toContain('resumed')
})

test('when it was killed, the command line works on the folder itself', async () => {
  const { command, running } = await prepare(onTestFinished)
  const first = command([...FILM, '--json'])
  const { job_id } = await first.line(({ type }) => type === 'segment_done')
  running.kill('SIGKILL')
  await running.ended
  first.kill('SIGTERM')
  expect((await first.ended).code).toBe(143)
  const { code, json } = await command(['--resume', job_id, '--json']).ended
  expect([code, json.at(-1)?.type]).toEqual([0, 'completed'])
})
