import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, get, type IncomingMessage, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { MAIN, type Machine, newMachine, type Running } from '../test/support/cli.ts'
import { startFalServer } from '../test/support/fal-server.ts'
import { until } from '../test/support/until.ts'
import { median } from './median.ts'

/**
 * How many requests a second `GET /api/status/:id` answers and how long one takes, beside a bare hono route, and what a thousand open event
 * streams take of memory. Both servers are processes of their own, and take turns; one of them works at a time.
 */
const ROUNDS = 5
const REQUESTS = 2000
const AT_ONCE = 16
const STREAMS = 1000
const BARE = fileURLToPath(new URL('./bare-http.ts', import.meta.url))

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
// nothing is rendered: the job waits for its first segment
const fal = await startFalServer({ outcome: { never: true } })
const sora = await newMachine(MAIN)
const bare = await newMachine(BARE)
try {
  const program = await started(sora, fal.env)
  const beside = await started(bare, {})
  const id = await newJob(program.address)
  await until('a job that is rendered', async () =>
    (await body(`${program.address}/api/status/${id}`)).includes('"generating"'),
  )
  const status = `${program.address}/api/status/${id}`
  const [ours, theirs]: [Measured[], Measured[]] = [[], []]
  await measured(status)
  await measured(beside.address)
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await measured(status))
    theirs.push(await measured(beside.address))
  }
  printTable(ours, theirs)
  await printStreams(program, `${program.address}/api/events/${id}`)
} finally {
  agent.destroy()
  await Promise.all([sora.remove(), bare.remove(), fal.close()])
}

interface Measured {
  perSecond: number
  /** Of one request, in milliseconds. */
  median: number
  p99: number
}

async function started(
  machine: Machine,
  env: Record<string, string>,
): Promise<Running & { address: string }> {
  const running = machine.start([], env)
  const look = () => /"web":"(http:[^"]+)"/.exec(running.output())?.[1]
  return { ...running, address: await until('a server', look, { seconds: 100 }) }
}

async function newJob(address: string): Promise<string> {
  const answer = await fetch(`${address}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'a lighthouse', segments: 2, seconds: 4 }),
  })
  if (answer.status !== 201) throw new Error(await answer.text())
  return ((await answer.json()) as { job_id: string }).job_id
}

async function body(url: string): Promise<string> {
  const asked = request(url, { agent }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`)
  return (await answer.setEncoding('utf8').toArray()).join('')
}

async function measured(url: string): Promise<Measured> {
  const took: number[] = []
  const start = performance.now()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let i = 0; i < REQUESTS / AT_ONCE; i += 1) {
        const asked = performance.now()
        await body(url)
        took.push(performance.now() - asked)
      }
    }),
  )
  const seconds = (performance.now() - start) / 1000
  const p99 = took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Number.NaN
  return { perSecond: took.length / seconds, median: median(took), p99 }
}

function printTable(ours: readonly Measured[], theirs: readonly Measured[]): void {
  const of = (all: readonly Measured[], name: keyof Measured) => median(all.map((one) => one[name]))
  const ratio = (name: keyof Measured) =>
    median(ours.map((one, i) => one[name] / (theirs[i]?.[name] ?? Number.NaN))).toFixed(2)
  console.log(`${ROUNDS} rounds of ${REQUESTS} requests, ${AT_ONCE} at once; medians`)
  for (const name of ['perSecond', 'median', 'p99'] as const) {
    console.log(
      `${name}: ${of(ours, name).toFixed(2)} beside ${of(theirs, name).toFixed(2)}, ratio ${ratio(name)}`,
    )
  }
}

async function printStreams({ pid }: Running, url: string): Promise<void> {
  const before = await residentMb(pid)
  const open = await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const [answer] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage]
      await once(answer, 'data')
      return answer
    }),
  )
  const after = await residentMb(pid)
  for (const answer of open) answer.on('error', () => {}).destroy()
  const each = (((after - before) * 1024) / STREAMS).toFixed(0)
  console.log(
    `${STREAMS} event streams: ${before.toFixed(0)} MB before, ${after.toFixed(0)} MB with them, ${each} KB each`,
  )
}

/** What a process holds of memory, by /proc, which macOS doesn't have. */
async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}
