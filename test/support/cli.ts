import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { queueOfItsOwn } from './queue.ts'

/** The program of the command line. */
export const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** The program that runs and serves the chats. */
export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

const COMPILE_CACHE = fileURLToPath(new URL('../../src/compile-cache.js', import.meta.url))

/** The words that start one of the programs, as the npm scripts start it. */
export function commandLine(program: string, args: readonly string[]): [string, ...string[]] {
  return [process.execPath, '--import', COMPILE_CACHE, program, ...args]
}

/** What `--json` writes, as a person's own program would read it. */
export interface JsonLine {
  type: string
  job_id: string
  status: string
  progress: number
  message: string
  segment?: number
  title?: string
  shots?: string[]
  path?: string
  url?: string
  metadata?: { duration: number; resolution: string; file_size: number }
  previews?: Record<string, string>
}

/** A command that has ended. `json` are the lines of stdout that are JSON. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  json: JsonLine[]
}

/** A command that runs, in a process group of its own. */
export interface Running {
  pid: number
  ended: Promise<Ended>
  /** The first JSON line that fits, as soon as it is there. Rejects where the command ends without it. */
  line(fits: (line: JsonLine) => boolean): Promise<JsonLine>
  /** Resolves as soon as stdout holds this text. Rejects where the command ends without it. */
  said(text: string): Promise<void>
  /** What it has written so far, to stdout and to stderr. */
  output(): string
  /** Stops reading what it writes, as a terminal or a collector of logs that is gone. */
  hangUp(): void
  /** Signals the command alone. A SIGKILL leaves its ffmpeg running, as a real crash would. */
  kill(signal: NodeJS.Signals): void
  /** Signals the whole process group, as a terminal does at Ctrl-C. */
  killGroup(signal: NodeJS.Signals): void
}

/** The variables that a command is given: besides these only PATH, HOME and the machine's own. */
export type Env = Record<string, string>

/** The command line, or another program, on a machine of its own: an empty folder, in which DATA_DIR (`data`) doesn't exist yet. */
export interface Machine extends AsyncDisposable {
  folder: string
  dataDir: string
  /** By which a program works with what this machine keeps: DATA_DIR, and the queue that the suite runs on. */
  env: Env
  start(args: readonly string[], env?: Env): Running
  run(args: readonly string[], env?: Env): Promise<Ended>
  /** The ids of the processes that work on files of this machine. */
  processes(): Promise<number[]>
  /** Ends whatever was started and still runs, and removes the folder. */
  remove(): Promise<void>
}

/** Makes a machine. Whoever makes it removes it (`await using`, or `remove` after the tests). `queue`: what gives it another than the suite's. */
export async function newMachine(program = CLI, queue?: Env): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'sora-cli-'))
  const dataDir = join(folder, 'data')
  const own: Env = { DATA_DIR: dataDir, ...(queue ?? (await queueOfItsOwn({ used: false }))) }
  const started: Running[] = []

  function start(args: readonly string[], env: Env = {}): Running {
    // any free port: tests run side by side
    const running = startProgram(program, args, folder, { ...own, PORT: '0', ...env })
    started.push(running)
    return running
  }

  async function remove(): Promise<void> {
    for (const running of started) running.killGroup('SIGKILL')
    // orphans of killed commands: each has a group of its own
    for (const pid of await processesNaming(folder)) end(pid, 'SIGKILL')
    await Promise.all(started.map((running) => running.ended))
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }

  return {
    folder,
    dataDir,
    env: own,
    start,
    run: (args, env) => start(args, env).ended,
    processes: () => processesNaming(folder),
    remove,
    [Symbol.asyncDispose]: remove,
  }
}

function startProgram(program: string, args: readonly string[], folder: string, env: Env): Running {
  const { PATH = '', HOME = '' } = process.env
  const [node, ...words] = commandLine(program, args)
  const child = spawn(node, words, {
    // not the repository, so that a developer's .env plays no part
    cwd: folder,
    env: { PATH, HOME, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { pid } = child
  if (pid === undefined) throw new Error('the command could not be started')
  let stdout = ''
  let stderr = ''
  const looks = new Set<() => void>()
  const json = () => stdout.split('\n').slice(0, -1).flatMap(parsed)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const look of looks) look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((fulfil, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const rest = stdout.endsWith('\n') ? '' : (stdout.split('\n').at(-1) ?? '')
      fulfil({ code, signal, stdout, stderr, json: [...json(), ...parsed(rest)] })
    })
  })

  function seen<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((fulfil, reject) => {
      const look = () => {
        const found = find()
        if (found === undefined) return
        looks.delete(look)
        fulfil(found)
      }
      looks.add(look)
      look()
      ended.then(({ code, signal }) => {
        look()
        reject(new Error(`ended (${code ?? signal}) without ${what}:\n${stdout}\n${stderr}`))
      }, reject)
    })
  }

  return {
    pid,
    ended,
    line: (fits) => seen(() => json().find(fits), 'the line that was waited for'),
    said: (text) => seen(() => (stdout.includes(text) ? true : undefined), `“${text}”`).then(() => {}),
    output: () => `${stdout}\n${stderr}`,
    hangUp() {
      child.stdout.destroy()
      child.stderr.destroy()
    },
    kill: (signal) => end(pid, signal),
    killGroup: (signal) => end(-pid, signal),
  }
}

/** A group is negative, as for kill(2). What has ended already needs no end. */
function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

function parsed(line: string): JsonLine[] {
  if (!line.startsWith('{')) return []
  return [JSON.parse(line) as JsonLine]
}

/** The processes with this text in their command line. Reads /proc, which macOS doesn't have. */
async function processesNaming(text: string): Promise<number[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')))
  return ids.filter((_, i) => lines[i]?.includes(text)).map(Number)
}

/** The files below a folder, without the database's own. Empty where there is no such folder. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((name) => !name.startsWith('postgres/'))
    .sort()
}

/** Random numbers 0..1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
