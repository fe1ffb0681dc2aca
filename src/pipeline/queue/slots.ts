import PQueue from 'p-queue'
import type { Slots } from '../../core/queue.ts'

/** `count` places in this process. Work that was aborted while it waited is never begun; work that runs keeps its place until it has ended. */
export function createSlots(count: number): Slots {
  const queue = new PQueue({ concurrency: count })
  return {
    async run(work, signal) {
      // p-queue frees the place of an aborted task while the task runs on, so it hears of aborts only before the start
      const waiting = new AbortController()
      const abort = () => waiting.abort(signal.reason)
      signal.throwIfAborted()
      signal.addEventListener('abort', abort)
      const started = () => {
        signal.removeEventListener('abort', abort)
        return work()
      }
      return queue.add(started, { signal: waiting.signal }).finally(() => {
        signal.removeEventListener('abort', abort)
      })
    },
  }
}
