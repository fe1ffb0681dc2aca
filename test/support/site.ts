import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFilmLinks } from '../../src/storage/film-links.ts'
import { sharedSecret } from '../../src/storage/shared-secret.ts'
import { type Env, MAIN } from './cli.ts'
import { openUrl, usedMachine } from './databases.ts'
import { freePort } from './free-port.ts'
import { startWeb } from './web.ts'

/** The program for one person, with its pages on loopback. */
export interface Site {
  url: string
  /** A signed address of a film's page, as chats show it; with negative seconds one that has expired. */
  shared(jobId: string, seconds: number): Promise<string>
}

/** Starts the program with these variables, as `npm start` does. */
export async function startSite(cleanup: (close: () => Promise<void>) => void, env: Env): Promise<Site> {
  const machine = await usedMachine(MAIN)
  cleanup(() => machine.remove())
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  await startWeb(machine, { ...env, PORT: port, PUBLIC_URL: url })
  const { DATABASE_URL } = machine.env
  const secret = DATABASE_URL
    ? await sharedSecret((await openUrl(DATABASE_URL, cleanup)).db, Buffer.alloc(32))
    : await readFile(join(machine.dataDir, 'secret'))
  const links = createFilmLinks({ secret, now: Date.now })
  return { url, shared: async (jobId, seconds) => `${url}${links.path(jobId, seconds)}` }
}
