import { type Env, MAIN, type Machine, type Running } from './cli.ts'
import { usedMachine } from './databases.ts'
import { type DiscordFront, startDiscordFront } from './discord-front.ts'
import type { Shown } from './discord-messages.ts'
import type { Person, Place } from './discord-people.ts'
import { type FalServer, startFalServer } from './fal-server.ts'
import { CLIP } from './services.ts'
import { type SupabaseServer, startSupabaseServer } from './supabase-server.ts'
import { until } from './until.ts'

/** A bot at work: the whole program as a process, with a stand-in for everything that it talks to. */
export interface BotAtWork {
  machine: Machine
  front: DiscordFront
  fal: FalServer
  supabase: SupabaseServer
  /** The program that was started last. */
  running: Running
  /** Starts it (again), and waits until it can be talked to. */
  start(env?: Env): Promise<void>
  /** Kills it as a crash would. */
  crash(): Promise<void>
}

/** Starts everything but the program. Whoever starts it closes it. */
export async function prepareBot(
  cleanup: (close: () => Promise<void>) => void,
  env: Env = {},
): Promise<BotAtWork> {
  const machine = await usedMachine(MAIN)
  cleanup(() => machine.remove())
  const fal = await startFalServer({ clip: CLIP, outcome: { steps: [] } })
  cleanup(() => fal.close())
  const supabase = await startSupabaseServer()
  cleanup(() => supabase.stop())
  const front = await startDiscordFront()
  cleanup(() => front.close())
  const all: Env = {
    ...fal.env,
    ...front.env,
    FAL_LOOKUP_SECONDS: '1',
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    ...env,
  }
  let running: Running | undefined

  async function start(more: Env = {}): Promise<void> {
    const { identified } = front.gateway
    const started = machine.start([], { ...all, ...more })
    running = started
    const ended = started.ended.then(({ code, signal, stdout, stderr }) => {
      throw new Error(`the program ended (${code ?? signal}):\n${stdout}\n${stderr}`)
    })
    const isNew = () => front.gateway.identified > identified && front.gateway.ready
    const ready = until('a bot that is connected', isNew, { seconds: 100 })
    await Promise.race([ready, ended]).catch((error) => {
      throw new Error(`${error.message}\n${started.output()}`)
    })
    // it ends once more, after the tests: nobody waits for that
    ended.catch(() => {})
  }

  async function crash(): Promise<void> {
    running?.kill('SIGKILL')
    await running?.ended
  }

  return {
    machine,
    front,
    fal,
    supabase,
    get running() {
      if (!running) throw new Error('the program was not started')
      return running
    },
    start,
    crash,
  }
}

/** The first message in a channel that fits; waits for it. */
export function shown(
  front: DiscordFront,
  { channelId }: Place,
  fits: (message: Shown) => boolean,
  what: string,
): Promise<Shown> {
  const instead = () => `, but ${JSON.stringify(front.messages(channelId).map(({ texts }) => texts))}`
  return until(what, () => front.messages(channelId).find(fits), { instead })
}

/** Waits for a person's direct message. */
export async function toldOf(front: DiscordFront, person: Person): Promise<Shown> {
  return until(`a direct message for ${person.name}`, async () => (await front.dms(person))[0])
}

/** What a message's buttons do: custom ids and addresses. */
export function buttonsOf({ components }: Shown): string[] {
  return [
    ...JSON.stringify(components).matchAll(/"(?:custom_id|url)":"((?:cancel|retry|https?):[^"]*)"/g),
  ].map(([, what = '']) => what)
}

/** Signs that people can't see: of joining, of direction. */
const UNSEEN = /[\u200b\u200e\u200f\u2060\u202a-\u202e\u2066-\u2069]/g
/** What Discord takes for markup where no backslash stands before it. */
const MARKUP = /[*_~`|<[]/

/**
 * What keeps a text from standing in a message as it was written: it isn't there, or some of its signs count as markup.
 * Empty where it is shown as text.
 */
export function notAsText(message: string, written: string): string[] {
  let plain = ''
  const markup = new Set<number>()
  for (let i = 0; i < message.length; i += 1) {
    const isEscape = message.charAt(i) === '\\' && /[!-/:-@[-`{-~]/.test(message.charAt(i + 1))
    if (isEscape) i += 1
    const sign = message.charAt(i).replace(UNSEEN, '')
    if (!isEscape && MARKUP.test(sign)) markup.add(plain.length)
    plain += sign
  }
  const wanted = written.replace(UNSEEN, '')
  const at = plain.indexOf(wanted)
  if (at === -1) return [`“${wanted}” isn’t shown in “${plain}”`]
  return [...wanted].flatMap((sign, i) => (markup.has(at + i) ? [`${sign} at ${i}`] : []))
}
