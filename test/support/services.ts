import { randomUUID } from 'node:crypto'
import type { SQL } from 'drizzle-orm'
import type { Db } from '../../src/storage/db.ts'
import { type Env, type JsonLine, type Machine, newMachine } from './cli.ts'
import { createDatabase, usedMachine } from './databases.ts'
import { type FalServer, type FalServerOptions, startFalServer } from './fal-server.ts'
import { completed, type OpenAiReply, type OpenAiServer, startOpenAiServer } from './openai-server.ts'
import { type SupabaseServer, startSupabaseServer } from './supabase-server.ts'

export const PROMPT = 'a lighthouse in the rain'

/** The command that the tests give. What the planner answers for it is `planOf(2)`. */
export const FILM = [PROMPT, '--segments', '2', '--seconds', '4', '--lang', 'en', '--json']

/** What the stand-in for fal makes of each segment: half a second of 256×144, so that nothing takes long. */
export const CLIP = { seconds: 0.5, scale: 0.2, frames: 12 }

/** A machine, and a stand-in for everything that a film is made through; `env` are the variables that connect them all. */
export interface Services {
  machine: Machine
  openai: OpenAiServer
  fal: FalServer
  supabase: SupabaseServer
  env: Env
  /** The requests that fal was paid for, by the segment that they were for. */
  paid(segments?: number): number[]
}

/** What stands in the addresses of finished films at the store, and not in those of what is kept for other machines meanwhile. */
export const FILMS_AT_STORE = '/films/films/'

type Cleanup = (close: () => Promise<void>) => void

/** A test's own services. `database`: a fresh one on a real Postgres server, else the one in DATA_DIR. */
export async function startServices(
  cleanup: Cleanup,
  options: FalServerOptions & { database?: boolean } = {},
): Promise<Services> {
  const { database = true, ...ofFal } = options
  const machine = database ? await newMachine() : await usedMachine()
  cleanup(() => machine.remove())
  const account = { apiKey: `sk-proj-${randomUUID()}`, model: 'gpt-6-luna' }
  const openai = await startOpenAiServer(account)
  cleanup(() => openai.close())
  openai.answer(planOf(2))
  const fal = await startFalServer({ clip: CLIP, outcome: { steps: [] }, ...ofFal })
  cleanup(() => fal.close())
  const supabase = await startSupabaseServer()
  cleanup(() => supabase.stop())
  return {
    machine,
    openai,
    fal,
    supabase,
    env: {
      OPENAI_API_KEY: account.apiKey,
      OPENAI_BASE_URL: openai.url,
      ...fal.env,
      FAL_LOOKUP_SECONDS: '1',
      SUPABASE_URL: supabase.url,
      SUPABASE_SECRET_KEY: supabase.secretKey,
      ...(database ? { DATABASE_URL: await createDatabase() } : {}),
    },
    paid: (segments = 2) => Array.from({ length: segments }, (_, i) => fal.paid()[shotPrompt(i + 1)] ?? 0),
  }
}

/** The variables whose names begin with one of these. */
export function only(env: Env, ...beginnings: string[]): Env {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => beginnings.some((beginning) => name.startsWith(beginning))),
  )
}

export function shotPrompt(segment: number): string {
  return `A white lighthouse in heavy rain at dusk, shot ${segment}.`
}

/** A plan as the planner answers it. */
export function planOf(segments: number): OpenAiReply {
  const shots = Array.from({ length: segments }, (_, i) => ({
    title: `Shot ${i + 1}`,
    prompt: shotPrompt(i + 1),
  }))
  return completed(JSON.stringify({ title: 'Rain', shots }))
}

/** What a query finds on a Postgres server. */
export async function rowsOf(db: Db, query: SQL): Promise<Record<string, unknown>[]> {
  return [...((await db.execute(query)) as Iterable<Record<string, unknown>>)]
}

/** The end of a command with `--json`: all that a person's own program learns of it. */
export function lastOf(json: readonly JsonLine[]): JsonLine & { cost_usd?: number | null } {
  const last = json.at(-1)
  if (!last) throw new Error('the command said nothing')
  return last
}
