import { setTimeout as sleep } from 'node:timers/promises'
import type { SocketModeReceiver } from '@slack/bolt'
import type { Log } from '../../core/ports.ts'

/** The pause before a connection is asked for again, doubled each time up to the last; milliseconds. */
const PAUSE_MS = { first: 1000, last: 5 * 60_000 }

/**
 * Slack closes connections all the time. Bolt opens the next one by its own `start`, and nobody hears where that fails, as it
 * does at once where Slack doesn't know the token: Node would end the whole program, with all that it is doing elsewhere
 * (@slack/socket-mode 3.1.0). So from here on it is asked until it succeeds, or until `stopping`.
 */
export function keepConnecting(socket: SocketModeReceiver['client'], log: Log, stopping: AbortSignal): void {
  const start = socket.start.bind(socket)
  socket.start = async () => {
    for (let pause = PAUSE_MS.first; ; pause = Math.min(2 * pause, PAUSE_MS.last)) {
      try {
        return await start()
      } catch (error) {
        if (stopping.aborted) return { ok: false }
        log.error({ err: error }, 'Slack can’t be reached, and is tried again')
        await sleep(pause, undefined, { signal: stopping }).catch(() => {})
      }
    }
  }
}
