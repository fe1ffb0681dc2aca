import { setTimeout as sleep } from 'node:timers/promises'
import type { Env, Machine, Running } from './cli.ts'

/** A program that is started again whenever it ends, as a host does it. */
export interface Supervised {
  /** The process that runs now. */
  readonly pid: number
  /** Ends it as a crash would, and resolves once the next one was started. */
  crash(): Promise<void>
  /** Ends it for good. */
  stop(): Promise<void>
  /** How often it was started. */
  readonly starts: number
}

/** Keeps one program running on a machine. What ended without being killed is handed to `unasked`: its exit code and what it had said. */
export function keepRunning(
  machine: Machine,
  args: readonly string[],
  env: Env,
  unasked: (code: number | null, output: string) => void,
): Supervised {
  let stopped = false
  let starts = 0
  let running = start()
  let next = Promise.withResolvers<void>()

  function start(): Running {
    starts += 1
    const started = machine.start(args, env)
    void started.ended.then(async ({ code, signal }) => {
      if (stopped) return
      if (signal !== 'SIGKILL') {
        unasked(code, started.output())
        await sleep(1000)
      }
      if (stopped) return
      running = start()
      next.resolve()
      next = Promise.withResolvers()
    })
    return started
  }

  return {
    get pid() {
      return running.pid
    },
    get starts() {
      return starts
    },
    async crash() {
      const { promise } = next
      running.kill('SIGKILL')
      await promise
    },
    async stop() {
      stopped = true
      running.kill('SIGKILL')
      await running.ended
    },
  }
}
