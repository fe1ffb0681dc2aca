import PQueue from 'p-queue'
import type { JobQueue, Log } from '../../core/ports.ts'

/**
 * The queue of a single process. Each user has a lane of their own, and the lanes share `concurrency` places:
 * a lane puts its next job in line only when its last one has ended, so a user with many jobs takes turns with the
 * others. A job that is enqueued twice runs twice in its lane, one after the other; the second run finds nothing to do.
 */
export function createInProcessQueue(options: { concurrency: number; log: Log }): JobQueue {
  const places = new PQueue({ concurrency: options.concurrency, autoStart: false })
  const lanes = new Map<string, PQueue>()
  const stopping = new AbortController()
  let run: ((jobId: string, signal: AbortSignal) => Promise<void>) | null = null

  function add(job: { id: string; userId: string }) {
    if (stopping.signal.aborted) return
    const lane = lanes.get(job.userId) ?? new PQueue({ concurrency: 1 })
    lanes.set(job.userId, lane)
    lane
      .add(() => places.add(() => begin(job.id)))
      .catch((error) => options.log.error({ job_id: job.id, err: error }, 'a run ended with an error'))
      .finally(() => {
        if (lane.size === 0 && lane.pending === 0) lanes.delete(job.userId)
      })
  }

  async function begin(jobId: string): Promise<void> {
    if (!stopping.signal.aborted) await run?.(jobId, stopping.signal)
  }

  return {
    async enqueue(job, tx) {
      tx.onCommit(() => add(job))
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
