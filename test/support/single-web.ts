import { MAIN, type Running } from './cli.ts'
import { usedMachine } from './databases.ts'
import { startServices } from './services.ts'
import { until } from './until.ts'

/** Starts the program for one person, with stand-ins for whatever makes films, and waits until it answers. */
export async function startSingleWeb(
  cleanup: (close: () => Promise<void>) => void,
): Promise<{ address: string; running: Running }> {
  const { env } = await startServices(cleanup, { database: false })
  const machine = await usedMachine(MAIN)
  cleanup(() => machine.remove())
  const { SUPABASE_URL: _url, SUPABASE_SECRET_KEY: _key, ...single } = env
  const running = machine.start([], single)
  const ready = () => /"web":"(http:[^"]+)"/.exec(running.output())?.[1]
  return { running, address: await until('a program that is ready', ready, { seconds: 100 }) }
}
