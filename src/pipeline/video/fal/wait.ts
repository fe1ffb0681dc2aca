import { setTimeout as sleep } from 'node:timers/promises'
import { ProviderError } from '../../../core/errors.ts'
import type { RenderedClip } from '../../../core/ports.ts'
import type { RemoteRequest } from '../../../core/segment.ts'
import { cancelRequest } from './cancel.ts'
import type { FalContext } from './context.ts'
import { type Answer, failureOf, isRecord, isVerdict, wordsOf } from './failure.ts'
import { ask, cut } from './http.ts'
import { clipUrlIn, costOf, type FalOrder } from './input.ts'
import { acceptedAt, type RequestUrls, urlsOf } from './request.ts'

/** One look at a request: done, still at work, or no usable answer, with what is thrown if that goes on. */
type Look = { clip: RenderedClip } | { position: number | null } | { trouble: ProviderError }

/**
 * Waits for a request to end. Answers that are only trouble on the way are borne for `pace.patience`.
 *
 * Throws `ProviderError`: `rejected` and `transient` only when fal says that this request has failed, is unknown to it,
 * or was given up after the catalogue's minutes (`given_up`, cancelled first): the caller then takes it for lost.
 * Everything else, a refused key too, is `unknown`: the request may well be running, and is paid.
 */
export async function waitForRequest(
  context: FalContext,
  order: FalOrder,
  request: RemoteRequest,
  signal: AbortSignal,
  waiting?: (position: number) => void,
): Promise<RenderedClip> {
  const { pace, now } = context
  const urls = urlsOf(request, order.endpoint, context.addresses)
  const minutes = order.model.fal.giveUpAfterMinutes
  const giveUpAt = (acceptedAt(request) ?? now()) + minutes * 60_000
  let troubledSince: number | null = null
  let lastPosition: number | null = null
  for (let pause = pace.poll; ; pause = Math.min(pause * 1.5, pace.pollLongest)) {
    const look = await lookAt(context, order, request, urls, signal)
    if ('clip' in look) return look.clip
    if ('trouble' in look) {
      troubledSince ??= now()
      if (now() - troubledSince >= pace.patience) throw look.trouble
    } else {
      troubledSince = null
      if (look.position !== null && look.position !== lastPosition) waiting?.(look.position)
      lastPosition = look.position
    }
    if (now() >= giveUpAt) return giveUp(context, order, request, urls, signal)
    await sleep(pause, undefined, { signal })
  }
}

/** Stops a request that takes too long; one that has just ended is taken all the same. */
async function giveUp(
  context: FalContext,
  order: FalOrder,
  request: RemoteRequest,
  urls: RequestUrls,
  signal: AbortSignal,
): Promise<RenderedClip> {
  const ended = await cancelRequest(context, urls, request.id).catch((error) => {
    context.log.warn({ request_id: request.id, err: error }, 'cannot cancel a request that takes too long')
    return 'stopping' as const
  })
  if (ended === 'over') {
    const look = await lookAt(context, order, request, urls, signal)
    if ('clip' in look) return look.clip
  }
  const minutes = order.model.fal.giveUpAfterMinutes
  throw new ProviderError('rejected', `fal did not finish within ${minutes} minutes`, {
    requestId: request.id,
    reason: 'given_up',
  })
}

async function lookAt(
  context: FalContext,
  order: FalOrder,
  { id }: RemoteRequest,
  urls: RequestUrls,
  signal: AbortSignal,
): Promise<Look> {
  const { key, pace } = context
  const read = (url: string) => ask(url, { key, timeout: pace.timeout, signal })
  try {
    const status = await read(urls.status)
    if (status.status !== 200 && status.status !== 202) return unanswered(status, key, id)
    const body = isRecord(status.body) ? status.body : {}
    if (body.status !== 'COMPLETED') {
      const position = body.status === 'IN_QUEUE' ? body.queue_position : null
      return { position: typeof position === 'number' ? position : null }
    }
    const result = await read(urls.response)
    if (result.status === 200) return { clip: clipIn(context, order, id, result) }
    if (result.status === 202) return { position: null }
    // COMPLETED covers failures too: the result then answers with them
    if (isVerdict(result) && ![401, 403, 404].includes(result.status)) throw failureOf(result, key, id)
    if (result.status >= 500) return { trouble: failureOf(result, key, id) }
    return unanswered(result, key, id)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ProviderError) throw error
    return { trouble: new ProviderError('unknown', cut(error), { cause: error, requestId: id }) }
  }
}

/** An answer that says nothing about how the request fares. */
function unanswered(answer: Answer, key: string, requestId: string): Look {
  const said = failureOf(answer, key, requestId)
  if (answer.status === 401 || answer.status === 403) {
    throw new ProviderError('unknown', said.message, { requestId })
  }
  const lost = answer.status === 404
  const message = lost ? `fal doesn't know the request ${requestId}: ${wordsOf(answer, key)}` : said.message
  return { trouble: new ProviderError(lost ? 'rejected' : 'unknown', message, { requestId }) }
}

function clipIn({ log }: FalContext, order: FalOrder, requestId: string, answer: Answer): RenderedClip {
  const address = clipUrlIn(answer.body)
  if (address === null) throw new ProviderError('rejected', 'fal answered without a video', { requestId })
  const units = answer.headers.get('x-fal-billable-units')
  const costUsd = costOf(order, units)
  log.info(
    { request_id: requestId, endpoint: order.endpoint, billable_units: units, cost_usd: costUsd },
    'a clip is ready',
  )
  const url = new URL(address)
  // a media fragment (www.w3.org/TR/media-frags): only that part of the clip is asked for
  if (order.rendered !== order.order.seconds) url.hash = `t=0,${order.order.seconds}`
  return { url: url.href, costUsd }
}
