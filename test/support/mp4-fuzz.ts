import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { ImplausibleMp4, NotPlainMp4, TruncatedMp4 } from '../../src/pipeline/media/mp4/box.ts'
import { type Mp4, readMp4 } from '../../src/pipeline/media/mp4/reader.ts'
import { damaged, randomFrom } from './mp4-damage.ts'

/** A file to damage. `size`: how long the reader is told it is; past `bytes` it is all zeros. */
export interface Victim {
  name: string
  bytes: Uint8Array
  size: number
}

/** How many files could still be read, how many were refused, and the bytes of buffers that the worst of them took. */
export interface FuzzResult {
  read: number
  refused: number
  largest: number
}

interface Order {
  victims: Victim[]
  cases: number
}

/** Far more than one file may take, on however busy a machine, in ms. */
const STUCK_AFTER = 30_000

/** For what a reader keeps beside buffers, in MB. */
const HEAP = 128

/**
 * Reads `cases` damaged files in a thread of its own, whose heap has a limit. Rejects with the file's name and number where reading ends
 * in anything but tables or one of the reader's errors, where tables name bytes outside the file, or where it does not end.
 */
export function fuzz(victims: readonly Victim[], cases: number): Promise<FuzzResult> {
  const order: Order = { victims: [...victims], cases }
  const worker = new Worker(new URL(import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: HEAP },
  })
  return new Promise<FuzzResult>((done, failed) => {
    let last = 'the first file'
    const stuck = () => failed(new Error(`Reading does not end after ${last}`))
    let timer = setTimeout(stuck, STUCK_AFTER)
    worker.on('message', (message: FuzzResult | string) => {
      clearTimeout(timer)
      if (typeof message !== 'string') return done(message)
      last = message
      timer = setTimeout(stuck, STUCK_AFTER)
    })
    worker.on('error', failed)
  }).finally(() => worker.terminate())
}

/** How often the worker says how far it is. */
const REPORT_EVERY = 100

async function run({ victims, cases }: Order, report: (message: FuzzResult | string) => void): Promise<void> {
  const result: FuzzResult = { read: 0, refused: 0, largest: 0 }
  for (let number = 0; number < cases; number++) {
    const random = randomFrom(number)
    const victim = victims[number % victims.length]
    const donor = victims[random(victims.length)]
    if (victim === undefined || donor === undefined) throw new Error('No files')
    const bytes = damaged(Buffer.from(victim.bytes), Buffer.from(donor.bytes), random)
    const size = bytes.length + victim.size - victim.bytes.length
    const before = process.memoryUsage().arrayBuffers
    const mp4 = await read(bytes, size).catch((error: unknown) => {
      throw new Error(`Case ${number}, ${victim.name}`, { cause: error })
    })
    result.largest = Math.max(result.largest, process.memoryUsage().arrayBuffers - before)
    result[mp4 === null ? 'refused' : 'read'] += 1
    for (const track of [mp4?.video, mp4?.audio]) {
      const end = (track?.samples.offsets.at(-1) ?? 0) + (track?.samples.sizes.at(-1) ?? 0)
      if (!(end <= size))
        throw new Error(`Case ${number}, ${victim.name}: a sample ends at ${end} of ${size}`)
    }
    if (number % REPORT_EVERY === 0) report(`case ${number}`)
  }
  report(result)
}

async function read(bytes: Buffer, size: number): Promise<Mp4 | null> {
  try {
    return await readMp4({
      size,
      async readAt(offset, length) {
        const there = bytes.subarray(offset, offset + length)
        const wanted = Math.max(0, Math.min(length, size - offset))
        return wanted === there.length ? there : Buffer.concat([there], wanted)
      },
    })
  } catch (error) {
    if (error instanceof NotPlainMp4 || error instanceof TruncatedMp4) return null
    if (error instanceof ImplausibleMp4) return null
    throw error
  }
}

if (!isMainThread && workerData?.victims !== undefined) {
  await run(workerData, (message) => parentPort?.postMessage(message))
}
