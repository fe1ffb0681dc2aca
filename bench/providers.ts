import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createApp } from '../src/app.ts'
import { type Config, readConfig } from '../src/config.ts'
import { UNTAGGED_MATRIX } from '../src/core/colour.ts'
import { endsJob } from '../src/core/event.ts'
import type { RenderOrder } from '../src/core/ports.ts'
import { findFfmpeg } from '../src/pipeline/media/ffmpeg.ts'
import { createMedia } from '../src/pipeline/media/media.ts'
import { createFalModel } from '../src/pipeline/video/fal.ts'
import type { Service } from '../src/service.ts'
import { createLog } from '../src/telemetry.ts'
import { newMachine } from '../test/support/cli.ts'
import { median } from './median.ts'

/**
 * Two figures of the real provider's side, against the stand-in for fal in a process of its own:
 * the handover, from a clip that is ready to the next request that is accepted, beside the sum of its parts done alone;
 * and the memory, the CPU and the event loop's delay of one process in which 1000 jobs wait at the provider, beside the same process idle.
 */
const SEGMENTS = 10
const WAITING_JOBS = 1000

interface Move {
  time: number
  job_id: string
  segment: number
  state: string
}

// what a film takes of memory would stay, and be taken for the idle process' own
await waiting()
await handover()

async function handover(): Promise<void> {
  await withService([], {}, async (service, moves, config) => {
    await makeFilm(service, 2) // warms up
    moves.length = 0
    await makeFilm(service, SEGMENTS)
    const at = (segment: number, state: string) =>
      moves.find((move) => move.segment === segment && move.state === state)?.time ?? Number.NaN
    const steps = Array.from({ length: SEGMENTS - 1 }, (_, i) => i + 1)
    const whole = median(steps.map((k) => at(k + 1, 'submitted') - at(k, 'rendered')))
    const parts = await partsAlone(config)
    const sum = Object.values(parts).reduce((total, ms) => total + ms, 0)
    console.log(`\nHandover between segments of 4 s at 720p, medians of ${steps.length}\n`)
    console.log(
      '| download | probe and last frame | upload and submit | sum of the parts | in a job | ratio |',
    )
    console.log('|---|---|---|---|---|---|')
    const cells = [parts.download, parts.frame, parts.submit, sum, whole].map((ms) => `${ms.toFixed(0)} ms`)
    console.log(`| ${cells.join(' | ')} | ${(whole / sum).toFixed(2)} |`)
  })
}

/** The same steps one by one, with nothing around them. */
async function partsAlone(config: Config): Promise<{ download: number; frame: number; submit: number }> {
  if (!config.fal) throw new Error('the stand-in for fal is not set')
  const model = createFalModel({ ...config.fal, trim: async () => {}, log: createLog('silent') })
  const media = createMedia(await findFfmpeg(undefined))
  const folder = await mkdtemp(join(tmpdir(), 'sora-parts-'))
  const { signal } = new AbortController()
  const clip = join(folder, 'clip.mp4')
  const frame = join(folder, 'frame.png')
  const order: RenderOrder = {
    key: 'bench/1/1',
    model: 'wan-2.7',
    prompt: 'bench',
    seconds: 4,
    resolution: '720p',
    aspect: '16:9',
    firstFrame: null,
  }
  try {
    const { url } = await model.wait(order, await model.submit(order), signal)
    const times = { download: [] as number[], frame: [] as number[], submit: [] as number[] }
    for (let round = 0; round < SEGMENTS - 1; round += 1) {
      times.download.push(await timed(() => model.download(url, clip, signal)))
      times.frame.push(
        await timed(async () => {
          await media.probe(clip)
          await media.lastFrame({ path: clip, untagged: UNTAGGED_MATRIX }, frame, signal)
        }),
      )
      const next = { ...order, key: `bench/${round}/2`, firstFrame: frame }
      times.submit.push(await timed(() => model.submit(next)))
    }
    return { download: median(times.download), frame: median(times.frame), submit: median(times.submit) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function waiting(): Promise<void> {
  const many = String(WAITING_JOBS)
  const limits = { MAX_CONCURRENT_JOBS: many, MAX_CONCURRENT_RENDERS: many }
  await withService(['--never'], limits, async (service, moves) => {
    global.gc?.()
    const before = process.memoryUsage.rss()
    const idle = await load()
    const submitted = () => moves.filter((move) => move.state === 'submitted').length
    for (let i = 0; i < WAITING_JOBS; i += 1) {
      await submit(service, 2, `bench-${i}`)
    }
    while (submitted() < WAITING_JOBS) await sleep(200)
    await sleep(5000)
    global.gc?.()
    const after = process.memoryUsage.rss()
    const busy = await load()
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)
    console.log(`\n${WAITING_JOBS} jobs that wait at the provider in one process\n`)
    console.log('| | resident | a job | share of one core | delay of the event loop, p99 |')
    console.log('|---|---|---|---|---|')
    const each = (after - before) / WAITING_JOBS / 1000
    const cells = ({ cores, delayMs }: Load) => `${(cores * 100).toFixed(0)} % | ${delayMs.toFixed(1)} ms`
    console.log(`| idle | ${megabytes(before)} MB | | ${cells(idle)} |`)
    console.log(`| with them | ${megabytes(after)} MB | ${each.toFixed(0)} kB | ${cells(busy)} |`)
    console.log(`\ndelay: ${(busy.delayMs / idle.delayMs).toFixed(2)} times the idle one`)
  })
}

interface Load {
  cores: number
  delayMs: number
}

/** What the process does in ten seconds. */
async function load(): Promise<Load> {
  const delays = monitorEventLoopDelay({ resolution: 10 })
  delays.enable()
  const cpu = process.cpuUsage()
  await sleep(10_000)
  const { user, system } = process.cpuUsage(cpu)
  delays.disable()
  return { cores: (user + system) / 10e6, delayMs: delays.percentile(99) / 1e6 }
}

async function withService(
  options: readonly string[],
  env: Record<string, string>,
  measure: (service: Service, moves: Move[], config: Config) => Promise<void>,
): Promise<void> {
  const stand = spawn(
    process.execPath,
    [fileURLToPath(new URL('./fal-stand-in.ts', import.meta.url)), ...options],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const machine = await newMachine()
  const { dataDir } = machine
  const moves: Move[] = []
  const lines = new Writable({
    write(line, _encoding, done) {
      const entry = JSON.parse(String(line))
      if (entry.msg === 'segment') moves.push(entry)
      done()
    },
  })
  try {
    // another process makes the database: that takes far more memory than to use it
    await machine.run(['--list'])
    const [address] = await once(createInterface(stand.stdout), 'line')
    const config = readConfig({ ...JSON.parse(address), ...env, DATA_DIR: dataDir, VIDEO_MODEL: 'wan-2.7' })
    const service = await (await createApp(config, createLog('info', lines))).open()
    try {
      await measure(service, moves, config)
    } finally {
      await service.stop()
    }
  } finally {
    stand.kill()
    await machine.remove()
  }
}

function submit(service: Service, segments: number, person: string) {
  return service.submit({
    input: { prompt: `bench ${person}`, segments, seconds: 4 },
    picture: null,
    identity: { platform: 'cli', team: '', externalId: person },
    locale: 'en',
  })
}

async function makeFilm(service: Service, segments: number): Promise<void> {
  const job = await submit(service, segments, `film-${segments}`)
  for await (const event of service.events.follow(job.id, 0, new AbortController().signal)) {
    if (event.type === 'failed') throw new Error(JSON.stringify(event.error))
    if (endsJob(event)) return
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
