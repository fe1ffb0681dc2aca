import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ffmpeg } from '../test/support/clips.ts'
import { MODEL_CLIP, makeChain } from '../test/support/numbered-clips.ts'
import { median } from './median.ts'
import { keepMeasures, measureWay, WAYS } from './ways-to-join.ts'

/**
 * What a join costs beside others: time, CPU and memory for 2 to 100 clips of 8 s, 720p24, 8.4 MB each. Every film is made in a process of
 * its own that has made a smaller one before; the ways take turns. `--quick`: up to 10 clips, without encoding.
 */
const [asked, ...paths] = process.argv.slice(2)
const quick = process.argv.includes('--quick')
const COUNTS = quick ? [2, 10] : [2, 4, 10, 30, 100]
const ROUNDS = 3
/** Of more clips than that nothing is encoded: ten of them take a minute and more. */
const ENCODED_MAX = 10
/** Of more clips than that, one round must do for whatever decodes. */
const MEASURED_MAX = 10
/** Clips that are made; more are the same ones again. */
const DISTINCT = 10

interface Cost {
  ms: number
  cpu: number
  /** Megabytes at most: of the process that joins, and of the largest that it starts. */
  own: number
  started: number
}

if (process.send !== undefined && asked !== undefined) {
  const [film = '', ...clips] = paths
  process.send(await measureWay(asked, clips, film, () => process.send?.('ready')))
} else {
  await compare()
}

async function compare(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sora-join-'))
  try {
    const clips = await makeClips(folder)
    console.log(
      `ffmpeg ${ffmpeg.version}, Node ${process.versions.node}; medians of ${ROUNDS}; encoding once.`,
    )
    for (const count of COUNTS) {
      const costs = await measureAll(clips.slice(0, count), join(folder, 'film.mp4'))
      printTable(count, costs)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function makeClips(folder: string): Promise<string[]> {
  const longest = Math.max(...COUNTS)
  const count = Math.min(DISTINCT, longest)
  const made = await makeChain(join(folder, 'clip'), { ...MODEL_CLIP, count })
  const clips = Array.from({ length: longest }, (_, i) => made[i % count] ?? '')
  await keepMeasures(clips)
  return clips
}

async function measureAll(clips: readonly string[], film: string): Promise<Map<string, Cost[]>> {
  const costs = new Map<string, Cost[]>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of Object.keys(WAYS)) {
      const encodes = way === 'ffmpeg re-encode' || way === 'MoviePy'
      const decodes = way === 'measuring the clips' || way === 'join, nothing measured'
      if (encodes && (quick || clips.length > ENCODED_MAX)) continue
      if (round > 0 && (encodes || (decodes && clips.length > MEASURED_MAX))) continue
      if (way === 'MoviePy' && !hasMoviePy()) continue
      costs.set(way, [...(costs.get(way) ?? []), await inProcess(way, clips, film)])
    }
  }
  return costs
}

function hasMoviePy(): boolean {
  try {
    execFileSync('python3', ['-c', 'import moviepy'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function inProcess(way: string, clips: readonly string[], film: string): Promise<Cost> {
  const child = fork(fileURLToPath(import.meta.url), [way, film, ...clips])
  const memory = { own: 0, started: 0 }
  const watch = setInterval(() => watchMemory(child, memory), 10)
  return new Promise((done, failed) => {
    let measured: Pick<Cost, 'ms' | 'cpu'> | null = null
    child.on('message', (message: 'ready' | Pick<Cost, 'ms' | 'cpu'>) => {
      if (message !== 'ready') measured = message
      // Not the processes that were started to get ready.
      else memory.started = 0
    })
    child.on('exit', (code) => {
      clearInterval(watch)
      if (measured === null) failed(new Error(`“${way}” ended with ${code}`))
      else done({ ...measured, ...memory })
    })
  })
}

/** The kernel keeps each process's peak; it is gone with the process. */
async function watchMemory({ pid }: ChildProcess, memory: { own: number; started: number }): Promise<void> {
  const own = await peakOf(`${pid}`)
  memory.own = Math.max(memory.own, own.megabytes)
  const below = async (id: string): Promise<void> => {
    const children = await readFile(`/proc/${id}/task/${id}/children`, 'utf8').catch(() => '')
    for (const started of children.split(' ').filter(Boolean)) {
      const { name, megabytes } = await peakOf(started)
      // For a moment a new process is still a copy of the one that starts it.
      if (name !== own.name) memory.started = Math.max(memory.started, megabytes)
      await below(started)
    }
  }
  await below(`${pid}`)
}

async function peakOf(id: string): Promise<{ name: string; megabytes: number }> {
  const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '')
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? ''
  return { name: field('Name'), megabytes: Number(field('VmHWM')) / 1024 }
}

function printTable(count: number, costs: Map<string, Cost[]>): void {
  const of = (way: string, key: keyof Cost) => median((costs.get(way) ?? []).map((cost) => cost[key]))
  console.log(`\n${count} clips\n`)
  console.log(
    '| way | time | of raw | CPU | of raw | memory over an idle process | of the largest it starts |',
  )
  console.log('|---|---|---|---|---|---|---|')
  for (const way of costs.keys()) {
    if (way === 'nothing') continue
    const ratio = (key: 'ms' | 'cpu') => (of(way, key) / of('raw read + write', key)).toFixed(2)
    const over = Math.max(0, of(way, 'own') - of('nothing', 'own'))
    const started = of(way, 'started')
    const cells = [
      way,
      `${of(way, 'ms').toFixed(0)} ms`,
      ratio('ms'),
      `${of(way, 'cpu').toFixed(2)} s`,
      ratio('cpu'),
      `${over.toFixed(0)} MB`,
      started === 0 ? '' : `${started.toFixed(0)} MB`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}
