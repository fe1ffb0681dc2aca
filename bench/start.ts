import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Env } from '../test/support/cli.ts'
import { freePort } from '../test/support/free-port.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { until } from '../test/support/until.ts'
import { commitOf } from './commit-of.ts'
import { median } from './median.ts'

/**
 * How long `npm start` takes until it is ready, its CPU until then and its memory, with the embedded database and with a server, on a
 * folder that was used before. With the folder of another version as an argument (`git worktree add ../before <commit>`, and its packages
 * installed) both take turns in one run; each is started as its own package.json says.
 */
const ROUNDS = 5
const [other] = process.argv.slice(2)

interface Start {
  ms: number
  cpu: number
  megabytes: number
}

const here = fileURLToPath(new URL('..', import.meta.url))
const versions = [
  ...(other === undefined ? [] : [{ name: `before (${commitOf(other)})`, words: wordsOf(resolve(other)) }]),
  { name: other === undefined ? 'npm start' : 'now', words: wordsOf(here) },
]
const folders: string[] = []
const server = await startPostgres()
try {
  const rows: { database: string; name: string; starts: Start[] }[] = []
  for (const database of ['embedded', 'server']) {
    const all = await Promise.all(
      versions.map(async ({ name, words }) => {
        const folder = await mkdtemp(join(tmpdir(), 'sora-start-'))
        folders.push(folder)
        const env: Env = database === 'server' ? { DATABASE_URL: await server.createDatabase() } : {}
        return { database, name, starts: [] as Start[], words, folder, env }
      }),
    )
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const { starts, words, folder, env } of all) {
        const start = await startOf(words, folder, env)
        // the first one makes the database, and keeps what Node compiles
        if (round > 0) starts.push(start)
      }
    }
    rows.push(...all)
  }
  printTable(rows)
} finally {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
  await server.stop()
}

/** One start, from the command until its screen says that it is ready, and its end. */
async function startOf(words: readonly string[], folder: string, env: Env): Promise<Start> {
  const { PATH = '', HOME = '' } = process.env
  // older versions take no 0 for any free port
  const PORT = String(await freePort())
  const own = { PATH, HOME, DATA_DIR: join(folder, 'data'), PORT, DEFAULT_LOCALE: 'en' }
  const begun = performance.now()
  // not in the repository, so that a developer's .env plays no part
  const child = spawn(process.execPath, words, {
    cwd: folder,
    env: { ...own, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const isReady = () => {
    if (child.exitCode !== null) throw new Error(`it ended (${child.exitCode}):\n${output}`)
    return /^ *Ready\./m.test(output)
  }
  await until('a program that is ready', isReady, { seconds: 120, instead: () => output })
  const ms = performance.now() - begun
  const about = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8')
  // fields 14 and 15 of proc(5)'s stat, in hundredths of a second
  const [user = 0, system = 0] = about('stat').split(' ').slice(13, 15).map(Number)
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(about('status'))?.[1])
  child.kill('SIGTERM')
  await ended
  return { ms, cpu: (user + system) * 10, megabytes: kilobytes / 1024 }
}

/** What follows `node` in a version's `npm start`, with whole paths. */
function wordsOf(folder: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const [, ...words] = String(scripts.start).split(' ')
  return words.map((word) => (/\.[jt]s$/.test(word) ? resolve(folder, word) : word))
}

function printTable(rows: readonly { database: string; name: string; starts: readonly Start[] }[]): void {
  const of = (starts: readonly Start[], field: keyof Start) => median(starts.map((start) => start[field]))
  console.log(`Medians of ${ROUNDS} starts, by turns\n`)
  console.log('| database | | ready after | CPU | resident memory |')
  console.log('|---|---|---|---|---|')
  for (const { database, name, starts } of rows) {
    const first = rows.find((row) => row.database === database)?.starts ?? starts
    const cells = (['ms', 'cpu', 'megabytes'] as const).map((field) => {
      const ratio = of(starts, field) / of(first, field)
      return `${of(starts, field).toFixed(0)} ${field === 'megabytes' ? 'MB' : 'ms'} (×${ratio.toFixed(2)})`
    })
    console.log(`| ${database} | ${name} | ${cells.join(' | ')} |`)
  }
}
