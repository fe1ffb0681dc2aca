import type { Env, Machine, Running } from './cli.ts'
import { until } from './until.ts'

/** The program with its web, as a process. */
export interface Web {
  running: Running
  /** Such as `http://127.0.0.1:1234`. */
  address: string
}

/** Starts `src/main.ts` on a machine that was made with it, and waits until it answers. */
export async function startWeb(machine: Machine, env: Env): Promise<Web> {
  const running = machine.start([], env)
  const address = () => /"web":"(http:[^"]+)"/.exec(running.output())?.[1]
  const ended = running.ended.then(({ stdout, stderr }) => {
    throw new Error(`the program ended:\n${stdout}\n${stderr}`)
  })
  const found = await Promise.race([until('a program that is ready', address, { seconds: 100 }), ended])
  // it ends once more, after the tests: nobody waits for that
  ended.catch(() => {})
  return { running, address: found }
}

/** An event as a stream tells it. */
export interface StreamedEvent {
  id: number
  data: { type: string; status: string; progress: number; message?: string }
}

/** The events of a stream, until it ends. */
export async function* eventsOf(answer: Response): AsyncGenerator<StreamedEvent> {
  let rest = ''
  for await (const text of (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const parts = `${rest}${text}`.split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const fields = Object.fromEntries(part.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
      if (fields.data) yield { id: Number(fields.id), data: JSON.parse(fields.data) }
    }
  }
}
