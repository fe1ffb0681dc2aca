import { setTimeout as sleep } from 'node:timers/promises'

/** What a storage server answered. `status` is the true one, null where no answer came; `code` its own word for it. */
export interface FaultAnswer {
  status: number | null
  code: string | null
  words: string
}

/** A call to a storage server that failed. Its message is meant for the operator; neither it nor `answer` holds a secret. */
export class StorageFault extends Error {
  override readonly name = 'StorageFault'
  readonly answer: FaultAnswer

  constructor(message: string, answer: FaultAnswer) {
    super(message)
    this.answer = answer
  }

  /** Whether the same call may work a little later. */
  get passing(): boolean {
    const { status } = this.answer
    return status === null || status >= 500 || PASSING.has(status)
  }
}

/** Timeout, a change at the same moment, a lock, too early, too many: https://supabase.com/docs/guides/storage/debugging/error-codes */
const PASSING = new Set([408, 409, 423, 425, 429])

/** With a first pause of half a second, a store that is away for half a minute fails nothing. */
const TRIES = 8

/** How often a call has failed since it last got somewhere; a call that gets on may set it back to 0. */
export interface Failures {
  count: number
}

/**
 * Makes a call, and again while its faults may pass: eight times without getting on, with pauses of `pauseMs`, twice
 * that, four times … in between. Throws the last fault, or the signal's reason.
 */
export async function retrying<T>(
  options: { pauseMs: number; signal: AbortSignal; failed: (fault: StorageFault, tries: number) => void },
  call: (failures: Failures) => Promise<T>,
): Promise<T> {
  const { pauseMs, signal, failed } = options
  const failures = { count: 0 }
  for (;;) {
    signal.throwIfAborted()
    try {
      return await call(failures)
    } catch (error) {
      signal.throwIfAborted()
      failures.count += 1
      if (!(error instanceof StorageFault && error.passing) || failures.count >= TRIES) throw error
      failed(error, failures.count)
    }
    // an abort is thrown at the loop's head, with its own reason
    await sleep(pauseMs * 2 ** (failures.count - 1), undefined, { signal }).catch(() => {})
  }
}
