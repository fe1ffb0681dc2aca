import { timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import { type ErrorDetail, reasonOf, UserError } from '../core/errors.ts'
import type { Operator } from '../core/operator.ts'
import type { Log } from '../core/ports.ts'

/** Below this path the command line speaks to the program that holds its data folder. */
export const OPERATOR_PATH = '/operator/'

/** A line without anything, so that nobody takes a long wait for the end. Milliseconds. */
const BEAT_MS = 15_000

export interface OperatorDoorDeps {
  operator: Operator
  /** What the command line proves itself by: 32 random bytes that stand in the data folder, as text. */
  token: string
  log: Log
  /** Ends every answer that is still going on. */
  stopping: AbortSignal
}

/** One call: its arguments as they came, and what ends it. */
type Call = (args: readonly unknown[], signal: AbortSignal) => AsyncIterable<unknown>

/**
 * Answers the command line. A call is `POST /operator/<name>` with its arguments as a JSON array; the answer is a line of JSON for each
 * value, `{"value":…}`, or `{"error":{"code":…,"data":…}}`, with empty lines between. `read` answers with bytes. Without the token there is
 * nothing here: null.
 */
export function createOperatorDoor(deps: OperatorDoorDeps): (request: Request) => Promise<Response | null> {
  const { operator } = deps
  const calls = callsOf(operator)
  const expected = Buffer.from(`Bearer ${deps.token}`)

  function isOperator(request: Request): boolean {
    const given = Buffer.from(request.headers.get('authorization') ?? '')
    return given.length === expected.length && timingSafeEqual(given, expected)
  }

  /** The values of a call as lines, until it ends or whoever asked is gone. */
  function linesOf(call: Call, args: readonly unknown[]): Response {
    const gone = new AbortController()
    const signal = AbortSignal.any([deps.stopping, gone.signal])
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async start(lines) {
        const send = (line: string) => {
          if (!gone.signal.aborted) lines.enqueue(encoder.encode(`${line}\n`))
        }
        const beat = setInterval(send, BEAT_MS, '')
        try {
          for await (const value of call(args, signal)) send(JSON.stringify({ value }))
        } catch (error) {
          if (!(error instanceof UserError)) deps.log.error({ err: error }, 'a command could not be done')
          send(JSON.stringify({ error: detailOf(error) }))
        }
        clearInterval(beat)
        if (!gone.signal.aborted) lines.close()
      },
      cancel() {
        gone.abort()
      },
    })
    return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } })
  }

  return async (request) => {
    const { pathname } = new URL(request.url)
    const name = pathname.slice(pathname.indexOf(OPERATOR_PATH) + OPERATOR_PATH.length)
    if (request.method !== 'POST' || !isOperator(request)) return null
    const args = (await request.json()) as unknown[]
    if (name === 'read') {
      const bytes = Readable.from(await operator.objects.read(String(args[0])))
      const body = Readable.toWeb(bytes) as ReadableStream<Uint8Array>
      return new Response(body, { headers: { 'content-type': 'application/octet-stream' } })
    }
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined
    return call === undefined ? null : linesOf(call, args)
  }
}

/** What the command line may call. Its arguments are believed: whoever has the token has the data folder itself. */
function callsOf(operator: Operator): Readonly<Record<string, Call>> {
  const { objects, events } = operator
  const once = <Args extends readonly unknown[]>(work: (...args: Args) => unknown): Call =>
    async function* (args) {
      yield await work(...(args as Args))
    }
  return {
    hello: once(() => ({ models: operator.models })),
    check: once(operator.check),
    submit: once(operator.submit),
    resume: once(operator.resume),
    cancel: once(operator.cancel),
    get: once(operator.get),
    list: once(operator.list),
    modelOf: once(operator.modelOf),
    costOf: once(operator.costOf),
    since: once(events.since),
    file: once(objects.file),
    link: once(objects.link),
    async *preview([jobId, wanted], signal) {
      yield await operator.preview(jobId as string, wanted as Parameters<Operator['preview']>[1], signal)
    },
    follow: ([jobId, seq], signal) => events.follow(jobId as string, seq as number, signal),
  }
}

function detailOf(error: unknown): ErrorDetail {
  if (error instanceof UserError) return error.detail
  return { code: 'internal', data: { reason: reasonOf(error) } }
}
