import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { immediately, type Log, type Transaction } from '../../src/core/ports.ts'
import { createInProcessQueue } from '../../src/pipeline/queue/in-process.ts'
import { createSlots } from '../../src/pipeline/queue/slots.ts'
import { silentLog } from '../support/databases.ts'

/** Lets everything that can go on without the outside go on. */
async function settle() {
  for (let i = 0; i < 20; i++) await turn()
}

/** Work that runs until it is told to end. */
function createStage() {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<void>>()
  let most = 0
  return {
    begun,
    running: () => [...ends.keys()],
    mostAtOnce: () => most,
    async perform(name: string): Promise<void> {
      const end = Promise.withResolvers<void>()
      begun.push(name)
      ends.set(name, end)
      most = Math.max(most, ends.size)
      await end.promise.finally(() => ends.delete(name))
    },
    async end(name: string, error?: Error) {
      const end = ends.get(name)
      if (!end) throw new Error(`${name} is not running`)
      if (error) end.reject(error)
      else end.resolve()
      await settle()
    },
    /** Ends whatever runs, one after the other, until nothing is left. */
    async endAll() {
      for (let name = [...ends.keys()][0]; name !== undefined; name = [...ends.keys()][0])
        await this.end(name)
    },
  }
}

function createQueue(concurrency: number, log: Log = silentLog) {
  const queue = createInProcessQueue({ concurrency, log })
  const stage = createStage()
  const add = (name: string) => queue.enqueue({ id: name, userId: name.charAt(0) }, immediately)
  const addAll = async (names: string[]) => {
    for (const name of names) await add(name)
    await settle()
  }
  return { queue, stage, add, addAll, start: () => queue.start((id) => stage.perform(id)) }
}

const jobsOf = (user: string, count: number) => Array.from({ length: count }, (_, i) => `${user}${i + 1}`)

describe('the queue of one process', () => {
  test('the jobs of two people take turns', async () => {
    const { stage, addAll, start } = createQueue(1)
    start()
    await addAll([...jobsOf('a', 4), ...jobsOf('b', 4)])
    await stage.endAll()
    expect(stage.begun).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4'])
  })

  test('somebody with ten jobs holds up another person’s first by one job at the most', async () => {
    for (const alreadyEnded of [0, 1, 5]) {
      const { stage, addAll, start } = createQueue(1)
      start()
      await addAll(jobsOf('a', 10))
      for (let i = 1; i <= alreadyEnded; i++) await stage.end(`a${i}`)
      const runs = stage.running()
      await addAll(['b1'])
      expect(stage.running()).toEqual(runs)
      await stage.end(runs[0] ?? '')
      expect(stage.running()).toEqual(['b1'])
    }
  })

  test('with two places a second person begins at once beside somebody with ten jobs', async () => {
    const { stage, addAll, start } = createQueue(2)
    start()
    await addAll([...jobsOf('a', 10), 'b1'])
    expect(stage.running().sort()).toEqual(['a1', 'b1'])
  })

  test('no more jobs run at once than there are places, and every job runs', async () => {
    const { stage, addAll, start } = createQueue(3)
    start()
    const all = ['a', 'b', 'c', 'd', 'e'].flatMap((user) => jobsOf(user, 4))
    await addAll(all)
    await stage.endAll()
    expect(stage.mostAtOnce()).toBe(3)
    expect(stage.begun.toSorted()).toEqual(all.toSorted())
  })

  test('a person’s own jobs run in the order in which they were asked for', async () => {
    const { stage, addAll, start } = createQueue(4)
    start()
    await addAll(jobsOf('a', 5))
    await stage.endAll()
    expect(stage.begun).toEqual(jobsOf('a', 5))
  })

  test('a job that ends with an error is logged, and the next ones run', async () => {
    const logged: object[] = []
    const { stage, addAll, start } = createQueue(1, { ...silentLog, error: (fields) => logged.push(fields) })
    start()
    await addAll(['a1', 'a2', 'b1'])
    const error = new Error('a fault')
    await stage.end('a1', error)
    await stage.endAll()
    expect(stage.begun).toEqual(['a1', 'b1', 'a2'])
    expect(logged).toEqual([{ job_id: 'a1', err: error }])
  })

  test('what is enqueued before the start runs at the start', async () => {
    const { stage, addAll, start } = createQueue(1)
    await addAll(['a1', 'b1'])
    expect(stage.begun).toEqual([])
    start()
    await settle()
    await stage.endAll()
    expect(stage.begun).toEqual(['a1', 'b1'])
  })

  test('a job runs only once its transaction is durable, and never if it is not', async () => {
    const { queue, stage, start } = createQueue(2)
    start()
    const commits: (() => void)[] = []
    const tx: Transaction = { onCommit: (run) => commits.push(run) }
    await queue.enqueue({ id: 'a1', userId: 'a' }, tx)
    await queue.enqueue({ id: 'b1', userId: 'b' }, { onCommit() {} })
    await settle()
    expect(stage.begun).toEqual([])
    for (const commit of commits) commit()
    await settle()
    expect(stage.begun).toEqual(['a1'])
    await stage.endAll()
  })

  test('a stop aborts what runs, waits until it has ended, and never begins what waits', async () => {
    const { queue, stage, addAll } = createQueue(2)
    const signals: AbortSignal[] = []
    queue.start((id, signal) => {
      signals.push(signal)
      return stage.perform(id)
    })
    await addAll([...jobsOf('a', 3), ...jobsOf('b', 3), ...jobsOf('c', 3)])
    expect(stage.running()).toEqual(['a1', 'b1'])
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
    let stopped = false
    const stopping = queue.stop().then(() => {
      stopped = true
    })
    await settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    await stage.end('a1')
    expect(stopped).toBe(false)
    await stage.end('b1', new Error('aborted'))
    await stopping
    expect(stage.begun).toEqual(['a1', 'b1'])
  })

  test('after a stop nothing begins any more, and a queue that never started stops too', async () => {
    const { queue, stage, addAll, start } = createQueue(1)
    await addAll(['a1'])
    await queue.stop()
    start()
    await addAll(['a2', 'b1'])
    expect(stage.begun).toEqual([])
  })
})

describe('places', () => {
  const never = new AbortController().signal

  test('no more work runs at once than there are places, and its answers come back', async () => {
    const slots = createSlots(2)
    const stage = createStage()
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) =>
      slots.run(async () => {
        await stage.perform(name)
        return `${name} done`
      }, never),
    )
    await settle()
    expect(stage.running()).toEqual(['a', 'b'])
    await stage.endAll()
    expect(await Promise.all(all)).toEqual(['a done', 'b done', 'c done', 'd done', 'e done'])
    expect(stage.mostAtOnce()).toBe(2)
  })

  test('work that is aborted keeps its place until it has really ended', async () => {
    const slots = createSlots(1)
    const stage = createStage()
    const abort = new AbortController()
    const first = slots.run(() => stage.perform('first'), abort.signal)
    const second = slots.run(() => stage.perform('second'), never)
    await settle()
    abort.abort()
    await settle()
    expect(stage.running()).toEqual(['first'])
    await stage.end('first')
    await first
    expect(stage.running()).toEqual(['second'])
    await stage.end('second')
    await second
  })

  test('work that is aborted while it waits is never begun, ends at once, and takes nobody’s place', async () => {
    const slots = createSlots(1)
    const stage = createStage()
    const abort = new AbortController()
    const reason = new Error('the job was cancelled')
    const first = slots.run(() => stage.perform('first'), never)
    const waiting = slots.run(() => stage.perform('waiting'), abort.signal)
    const third = slots.run(() => stage.perform('third'), never)
    await settle()
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(stage.running()).toEqual(['first'])
    await stage.endAll()
    await Promise.all([first, third])
    expect(stage.begun).toEqual(['first', 'third'])
  })

  test('work whose signal has aborted already is never begun', async () => {
    const stage = createStage()
    await expect(createSlots(1).run(() => stage.perform('x'), AbortSignal.abort())).rejects.toThrow()
    await settle()
    expect(stage.begun).toEqual([])
  })

  test('work that fails gives its place back, and its own error', async () => {
    const slots = createSlots(1)
    const stage = createStage()
    const first = slots.run(() => stage.perform('first'), never)
    const failing = expect(first).rejects.toThrow('a fault')
    const second = slots.run(() => stage.perform('second'), never)
    await settle()
    await stage.end('first', new Error('a fault'))
    await failing
    expect(stage.running()).toEqual(['second'])
    await stage.endAll()
    await second
  })
})
