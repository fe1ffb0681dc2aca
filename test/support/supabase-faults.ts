import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What goes wrong with a request; the server does what is left to do by `answer` and `cut`. */
type Fault =
  | { kind: 'answer'; status: number }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'lose' }
  | { kind: 'slow'; ms: number }
  | { kind: 'hold'; arrived: () => void; released: Promise<void> }

/** Faults that a test plans for requests of a kind, in the order in which they are planned; `times` may be `Infinity`. */
export interface Faults<Operation extends string> {
  /** Answers with this status instead of doing the work; with `at` only where the address holds this. */
  answer(on: Operation, status: number, times?: number, at?: string): void
  /** Breaks the connection after so many bytes: of the request's body, for a read of the answer's. */
  cut(on: Operation, afterBytes: number, times?: number): void
  /** Does the work, then breaks the connection instead of answering. */
  loseAnswer(on: Operation, times?: number): void
  slow(on: Operation, ms: number, times?: number): void
  /** Holds one request, its body unread, until `release`; `arrived` says that it is there. */
  hold(on: Operation): { arrived: Promise<void>; release: () => void }
  clear(): void
}

/** The faults of one server, with the number of requests of each kind that came. */
export function createFaults<Operation extends string>() {
  let planned: { on: Operation; fault: Fault; left: number; at: string }[] = []
  const seen: { on: Operation; url: string }[] = []
  const plan = (on: Operation, fault: Fault, times = 1, at = '') =>
    void planned.push({ on, fault, left: times, at })

  const faults: Faults<Operation> = {
    answer: (on, status, times, at) => plan(on, { kind: 'answer', status }, times, at),
    cut: (on, afterBytes, times) => plan(on, { kind: 'cut', afterBytes }, times),
    loseAnswer: (on, times) => plan(on, { kind: 'lose' }, times),
    slow: (on, ms, times) => plan(on, { kind: 'slow', ms }, times),
    hold(on) {
      const arrived = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      plan(on, { kind: 'hold', arrived: arrived.resolve, released: released.promise })
      return { arrived: arrived.promise, release: released.resolve }
    },
    clear: () => {
      planned = []
    },
  }

  function next(on: Operation, { url = '' }: IncomingMessage): Fault | null {
    seen.push({ on, url })
    const found = planned.find((one) => one.on === on && one.left > 0 && url.includes(one.at))
    if (!found) return null
    found.left -= 1
    return found.fault
  }

  return {
    faults,
    count: (on: Operation, at = '') => seen.filter((one) => one.on === on && one.url.includes(at)).length,
    /** Counts a request and lets its fault happen. */
    async begin(on: Operation, request: IncomingMessage, response: ServerResponse): Promise<Fault | null> {
      const fault = next(on, request)
      if (fault?.kind === 'lose') {
        const { socket } = request
        response.writeHead = () => response
        response.end = () => {
          socket.destroy()
          return response
        }
      }
      if (fault?.kind === 'slow') await sleep(fault.ms)
      if (fault?.kind === 'hold') {
        fault.arrived()
        const gone = new Promise<void>((resolve) => request.socket.once('close', resolve))
        await Promise.race([fault.released, gone])
      }
      return fault
    },
  }
}

/** The body of a request; breaks the connection after `limit` bytes, and then gives what came until there. */
export async function bodyOf(request: IncomingMessage, limit = Number.POSITIVE_INFINITY) {
  // taken now: a request that was left early has none
  const { socket } = request
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of request) {
      const rest = (part as Buffer).subarray(0, limit - length)
      parts.push(rest)
      length += rest.length
      if (length >= limit) break
    }
  } catch {
    // the client has gone: what came counts all the same
  }
  const whole = request.complete && length < limit
  if (!whole) socket.destroy()
  return { bytes: Buffer.concat(parts), whole }
}
