import { setTimeout as sleep } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { Log } from '../../core/ports.ts'
import type { JobQueue, Run } from '../../core/queue.ts'

/** When a job comes again whose run did not end it, in milliseconds. */
const AGAIN_AFTER_MS = 1000

/**
 * The queue of a single process. Each user has a lane of their own, and the lanes share `concurrency` places:
 * a lane puts its next job in line only when its last one has ended, so a user with many jobs takes turns with the
 * others. A job that is enqueued twice runs twice in its lane, one after the other; the second run finds nothing to do. One that comes
 * again keeps its lane meanwhile, but no place.
 */
export function createInProcessQueue(options: { concurrency: number; log: Log }): JobQueue {
  const places = new PQueue({ concurrency: options.concurrency, autoStart: false })
  const lanes = new Map<string, PQueue>()
  /** The jobs that are in line, running, or to come again. */
  const known = new Set<string>()
  const stopping = new AbortController()
  let run: Run | null = null

  function add(job: { id: string; userId: string }) {
    if (stopping.signal.aborted) return
    known.add(job.id)
    const lane = lanes.get(job.userId) ?? new PQueue({ concurrency: 1 })
    lanes.set(job.userId, lane)
    lane
      .add(() => runToItsEnd(job.id))
      .then(() => {
        if (lane.size === 0 && lane.pending === 0) lanes.delete(job.userId)
        known.delete(job.id)
      })
  }

  async function runToItsEnd(jobId: string): Promise<void> {
    while (!(await places.add(() => begin(jobId)))) {
      await sleep(AGAIN_AFTER_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  async function begin(jobId: string): Promise<boolean> {
    if (stopping.signal.aborted || run === null) return true
    return run(jobId, stopping.signal).catch((error) => {
      options.log.error({ job_id: jobId, err: error }, 'a run ended with an error')
      return false
    })
  }

  return {
    async enqueue(job, tx) {
      tx.onCommit(() => add(job))
    },
    async takeUp(jobs) {
      for (const job of jobs) if (!known.has(job.id)) add(job)
    },
    start(runJob) {
      run = runJob
      places.start()
    },
    async stop() {
      stopping.abort(new Error('the process is stopping'))
      // what still waits passes through without being run; the store knows it, and the next start takes it up
      places.start()
      await Promise.all([...lanes.values()].map((lane) => lane.onIdle()))
    },
  }
}
