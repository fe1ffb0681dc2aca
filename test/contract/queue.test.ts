import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Log } from '../../src/core/ports.ts'
import { immediately, type JobQueue, type Query } from '../../src/core/queue.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createInProcessQueue } from '../../src/pipeline/queue/in-process.ts'
import { createPgBossQueue } from '../../src/pipeline/queue/pg-boss.ts'
import { openConnection } from '../../src/storage/db.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createDatabase, NO_LIMITS, newJob, newUser, openUrl, silentLog } from '../support/databases.ts'
import { createStage } from '../support/stage.ts'
import { until } from '../support/until.ts'

interface Options {
  concurrency: number
  log?: Log
  works?: boolean
}

/** Each queue, on a database server of its own where it needs one. */
const QUEUES: { name: string; create: (url: string, options: Options) => Promise<JobQueue> }[] = [
  {
    name: 'in a process',
    create: async (_url, { concurrency, log = silentLog }) => createInProcessQueue({ concurrency, log }),
  },
  {
    name: 'of pg-boss',
    create: async (url, { concurrency, log = silentLog, works = true }) => {
      const connection = await openConnection(url, log)
      return createPgBossQueue({ connection, concurrency, works, log })
    },
  },
]

/** Enough for a queue to begin what it must not begin. */
const LONG_ENOUGH_MS = 1200

async function setUp(create: (typeof QUEUES)[number]['create'], options: Options) {
  const url = await createDatabase()
  const stage = createStage()
  const queues: JobQueue[] = []
  const open = async (how: Options) => {
    const queue = await create(url, how)
    queues.push(queue)
    return queue
  }
  onTestFinished(async () => {
    const stopped = Promise.all(queues.map((queue) => queue.stop()))
    for (const name of stage.running()) await stage.end(name)
    await stopped
  })
  const queue = await open(options)
  const addAll = async (names: string[], to = queue) => {
    for (const name of names) await to.enqueue({ id: name, userId: name.charAt(0) }, immediately)
  }
  return { url, queue, stage, open, addAll, start: () => queue.start((id) => stage.perform(id)) }
}

const jobsOf = (user: string, count: number) => Array.from({ length: count }, (_, i) => `${user}${i + 1}`)

describe.each(QUEUES)('the queue $name', ({ create }) => {
  test('is there for all processes that begin at the same instant on an empty database', async () => {
    const url = await createDatabase()
    const begun = await Promise.all(Array.from({ length: 5 }, () => create(url, { concurrency: 1 })))
    await Promise.all(begun.map((queue) => queue.stop()))
  })

  test('lets the jobs of two people take turns', async () => {
    const { stage, addAll, start } = await setUp(create, { concurrency: 1 })
    await addAll([...jobsOf('a', 4), ...jobsOf('b', 4)])
    start()
    await stage.endAll(8)
    expect(stage.begun).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4'])
  })

  test.each([0, 1, 5])(
    'lets somebody with ten jobs, %i of them done, hold up another’s first by one job at the most',
    async (done) => {
      const { stage, addAll, start } = await setUp(create, { concurrency: 1 })
      await addAll(jobsOf('a', 10))
      start()
      for (let i = 1; i <= done; i++) await stage.end(`a${i}`)
      const runs = `a${done + 1}`
      await stage.runs(runs)
      await addAll(['b1'])
      await stage.end(runs)
      await stage.runs('b1')
    },
  )

  test('begins a second person’s job at once beside somebody with ten, where there are two places', async () => {
    const { stage, addAll, start } = await setUp(create, { concurrency: 2 })
    start()
    await addAll([...jobsOf('a', 10), 'b1'])
    await stage.runs('a1', 'b1')
  })

  test('runs every job, and no more at once than there are places', async () => {
    const { stage, addAll, start } = await setUp(create, { concurrency: 3 })
    const all = ['a', 'b', 'c', 'd', 'e'].flatMap((user) => jobsOf(user, 4))
    await addAll(all)
    start()
    await stage.runs('a1', 'b1', 'c1')
    await stage.endAll(all.length)
    expect(stage.mostAtOnce()).toBe(3)
    expect(stage.begun.toSorted()).toEqual(all.toSorted())
  })

  test('runs a person’s own jobs one after the other, in the order in which they were asked for', async () => {
    const { stage, addAll, start } = await setUp(create, { concurrency: 4 })
    start()
    await addAll(jobsOf('a', 3))
    await stage.end('a1')
    await stage.end('a2')
    // a newer one doesn't go before one that has waited
    await addAll(['a4', 'a5'])
    await stage.endAll(5)
    expect(stage.mostAtOnce()).toBe(1)
    expect(stage.begun).toEqual(jobsOf('a', 5))
  })

  test('logs a run that ends with an error, and lets the job come again after the others', async () => {
    const logged: object[] = []
    const log = { ...silentLog, error: (fields: object) => void logged.push(fields) }
    const { stage, addAll, start } = await setUp(create, { concurrency: 1, log })
    await addAll(['a1', 'b1'])
    start()
    const error = new Error('a fault')
    await stage.end('a1', error)
    await stage.end('b1')
    await stage.end('a1')
    expect(stage.begun).toEqual(['a1', 'b1', 'a1'])
    expect(logged).toEqual([{ job_id: 'a1', err: error }])
  })

  test('lets a job come again until its run says that nothing is left to do', async () => {
    const { stage, addAll, start } = await setUp(create, { concurrency: 1 })
    await addAll(['a1'])
    start()
    await stage.end('a1', false)
    await stage.end('a1', false)
    await stage.end('a1', true)
    await sleep(LONG_ENOUGH_MS)
    expect(stage.begun).toEqual(['a1', 'a1', 'a1'])
  })

  test('begins no other job of a person before one that comes again', async () => {
    const { stage, addAll, start } = await setUp(create, { concurrency: 2 })
    await addAll(['a1', 'a2'])
    start()
    await stage.end('a1', false)
    await stage.endAll(3)
    expect(stage.begun).toEqual(['a1', 'a1', 'a2'])
  })

  test('takes up what it doesn’t have in line, and that alone', async () => {
    const { queue, stage, addAll, start } = await setUp(create, { concurrency: 1 })
    await addAll(['a1', 'b1'])
    start()
    await stage.runs('a1')
    await queue.takeUp(['a1', 'b1', 'c1'].map((id) => ({ id, userId: id.charAt(0) })))
    await stage.endAll(3)
    await sleep(LONG_ENOUGH_MS)
    expect(stage.begun).toEqual(['a1', 'b1', 'c1'])
  })

  test('runs a job only once its transaction is durable, and never if it is not', async () => {
    const { url, queue, stage, start } = await setUp(create, { concurrency: 2 })
    start()
    const jobs = createJobStore((await openUrl(url, onTestFinished)).db, changeText)
    const [given, taken] = [newJob(await newUser(jobs)), newJob(await newUser(jobs))]
    const refused = jobs.submit(given, NO_LIMITS, async (job, tx) => {
      await queue.enqueue(job, tx)
      await sleep(LONG_ENOUGH_MS)
      throw new Error('something else of the transaction failed')
    })
    await expect(refused).rejects.toThrow('something else')
    await jobs.submit(taken, NO_LIMITS, async (job, tx) => {
      await queue.enqueue(job, tx)
      await sleep(LONG_ENOUGH_MS)
      expect(stage.begun).toEqual([])
    })
    await stage.runs(taken.id)
    await sleep(LONG_ENOUGH_MS)
    expect(stage.begun).toEqual([taken.id])
  })

  test('stops: aborts what runs, waits until it has ended, and begins nothing more', async () => {
    const { queue, stage, addAll } = await setUp(create, { concurrency: 2 })
    const signals: AbortSignal[] = []
    queue.start((id, signal) => {
      signals.push(signal)
      return stage.perform(id)
    })
    await addAll(['a1', 'b1'])
    await stage.runs('a1', 'b1')
    await addAll(['a2', 'c1'])
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
    let stopped = false
    const stopping = queue.stop().then(() => {
      stopped = true
    })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    await stage.end('a1', false)
    await sleep(LONG_ENOUGH_MS)
    expect(stopped).toBe(false)
    await stage.end('b1', new Error('aborted'))
    await stopping
    expect(stage.begun).toEqual(['a1', 'b1'])
  })

  test('stops where it never started', async () => {
    const { queue, stage, addAll } = await setUp(create, { concurrency: 1 })
    await addAll(['a1'])
    await queue.stop()
    expect(stage.begun).toEqual([])
  })
})

describe('the queue of pg-boss in several processes', () => {
  const [, ofPgBoss] = QUEUES
  if (ofPgBoss === undefined) throw new Error('no such queue')
  const { create } = ofPgBoss

  test('keeps a person’s jobs one after the other over all of them, and the places of each', async () => {
    const { stage, addAll, open, start } = await setUp(create, { concurrency: 2 })
    const other = await open({ concurrency: 2 })
    start()
    other.start((id) => stage.perform(id))
    await addAll([
      ...jobsOf('a', 3),
      ...jobsOf('b', 3),
      ...jobsOf('c', 3),
      ...jobsOf('d', 3),
      ...jobsOf('e', 3),
    ])
    await stage.runs('a1', 'b1', 'c1', 'd1')
    await stage.endAll(15)
    expect(stage.mostAtOnce()).toBe(4)
    for (const user of ['a', 'b', 'c', 'd', 'e']) {
      expect(stage.begun.filter((name) => name.startsWith(user))).toEqual(jobsOf(user, 3))
    }
  })

  test('runs in one what was taken in by another that runs none', async () => {
    const { stage, addAll, open } = await setUp(create, { concurrency: 1, works: false })
    const worker = await open({ concurrency: 1 })
    worker.start((id) => stage.perform(id))
    await addAll(['a1'])
    await stage.runs('a1')
  })

  test('hands a job that is cut off by a stop to another, before what has not begun', async () => {
    const { queue, stage, addAll, open } = await setUp(create, { concurrency: 1 })
    queue.start(
      (_id, signal) => new Promise((fulfil) => signal.addEventListener('abort', () => fulfil(false))),
    )
    await addAll(['a1', 'b1'])
    const id = randomUUID()
    await sleep(LONG_ENOUGH_MS)
    await queue.stop()
    const other = await open({ concurrency: 1 })
    await addAll([id], other)
    await sleep(LONG_ENOUGH_MS)
    other.start((name) => stage.perform(name))
    await stage.endAll(3)
    expect(stage.begun).toEqual(['a1', 'b1', id])
  })

  test('begins nothing again that a process still runs which was taken for dead', async () => {
    const { url, stage, addAll, open } = await setUp(create, { concurrency: 1, works: false })
    const connection = await openConnection(url, silentLog)
    const { query: ask } = connection
    let frozen = false
    const query: Query = async (...statement) => {
      if (frozen) throw new Error('this process is frozen')
      return ask(...statement)
    }
    const own = { connection: { ...connection, query }, concurrency: 3, works: true, log: silentLog }
    const queue = await createPgBossQueue(own)
    onTestFinished(() => queue.stop())
    queue.start((id) => stage.perform(id))
    await addAll(['a1'])
    await stage.runs('a1')
    frozen = true
    // it notices the silence, and has no place itself
    const other = await open({ concurrency: 1 })
    await addAll(['b1'])
    other.start((id) => stage.perform(id))
    await stage.runs('a1', 'b1')
    const stateOf = async (id: string) =>
      (await ask(`select state from pgboss.job where data ->> 'job_id' = $1`, [id]))[0]?.state
    await until('an entry that is to come again', async () => (await stateOf('a1')) === 'retry')
    frozen = false
    await until('an entry that was taken again', async () => (await stateOf('a1')) === 'active')
    await sleep(LONG_ENOUGH_MS)
    expect(stage.begun).toEqual(['a1', 'b1'])
    await stage.end('a1')
    await until('an entry that is done', async () => (await stateOf('a1')) === 'completed')
    await stage.end('b1')
  })

  test('takes in what comes while its process ends, and stopping it twice is no harm', async () => {
    const { url, queue, stage, open, start } = await setUp(create, { concurrency: 1 })
    start()
    const jobs = createJobStore((await openUrl(url, onTestFinished)).db, changeText)
    await Promise.all([queue.stop(), queue.stop()])
    await queue.stop()
    const late = newJob(await newUser(jobs))
    await jobs.submit(late, NO_LIMITS, queue.enqueue)
    expect(stage.begun).toEqual([])
    const other = await open({ concurrency: 1 })
    other.start((id) => stage.perform(id))
    await stage.runs(late.id)
  })

  test('goes on with a job whose process died, before its person’s next one', async () => {
    const { url, stage, addAll, open } = await setUp(create, { concurrency: 2 })
    const connection = await openConnection(url, silentLog)
    let alive = true
    const query: Query = async (...statement) => {
      if (!alive) throw new Error('this process is dead')
      return connection.query(...statement)
    }
    const ofDead = { connection: { ...connection, query }, concurrency: 2, works: true, log: silentLog }
    const dead = await createPgBossQueue(ofDead)
    onTestFinished(() => {
      alive = true
      return dead.stop()
    })
    const taken = Promise.withResolvers<void>()
    dead.start((_id, signal) => {
      taken.resolve()
      return new Promise((fulfil) => signal.addEventListener('abort', () => fulfil(false)))
    })
    await addAll(['a1', 'a2'])
    await taken.promise
    alive = false
    const other = await open({ concurrency: 2 })
    other.start((name) => stage.perform(name))
    await stage.endAll(2)
    expect(stage.begun).toEqual(['a1', 'a2'])
  })
})
