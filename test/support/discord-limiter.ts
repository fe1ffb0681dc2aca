import { type Answer, tooMany } from './discord-http.ts'

/** How many requests of a kind Discord takes in a channel, and in how long. In ms. */
const LIMIT = 5
const WINDOW = 5000

/** Discord's limits: what one request may cost the next ones. */
export interface Limiter {
  /** Counts a request of a bucket. Null where it may pass, else the answer to one too many. */
  refused(bucket: string): Answer | null
  /** The headers that tell where a bucket stands. */
  headers(bucket: string): Record<string, string>
  /** Notes that a bot was told to wait. In seconds. */
  wait(bucket: string, seconds: number): void
  /** How much sooner than it was told to a bot has come back; 0 where it waited. In ms. */
  soonerBy(bucket: string): number
}

export function createLimiter(): Limiter {
  const buckets = new Map<string, { used: number; resetsAt: number }>()
  const waits = new Map<string, number>()
  const bucketOf = (bucket: string) => {
    const known = buckets.get(bucket)
    if (known && known.resetsAt > Date.now()) return known
    const fresh = { used: 0, resetsAt: Date.now() + WINDOW }
    buckets.set(bucket, fresh)
    return fresh
  }

  return {
    refused(bucket) {
      const state = bucketOf(bucket)
      state.used += 1
      return state.used > LIMIT ? tooMany((state.resetsAt - Date.now()) / 1000) : null
    },
    headers(bucket) {
      const { used, resetsAt } = bucketOf(bucket)
      return {
        'x-ratelimit-limit': String(LIMIT),
        'x-ratelimit-remaining': String(Math.max(0, LIMIT - used)),
        'x-ratelimit-reset': String(resetsAt / 1000),
        'x-ratelimit-reset-after': String((resetsAt - Date.now()) / 1000),
        'x-ratelimit-bucket': bucket.split(' ').slice(0, 2).join('-').replace(/\W/g, '-'),
      }
    },
    wait: (bucket, seconds) => void waits.set(bucket, Date.now() + seconds * 1000),
    soonerBy(bucket) {
      const until = waits.get(bucket) ?? 0
      waits.delete(bucket)
      // clocks and timers are no finer than this
      return Math.max(0, until - Date.now() - 50)
    },
  }
}
