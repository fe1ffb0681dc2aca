import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { endsJob } from '../src/core/event.ts'
import { createLog } from '../src/telemetry.ts'
import { median } from './median.ts'

/**
 * What a job takes beyond the video model's own time: from the moment it is submitted until its film is stored, less the
 * time between each request's acceptance and its clip. Films of 2, 4 and 10 segments by turns, in one process.
 */
const SEGMENTS = [2, 4, 10]
const ROUNDS = 3

interface Sample {
  segments: number
  totalMs: number
  modelMs: number
  rssMb: number
}

const dataDir = await mkdtemp(join(tmpdir(), 'sora-bench-'))
const moves: { time: number; segment: number; state: string }[] = []
const log = createLog(
  'info',
  new Writable({
    write(line, _encoding, done) {
      const entry = JSON.parse(String(line))
      if (entry.msg === 'segment') moves.push(entry)
      done()
    },
  }),
)
const app = await createApp(readConfig({ DATA_DIR: dataDir }), log)
const service = await app.open()
const samples: Sample[] = []
try {
  await makeFilm(2) // warms up: the first film pays for what is loaded once
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const segments of SEGMENTS) samples.push(await makeFilm(segments))
  }
} finally {
  await service.stop()
  await rm(dataDir, { recursive: true })
}
printTable(samples)

async function makeFilm(segments: number): Promise<Sample> {
  moves.length = 0
  let rssMb = 0
  const watchMemory = setInterval(() => {
    rssMb = Math.max(rssMb, process.memoryUsage.rss() / 1e6)
  }, 50)
  const started = performance.now()
  const job = await service.submit({
    input: { prompt: `bench ${segments}`, segments, seconds: 4 },
    picture: null,
    identity: { platform: 'cli', team: '', externalId: 'bench' },
    locale: 'en',
  })
  const { signal } = new AbortController()
  for await (const event of service.events.follow(job.id, 0, signal)) {
    if (event.type === 'failed') throw new Error(JSON.stringify(event.error))
    if (endsJob(event)) break
  }
  const totalMs = performance.now() - started
  clearInterval(watchMemory)
  return { segments, totalMs, modelMs: modelTime(), rssMb }
}

function modelTime(): number {
  const at = (segment: number, state: string) =>
    moves.find((move) => move.segment === segment && move.state === state)?.time ?? Number.NaN
  const segments = new Set(moves.map((move) => move.segment))
  return [...segments].reduce((sum, segment) => sum + at(segment, 'rendered') - at(segment, 'submitted'), 0)
}

function printTable(all: readonly Sample[]): void {
  const rows = SEGMENTS.map((segments) => {
    const own = all.filter((sample) => sample.segments === segments)
    const beyond = median(own.map((sample) => (sample.totalMs - sample.modelMs) / segments))
    return {
      segments,
      job: median(own.map((sample) => sample.totalMs)),
      model: median(own.map((sample) => sample.modelMs)),
      beyond,
      rss: median(own.map((sample) => sample.rssMb)),
    }
  })
  const base = rows[0]?.beyond ?? Number.NaN
  console.log(`ffmpeg ${app.ffmpeg.version}, medians of ${ROUNDS} films of 4 s segments at 720p\n`)
  console.log(
    '| segments | job | the model’s own | beyond it, a segment | ratio to 2 segments | resident memory |',
  )
  console.log('|---|---|---|---|---|---|')
  for (const { segments, job, model, beyond, rss } of rows) {
    console.log(
      `| ${segments} | ${(job / 1000).toFixed(1)} s | ${(model / 1000).toFixed(1)} s | ${beyond.toFixed(0)} ms ` +
        `| ${(beyond / base).toFixed(2)} | ${rss.toFixed(0)} MB |`,
    )
  }
}
