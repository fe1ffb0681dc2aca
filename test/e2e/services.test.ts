import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CLI, commandLine, type Env, filesIn, type Machine } from '../support/cli.ts'
import { openUrl } from '../support/databases.ts'
import { filmFacts } from '../support/film.ts'
import { flagged } from '../support/openai-server.ts'
import { CLIP, FILM, lastOf, only, PROMPT, rowsOf, shotPrompt, startServices } from '../support/services.ts'

const FRAMES = 2 * CLIP.frames - 1
/** Of the files in DATA_DIR those that are a job's. */
const isJobs = (name: string) => name.includes('/')
/** The same command with lines for people. */
const TOLD = FILM.filter((word) => word !== '--json')

/** Runs a command on a pseudo-terminal and types `answer` when it asks. */
async function onTerminal(machine: Machine, args: readonly string[], env: Env, answer: string) {
  const { PATH = '', HOME = '' } = process.env
  const quoted = commandLine(CLI, args)
    .map((word) => `'${word}'`)
    .join(' ')
  const child = spawn('script', ['-qefc', `exec ${quoted}`, '/dev/null'], {
    cwd: machine.folder,
    env: { PATH, HOME, TERM: 'xterm', SHELL: '/bin/sh', ...machine.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let screen = ''
  let asked = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text
    if (asked || !screen.includes('Go on? [y/N] ')) return
    asked = true
    child.stdin.write(answer)
  })
  const [code] = await once(child, 'close')
  return { code, screen, asked }
}

describe('with every service connected', () => {
  test('one command makes the film through OpenAI, fal, Supabase and Postgres, and gives a link that opens', async () => {
    const { machine, openai, fal, supabase, env, paid } = await startServices(onTestFinished)
    const out = join(machine.folder, 'film.mp4')
    const { code, stderr, json } = await machine.run([...FILM, '--out', out], env)
    expect([code, stderr]).toEqual([0, ''])
    const { job_id } = lastOf(json)
    const { errors, frames } = await filmFacts(out)
    expect({ errors, frames }).toEqual({ errors: '', frames: FRAMES })
    const film = await readFile(out)
    expect(lastOf(json)).toMatchObject({
      type: 'completed',
      path: out,
      cost_usd: 0.8,
      metadata: { resolution: '256x144', file_size: film.length },
    })

    // each of them did its part
    expect([openai.moderated, openai.asked.length, openai.complaints]).toEqual([[PROMPT], 1, []])
    expect(fal.accepted.map(({ endpoint, input }) => [endpoint, input.prompt])).toEqual([
      ['fal-ai/wan/v2.7/text-to-video', shotPrompt(1)],
      ['fal-ai/wan/v2.7/image-to-video', shotPrompt(2)],
    ])
    expect(paid()).toEqual([1, 1])
    expect([...supabase.objects.keys()]).toEqual([`films/films/${job_id}.mp4`])
    expect(supabase.buckets.get('films')).toEqual({ public: false })
    const { db } = await openUrl(env.DATABASE_URL ?? '', onTestFinished)
    expect(await rowsOf(db, sql`select id, status from jobs`)).toEqual([{ id: job_id, status: 'completed' }])
    // nothing of it stays behind here
    expect((await filesIn(machine.dataDir)).filter(isJobs)).toEqual([])

    // and without --out the film is where the link leads
    const again = await machine.run(['--resume', job_id, '--previews', '--json'], env)
    const { url = '', path, previews = {} } = lastOf(again.json)
    expect([again.code, path]).toEqual([0, null])
    const whole = await fetch(url)
    expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect(Buffer.from(await whole.arrayBuffer()).equals(film)).toBe(true)
    const part = await fetch(url, { headers: { range: 'bytes=100-199' } })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${film.length}`])
    expect(Buffer.from(await part.arrayBuffer()).equals(film.subarray(100, 200))).toBe(true)
    expect(paid()).toEqual([1, 1])

    // and so are its previews
    const kinds = Object.entries(previews).map(async ([kind, link]) => {
      const answer = await fetch(link)
      return [kind, answer.status, answer.headers.get('content-type')]
    })
    expect(await Promise.all(kinds)).toEqual([
      ['poster', 200, 'image/jpeg'],
      ['sheet', 200, 'image/jpeg'],
      ['preview', 200, 'image/webp'],
    ])
    expect((await filesIn(machine.dataDir)).filter(isJobs)).toEqual([])
  })

  test('the price is told before, the place in fal’s line while it waits, and what it cost after', async () => {
    const { machine, env } = await startServices(onTestFinished, { outcome: { steps: [2, 0] } })
    const { code, stdout } = await machine.run(TOLD, env)
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toBe('About 0.80 USD (Wan 2.7).')
    expect(lines.filter((line) => line.includes('line.'))).toEqual([
      ' 20%  Segment 1/2 is number 3 in the video model’s line.',
      ' 20%  Segment 1/2 is number 1 in the video model’s line.',
      ' 50%  Segment 2/2 is number 3 in the video model’s line.',
      ' 50%  Segment 2/2 is number 1 in the video model’s line.',
    ])
    expect(lines.slice(-2)).toEqual(['This film was generated by AI (Wan 2.7).', 'It cost 0.80 USD.'])
  })

  test('a prompt that the content check flags fails with its words, before it is planned or paid', async () => {
    const { machine, openai, fal, env } = await startServices(onTestFinished)
    openai.moderate(flagged('violence', 'violence/graphic'))
    const { code, json } = await machine.run(FILM, env)
    expect([code, lastOf(json).type, lastOf(json).message]).toEqual([
      1,
      'failed',
      'Failed: prompt: it was refused by the content check (violence, violence/graphic). Describe the film differently.',
    ])
    expect([openai.moderated, openai.asked, fal.seen]).toEqual([[PROMPT], [], []])
  })
})

describe('a film is made as well with', { concurrent: true, timeout: 120_000 }, () => {
  test.for([
    { name: 'nothing connected', connected: [] },
    { name: 'OpenAI alone', connected: ['OPENAI_'] },
    { name: 'fal alone', connected: ['FAL_'] },
    { name: 'Supabase alone', connected: ['SUPABASE_'] },
    { name: 'Postgres alone', connected: ['DATABASE_'] },
  ])('$name', async ({ connected }, { expect, onTestFinished }) => {
    const database = connected.includes('DATABASE_')
    const services = await startServices(onTestFinished, { database })
    const { machine, openai, fal, supabase, env } = services
    const out = join(machine.folder, 'film.mp4')
    // the local model has less to draw of a square
    const command = [...FILM, '--aspect', '1:1', '--out', out]
    const { code, stderr, json } = await machine.run(command, only(env, ...connected))
    expect([code, stderr, lastOf(json).type]).toEqual([0, '', 'completed'])
    const rendersAtFal = connected.includes('FAL_')
    const { errors, frames } = await filmFacts(out)
    expect({ errors, frames }).toEqual({ errors: '', frames: rendersAtFal ? FRAMES : 2 * 96 - 1 })
    expect(lastOf(json).cost_usd).toBe(rendersAtFal ? 0.8 : 0)
    // what is connected is used, and nothing else
    const files = await filesIn(machine.dataDir)
    expect({
      OPENAI_: openai.asked.length,
      FAL_: fal.accepted.length,
      SUPABASE_: supabase.objects.size,
      filmsHere: files.filter((name) => name.startsWith('objects/')).length,
    }).toEqual({
      OPENAI_: connected.includes('OPENAI_') ? 1 : 0,
      FAL_: rendersAtFal ? 2 : 0,
      SUPABASE_: connected.includes('SUPABASE_') ? 1 : 0,
      filmsHere: connected.includes('SUPABASE_') ? 0 : 1,
    })
    if (!database) return
    const { db } = await openUrl(env.DATABASE_URL ?? '', onTestFinished)
    expect(await rowsOf(db, sql`select status from jobs`)).toEqual([{ status: 'completed' }])
  })
})

describe('what would cost too much', () => {
  test('a film above MAX_USD_PER_JOB is refused with exit 2, and nobody is asked for anything', async () => {
    const { machine, openai, fal, env } = await startServices(onTestFinished)
    const refused = await machine.run(TOLD, { ...env, MAX_USD_PER_JOB: '0.79' })
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([
      2,
      '',
      'This film would cost about 0.80 USD; up to 0.79 USD a film are allowed. Ask for fewer or shorter segments.\n',
    ])
    expect([fal.seen, openai.moderated, (await filesIn(machine.dataDir)).filter(isJobs)]).toEqual([
      [],
      [],
      [],
    ])
  })

  test('a film above what MAX_USD_PER_USER_DAY leaves is refused with exit 2, and nobody is asked for anything', async () => {
    const { machine, openai, fal, env, paid } = await startServices(onTestFinished)
    const day = { ...env, MAX_USD_PER_USER_DAY: '1.50' }
    expect((await machine.run(FILM, day)).code).toBe(0)
    const before = [fal.seen.length, openai.moderated.length]
    const refused = await machine.run(TOLD, day)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(
      /^This film would cost about 0\.80 USD; 0\.80 USD of 1\.50 USD in 24 hours are spent\. More is possible from \w{3} \d+, \d{4}, [^\n]+\.\n$/,
    )
    expect([fal.seen.length, openai.moderated.length]).toEqual(before)
    expect(paid()).toEqual([1, 1])
    // what was told would fit does
    expect((await machine.run(FILM, { ...env, MAX_USD_PER_USER_DAY: '1.60' })).code).toBe(0)
    expect(paid()).toEqual([2, 2])
  })

  test('above CONFIRM_ABOVE_USD a person at a terminal is asked: n sends nothing, --yes goes on', async () => {
    const { machine, openai, fal, env, paid } = await startServices(onTestFinished)
    const careful = { ...env, CONFIRM_ABOVE_USD: '0.79' }
    const no = await onTerminal(machine, TOLD, careful, 'n\r')
    expect([no.code, no.asked]).toEqual([130, true])
    expect(no.screen).toMatch(/^About 0\.80 USD \(Wan 2\.7\)\.\r\n/)
    expect([fal.seen, openai.moderated, (await filesIn(machine.dataDir)).filter(isJobs)]).toEqual([
      [],
      [],
      [],
    ])

    const agreed = await onTerminal(machine, [...TOLD, '--yes'], careful, 'n\r')
    expect([agreed.code, agreed.asked]).toEqual([0, false])
    expect(paid()).toEqual([1, 1])
  })

  test('the person who answers y gets the film; at the threshold nobody is asked', async () => {
    const { machine, env, paid } = await startServices(onTestFinished)
    const yes = await onTerminal(machine, TOLD, { ...env, CONFIRM_ABOVE_USD: '0.79' }, 'y\r')
    expect([yes.code, yes.asked, paid()]).toEqual([0, true, [1, 1]])
    const unasked = await onTerminal(machine, TOLD, { ...env, CONFIRM_ABOVE_USD: '0.80' }, 'n\r')
    expect([unasked.code, unasked.asked, paid()]).toEqual([0, false, [2, 2]])
  })
})

test('Sora 2 is refused with exit 2 by the name of a model that lives, and nobody is asked for anything', async () => {
  const { machine, openai, fal, env } = await startServices(onTestFinished)
  const { code, stdout, stderr } = await machine.run([...TOLD, '--model', 'sora-2'], env)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^model: sora-2 was switched off on 2026-09-24\. Use [a-z0-9.-]+ instead\.\n$/)
  const live = /Use (\S+) instead/.exec(stderr)?.[1] ?? ''
  expect([fal.seen, openai.moderated]).toEqual([[], []])
  expect((await machine.run([...FILM, '--model', live], env)).code).toBe(0)
  expect(fal.accepted).toHaveLength(2)
})
