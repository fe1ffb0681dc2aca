import type { Log } from '../../../core/ports.ts'
import type { Addresses, Pace } from './http.ts'

/** What every part of the adapter works with. `now` is in milliseconds since 1970. */
export interface FalContext {
  key: string
  addresses: Addresses
  pace: Pace
  log: Log
  now: () => number
}
