/** Gives out turns at a steady rate, each key by itself, after a first few at once. Waiters keep their order. */
export interface Pace {
  /** Resolves when it is this one's turn. */
  turn(key: string): Promise<void>
  /** Nobody's turn comes before so many milliseconds have passed. */
  pause(key: string, ms: number): void
}

/** `burst` turns at once, then one every `everyMs` milliseconds. */
export function createPace(
  { burst, everyMs }: { burst: number; everyMs: number },
  clock: { now: () => number; sleep: (ms: number) => Promise<unknown> },
): Pace {
  /** When the bucket of a key is full again. */
  const full = new Map<string, number>()
  return {
    async turn(key) {
      const now = clock.now()
      for (const [other, at] of full) if (at <= now) full.delete(other)
      const next = Math.max(full.get(key) ?? 0, now) + everyMs
      full.set(key, next)
      const wait = next - now - burst * everyMs
      if (wait > 0) await clock.sleep(wait)
    },
    pause(key, ms) {
      const at = clock.now() + ms + (burst - 1) * everyMs
      full.set(key, Math.max(full.get(key) ?? 0, at))
    },
  }
}
