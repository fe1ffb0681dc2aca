import { setTimeout } from 'node:timers/promises'

/** Time, passed in so that tests can turn it. Milliseconds. */
export interface Clock {
  now(): number
  /** Resolves when the time has passed or `signal` aborts, whichever is first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** Node's timers count to 2^31 - 1 ms. */
const SLEEP_MAX_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) =>
    setTimeout(Math.min(Math.max(0, ms), SLEEP_MAX_MS), undefined, { signal }).catch((error) => {
      if (!signal.aborted) throw error
    }),
}
