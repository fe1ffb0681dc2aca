import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Env, MAIN, type Machine, newMachine } from '../test/support/cli.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { until } from '../test/support/until.ts'
import { median } from './median.ts'

/**
 * How long `npm start` takes until it is ready, its CPU until then and its memory, with the embedded database and with a server, on a
 * folder that was used before. With the folder of another version as an argument (`git worktree add ../before <commit>`, and its packages
 * installed) both take turns in one run.
 */
const ROUNDS = 5
const [other] = process.argv.slice(2)

interface Start {
  ms: number
  cpu: number
  megabytes: number
}

const versions = [
  ...(other === undefined
    ? []
    : [{ name: `before (${commitOf(other)})`, main: resolve(other, 'src/main.ts') }]),
  { name: other === undefined ? 'npm start' : 'now', main: MAIN },
]
const machines: Machine[] = []
const server = await startPostgres()
try {
  const rows: { database: string; name: string; starts: Start[] }[] = []
  for (const database of ['embedded', 'server']) {
    const all = await Promise.all(
      versions.map(async ({ name, main }) => {
        const machine = await newMachine(main)
        machines.push(machine)
        const env = database === 'server' ? { DATABASE_URL: await server.createDatabase() } : {}
        return { database, name, starts: [] as Start[], machine, env }
      }),
    )
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const { starts, machine, env } of all) {
        const start = await startOf(machine, env)
        // the first one makes the database, and keeps what Node compiles
        if (round > 0) starts.push(start)
      }
    }
    rows.push(...all)
  }
  printTable(rows)
} finally {
  for (const machine of machines) await machine.remove()
  await server.stop()
}

/** One start, from the command until the log says that it is ready, and its end. */
async function startOf(machine: Machine, env: Env): Promise<Start> {
  const begun = performance.now()
  const started = machine.start([], { LOG_LEVEL: 'info', ...env })
  const isReady = () => started.output().includes('"msg":"ready"')
  await until('a program that is ready', isReady, { seconds: 120, instead: started.output })
  const ms = performance.now() - begun
  const about = (file: string) => readFileSync(`/proc/${started.pid}/${file}`, 'utf8')
  // fields 14 and 15 of proc(5)'s stat, in hundredths of a second
  const [user = 0, system = 0] = about('stat').split(' ').slice(13, 15).map(Number)
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(about('status'))?.[1])
  started.kill('SIGTERM')
  await started.ended
  return { ms, cpu: (user + system) * 10, megabytes: kilobytes / 1024 }
}

function commitOf(folder: string): string {
  return execFileSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
}

function printTable(rows: readonly { database: string; name: string; starts: readonly Start[] }[]): void {
  const of = (starts: readonly Start[], field: keyof Start) => median(starts.map((start) => start[field]))
  for (const { database, name, starts } of rows) {
    const first = rows.find((row) => row.database === database)?.starts ?? starts
    const told = (['ms', 'cpu', 'megabytes'] as const).map((field) => {
      const ratio = of(starts, field) / of(first, field)
      return `${of(starts, field).toFixed(0)} ${field === 'megabytes' ? 'MB' : 'ms'} (×${ratio.toFixed(2)})`
    })
    const [ready, cpu, memory] = told
    console.log(`${database.padEnd(9)} ${name.padEnd(18)} ready ${ready}   CPU ${cpu}   resident ${memory}`)
  }
}
