import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorDetail, UserError } from '../core/errors.ts'
import type { JobEvent } from '../core/event.ts'
import type { Operator } from '../core/operator.ts'

/** Where the program that holds the data folder is spoken to, and what the command line proves itself by. */
export interface Door {
  address: string
  token: string
}

/** How long a program may take to say that it is there, in milliseconds. */
const HELLO_MS = 5000

/** A program that is started anew is looked for so often, so far apart (milliseconds). */
const AWAY = { looks: 60, everyMs: 1000 }

/** What a line of an answer holds. */
type Line = { value?: unknown } | { error: ErrorDetail }

/** Names under which there are moments, which JSON has as texts. */
const MOMENTS = ['at', 'createdAt', 'updatedAt', 'completedAt']

/**
 * The program that holds the data folder already, spoken to by its own server; null where none answers. `find` says where it is, and is
 * asked again when it has been away.
 */
export async function connectOperator(find: () => Promise<Door | null>): Promise<Operator | null> {
  let door = await find()

  async function post(name: string, args: readonly unknown[], signal: AbortSignal | null): Promise<Response> {
    if (door === null) throw new Error('no program holds the data folder')
    const { address, token } = door
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = JSON.stringify(args)
    const answer = await fetch(`${address}/operator/${name}`, { method: 'POST', headers, body, signal })
    if (!answer.ok) throw new Error(`${address} answered ${answer.status}`)
    return answer
  }

  async function* values(name: string, args: readonly unknown[], signal: AbortSignal | null) {
    const { body } = await post(name, args, signal)
    for await (const text of linesOf(body ?? new ReadableStream())) {
      const line: Line = JSON.parse(text, (key, value) => {
        return MOMENTS.includes(key) && typeof value === 'string' ? new Date(value) : value
      })
      if ('error' in line) throw errorOf(line.error)
      yield line.value
    }
  }

  async function call<T>(name: string, args: readonly unknown[], signal: AbortSignal | null = null) {
    for await (const value of values(name, args, signal)) return value as T
    throw new Error(`the program at ${door?.address} has ended`)
  }

  /** Looks for the program until it answers. False where it doesn't come back, or `signal` aborts. */
  async function back(signal: AbortSignal): Promise<boolean> {
    for (let looks = 0; looks < AWAY.looks && !signal.aborted; looks += 1) {
      await sleep(AWAY.everyMs, undefined, { signal }).catch(() => {})
      door = await find()
      if ((await hello()) !== null) return true
    }
    return false
  }

  const hello = () => call<Hello>('hello', [], AbortSignal.timeout(HELLO_MS)).catch(() => null)

  async function* follow(jobId: string, seq: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let last = seq
    do {
      try {
        for await (const value of values('follow', [jobId, last], signal)) {
          const event = value as JobEvent
          last = event.seq
          yield event
        }
      } catch (error) {
        if (error instanceof UserError) throw error
        // the program is away: what happens meanwhile is told when it is back
      }
    } while (!signal.aborted && (await back(signal)))
  }

  const said = door === null ? null : await hello()
  if (said === null) return null
  return {
    here: false,
    models: said.models,
    check: (...args) => call('check', args),
    submit: (...args) => call('submit', args),
    resume: (...args) => call('resume', args),
    cancel: (...args) => call('cancel', args),
    get: (...args) => call('get', args),
    list: (...args) => call('list', args),
    preview: (jobId, wanted, signal) => call('preview', [jobId, wanted], signal),
    modelOf: (...args) => call('modelOf', args),
    costOf: (...args) => call('costOf', args),
    events: { since: (...args) => call('since', args), follow },
    objects: {
      file: (...args) => call('file', args),
      link: (...args) => call('link', args),
      read: async (key) => (await post('read', [key], null)).body ?? new ReadableStream(),
    },
    stop: async () => {},
  }
}

type Hello = Pick<Operator, 'models'>

/** What went wrong there, as if it had gone wrong here. */
function errorOf(detail: ErrorDetail): Error {
  return detail.code === 'internal' ? new Error(detail.data.reason) : new UserError(detail)
}

/** The lines of a stream that have something in them. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    const lines = `${rest}${decoder.decode(bytes, { stream: true })}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
}
