import { setTimeout as sleep } from 'node:timers/promises'
import { ProviderError } from '../../../core/errors.ts'
import type { FalContext } from './context.ts'
import { failureOf, isRecord } from './failure.ts'
import { ask, cut } from './http.ts'
import type { RequestUrls } from './request.ts'

/**
 * Stops a request as far as fal can: one that waits is removed, one that runs may still be billed. `over`: it had ended,
 * or fal doesn't know it. Throws `ProviderError` where fal can't be asked.
 */
export async function cancelRequest(
  { key, pace }: FalContext,
  { cancel }: Pick<RequestUrls, 'cancel'>,
  requestId: string,
): Promise<'stopping' | 'over'> {
  for (let tries = 1; ; tries += 1) {
    let failure: ProviderError
    try {
      const answer = await ask(cancel, { key, method: 'PUT', timeout: pace.timeout })
      if (answer.status >= 200 && answer.status < 300) return 'stopping'
      if (answer.status === 404) return 'over'
      if (isRecord(answer.body) && answer.body.status === 'ALREADY_COMPLETED') return 'over'
      failure = failureOf(answer, key, requestId)
    } catch (error) {
      failure = new ProviderError('transient', cut(error), { cause: error, requestId })
    }
    if (failure.kind === 'rejected' || tries >= pace.tries) throw failure
    await sleep(pace.pause * 2 ** (tries - 1))
  }
}
