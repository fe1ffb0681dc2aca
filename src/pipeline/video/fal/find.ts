import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import type { RemoteRequest } from '../../../core/segment.ts'
import type { FalContext } from './context.ts'
import { wordsOf } from './failure.ts'
import { ask } from './http.ts'
import { type FalOrder, isInputOf } from './input.ts'
import { remoteRequest } from './request.ts'

/** Fal keeps what was sent to it for 30 days (fal.ai/docs, «Data retention»): nothing older can be recognised. */
const KEPT_MS = 30 * 24 * 3600_000
/** How far fal's clock may be from ours, which may have been set since: what would be passed over would be paid again. */
const SKEW_MS = 26 * 3600_000
const MOST_PAGES = 200

const page = z.object({
  items: z.array(
    z.object({
      request_id: z.string().regex(/^[\w-]+$/),
      sent_at: z.string().nullish(),
      started_at: z.string().nullish(),
      json_input: z.unknown(),
    }),
  ),
  next_cursor: z.string().nullish(),
  has_more: z.boolean().nullish(),
})

/**
 * Looks an order's request up in fal's list of what an endpoint was sent (docs.fal.ai, «List requests by endpoint»).
 * `absent` only when a whole list, read `pace.unlisted` after the order can last have been accepted, doesn't have it:
 * fal's page doesn't promise that what still waits or runs is listed. `since`: when it was sent, where that is known, by a clock that may
 * have been set meanwhile; `until`: when it was sent at the latest, by this process' own.
 * Throws nothing but the signal's reason.
 */
export async function findRequest(
  context: FalContext,
  order: FalOrder,
  { since, until }: { since: number | null; until: number },
  signal: AbortSignal,
): Promise<RemoteRequest | 'absent' | 'unknown'> {
  const { pace, now, log } = context
  const start = since === null ? now() - KEPT_MS : since - SKEW_MS
  const listedBy = until + pace.unlisted
  let failures = 0
  for (let pause = pace.poll; ; pause = Math.min(pause * 1.5, pace.pollLongest * 2)) {
    const found = await listed(context, order, start, signal)
    if (typeof found === 'object') return found
    failures = found === 'failed' ? failures + 1 : 0
    if (found === 'unknown' || failures >= pace.tries) return 'unknown'
    if (found === 'absent' && now() >= listedBy) {
      log.warn({ endpoint: order.endpoint, key: order.order.key }, 'fal has no request of this order')
      return 'absent'
    }
    await sleep(pause, undefined, { signal })
  }
}

/** Reads the list once. `failed`: trying again may help; `unknown`: it won't. */
async function listed(
  { addresses, key, pace, log, now }: FalContext,
  order: FalOrder,
  start: number,
  signal: AbortSignal,
): Promise<RemoteRequest | 'absent' | 'unknown' | 'failed'> {
  let unreadable = false
  let cursor: string | null = null
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const query = new URLSearchParams({
      endpoint_id: order.endpoint,
      start: new Date(start).toISOString(),
      expand: 'payloads',
      limit: '100',
    })
    if (cursor !== null) query.set('cursor', cursor)
    const url = `${addresses.apiUrl}/v1/models/requests/by-endpoint?${query}`
    let read: z.infer<typeof page>
    try {
      const answer = await ask(url, { key, timeout: pace.timeout, signal })
      if (answer.status !== 200) {
        log.warn(
          { status: answer.status, reason: wordsOf(answer, key) },
          "fal's list of requests can't be read",
        )
        return answer.status >= 500 || answer.status === 429 ? 'failed' : 'unknown'
      }
      read = page.parse(answer.body)
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ err: error }, "fal's list of requests can't be read")
      return error instanceof z.ZodError ? 'unknown' : 'failed'
    }
    for (const { request_id, json_input, sent_at, started_at } of read.items) {
      const input = z.record(z.string(), z.unknown()).safeParse(json_input)
      if (!input.success) unreadable = true
      else if (isInputOf(order, input.data)) {
        const sent = Date.parse(sent_at ?? started_at ?? '')
        return remoteRequest(request_id, {}, Number.isNaN(sent) ? now() : sent)
      }
    }
    cursor = read.next_cursor ?? null
    if (cursor === null) return unreadable || read.has_more === true ? 'unknown' : 'absent'
  }
  return 'unknown'
}
