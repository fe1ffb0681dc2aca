import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatName } from '../core/card.ts'
import type { Offices, Term } from '../core/chat-ports.ts'
import type { Log } from '../core/ports.ts'

/** A bot that is connected to its chat. `lost` rejects with what nobody but the operator can mend. */
interface Connected {
  lost?: Promise<never>
  stop(): Promise<void>
}

/** Where a chat comes to the bot by itself, or no other process can be there: everybody has every office. */
export const everybody: Offices = {
  take: async () => ({ lost: new AbortController().signal, leave: async () => {} }),
}

/** A chat's bot in this process, whenever it is this one's turn. */
export interface Elected<Bot> {
  /** Null as long as another process is connected, or the chat can't be reached. */
  bot: Bot | null
  /** The chat could not be reached when it was tried last; it is tried again. */
  unreachable: boolean
  /** Rejects with what nobody but the operator can mend. */
  lost: Promise<never>
  stop(): Promise<void>
}

/** How often an office that another process holds is asked for, and how long it takes until a start that failed is tried again. Milliseconds. */
const ASK_EVERY_MS = 2000
const AGAIN_MS = 5000

/**
 * Connects a bot in the one process that holds its office. Where that is this one, the first connection is waited for, and throws what
 * won't pass by itself; where it is another, or the chat can't be reached, this one stands by. Whoever loses the office stops its bot and
 * stands by again.
 */
export async function startElected<Bot extends Connected>(deps: {
  office: ChatName
  offices: Offices
  start: (signal: AbortSignal) => Promise<Bot>
  /** Whether it is of no use to start again. */
  isFinal: (error: unknown) => boolean
  /** Whether a first start that failed may succeed by itself later. */
  mayPass: (error: unknown) => boolean
  log: Log
  signal: AbortSignal
}): Promise<Elected<Bot>> {
  const { office, offices, start, log } = deps
  const stopping = new AbortController()
  const signal = AbortSignal.any([stopping.signal, deps.signal])
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  const elected: Elected<Bot> = { bot: null, unreachable: false, lost: lost.promise, stop }

  /** Null where the office is lost before the bot is connected. */
  async function connect(term: Term): Promise<Bot | null> {
    try {
      return await start(AbortSignal.any([signal, term.lost]))
    } catch (error) {
      await term.leave()
      if (term.lost.aborted && !signal.aborted) return null
      throw error
    }
  }

  async function serve(term: Term, bot: Bot): Promise<void> {
    elected.bot = bot
    elected.unreachable = false
    bot.lost?.catch((error) => {
      // a connection that is closed in order ends too
      if (elected.bot === bot) lost.reject(error)
    })
    await new Promise<void>((resolve) => {
      AbortSignal.any([signal, term.lost]).addEventListener('abort', () => resolve(), { once: true })
      if (signal.aborted || term.lost.aborted) resolve()
    })
    elected.bot = null
    try {
      await bot.stop()
    } finally {
      await term.leave()
    }
  }

  async function standBy(): Promise<void> {
    while (!signal.aborted) {
      const term = await offices.take(office).catch((error) => {
        log.warn({ office, err: error }, 'cannot ask for an office: asking again')
        return null
      })
      if (term === null) {
        await pause(ASK_EVERY_MS)
        continue
      }
      try {
        const bot = await connect(term)
        if (bot === null) continue
        log.info({ office }, 'this process is connected now')
        await serve(term, bot)
      } catch (error) {
        if (signal.aborted) return
        if (deps.isFinal(error)) throw error
        log.error({ office, err: error }, 'cannot connect: trying again')
        await pause(AGAIN_MS)
      }
    }
  }

  /** The rest of the program has its work without the chat. */
  function leaveUnreached(error: unknown): null {
    if (signal.aborted || deps.isFinal(error) || !deps.mayPass(error)) throw error
    log.error({ office, err: error }, 'cannot connect: trying again')
    elected.unreachable = true
    return null
  }

  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})

  const first = await offices.take(office)
  const bot = first === null ? null : await connect(first).catch(leaveUnreached)
  const served = first === null || bot === null ? Promise.resolve() : serve(first, bot)
  // what `serve` does at its beginning must be seen by whoever has started this
  const working = served.then(standBy).catch((error) => lost.reject(error))

  async function stop(): Promise<void> {
    stopping.abort()
    await working
  }
  return elected
}
