import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ffmpeg } from '../test/support/clips.ts'
import { MODEL_CLIP, makeChain } from '../test/support/numbered-clips.ts'
import { median } from './median.ts'
import { type Cache, dropFromCache, keepMeasures, measureWay, WAYS } from './ways-to-join.ts'

/**
 * What a join costs compared with other ways: time, CPU and memory for 2 to 100 clips of 8 s, 720p24, 8.4 MB each. Every film is made in a
 * process of its own that has made a smaller one before; the ways take turns. The time is also measured with clips that are not in the
 * page cache. A busy machine or disk changes the ratios, so the load is printed first. `--quick`: up to 10 clips, without encoding.
 */
const [asked, cache, ...paths] = process.argv.slice(2)
const quick = process.argv.includes('--quick')
const COUNTS = quick ? [2, 10] : [2, 4, 10, 30, 100]
/** Of the ways that take less than a second for ten clips: each film may take twice as long as the one before it. */
const ROUNDS = 11
const CHEAP = ['nothing', 'raw read + write', 'cat', 'join', 'tables', 'tables and header']
/** Of the ways that start ffmpeg. */
const SLOW_ROUNDS = 3
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
  process.send(await measureWay(asked, cache as Cache, clips, film, () => process.send?.('ready')))
} else {
  await compare()
}

async function compare(): Promise<void> {
  const load = loadavg().map((minutes) => minutes.toFixed(2))
  console.log(
    `ffmpeg ${ffmpeg.version}, Node ${process.versions.node}, ${availableParallelism()} cores, ` +
      `load average ${load.join(', ')} at the start.\n` +
      `Medians of ${ROUNDS}; of ${SLOW_ROUNDS} if ffmpeg runs; encoding once. Warm: the clips are in the page cache; CPU and memory are warm ones.`,
  )
  const folder = await mkdtemp(join(tmpdir(), 'sora-join-'))
  try {
    const clips = await makeClips(folder)
    const canDrop = await dropsFromCache(clips)
    for (const count of COUNTS) {
      const chosen = clips.slice(0, count)
      const film = join(folder, 'film.mp4')
      const warm = await measureAll('warm', chosen, film)
      // A clip that comes again is in the cache by then.
      const cold = canDrop && count <= DISTINCT ? await measureAll('cold', chosen, film) : null
      printTable(count, warm, cold)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function dropsFromCache(clips: readonly string[]): Promise<boolean> {
  try {
    await dropFromCache(clips)
    return true
  } catch (error) {
    console.log(`No cold figures: ${error instanceof Error ? error.message : error}`)
    return false
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

async function measureAll(
  cache: Cache,
  clips: readonly string[],
  film: string,
): Promise<Map<string, Cost[]>> {
  const costs = new Map<string, Cost[]>()
  const measure = async (way: string) => {
    costs.set(way, [...(costs.get(way) ?? []), await inProcess(way, cache, clips, film)])
  }
  for (let round = 0; round < ROUNDS; round++) {
    // No way always runs first.
    const first = round % CHEAP.length
    for (const way of [...CHEAP.slice(first), ...CHEAP.slice(0, first)]) await measure(way)
  }
  const others = Object.keys(WAYS).filter((way) => !CHEAP.includes(way))
  for (let round = 0; round < SLOW_ROUNDS; round++) {
    for (const way of others) {
      const encodes = way === 'ffmpeg re-encode' || way === 'MoviePy'
      const decodes = way === 'measuring the clips' || way === 'join, nothing measured'
      // Reading takes no time compared with decoding and encoding.
      if (cache === 'cold' && (encodes || decodes)) continue
      if (encodes && (quick || clips.length > ENCODED_MAX)) continue
      if (round > 0 && (encodes || (decodes && clips.length > MEASURED_MAX))) continue
      if (way === 'MoviePy' && !hasMoviePy()) continue
      await measure(way)
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

function inProcess(way: string, cache: Cache, clips: readonly string[], film: string): Promise<Cost> {
  const child = fork(fileURLToPath(import.meta.url), [way, cache, film, ...clips])
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

function printTable(count: number, warm: Map<string, Cost[]>, cold: Map<string, Cost[]> | null): void {
  const of = (way: string, key: keyof Cost, costs = warm) =>
    median((costs.get(way) ?? []).map((cost) => cost[key]))
  const timeIn = (way: string, costs: Map<string, Cost[]> | null) => {
    if (!costs?.has(way)) return ['', '']
    const ms = of(way, 'ms', costs)
    return [`${ms.toFixed(0)} ms`, (ms / of('raw read + write', 'ms', costs)).toFixed(2)]
  }
  console.log(`\n${count} clips\n`)
  console.log(
    '| way | warm | of raw | cold | of raw | CPU | of raw | memory over an idle process | of the largest it starts |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  for (const way of warm.keys()) {
    if (way === 'nothing' || way.startsWith('tables')) continue
    const over = Math.max(0, of(way, 'own') - of('nothing', 'own'))
    const started = of(way, 'started')
    const cells = [
      way,
      ...timeIn(way, warm),
      ...timeIn(way, cold),
      `${of(way, 'cpu').toFixed(2)} s`,
      (of(way, 'cpu') / of('raw read + write', 'cpu')).toFixed(2),
      `${over.toFixed(0)} MB`,
      started === 0 ? '' : `${started.toFixed(0)} MB`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  for (const [cache, costs] of Object.entries({ warm, cold })) {
    if (costs === null) continue
    const tables = of('tables', 'ms', costs)
    const header = of('tables and header', 'ms', costs)
    const steps = {
      tables,
      'plan and header': header - tables,
      'copy and sync': of('join', 'ms', costs) - header,
    }
    const shares = Object.entries(steps).map(([step, ms]) => `${step} ${ms.toFixed(0)} ms`)
    console.log(`\njoin, ${cache}: ${shares.join(', ')}`)
  }
}
