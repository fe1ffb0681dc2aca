import type { RateLimitData, RESTOptions } from 'discord.js'

/** How long discord.js itself holds back the edit of a card for a limit, in milliseconds: as long as a channel's edits are counted. */
const WAIT_MS = 5000

/** A film is sent in one request, over a line that may be slow. Milliseconds. */
const TIMEOUT_MS = 60_000

const CARD_ROUTE = '/channels/:id/messages/:id'

/** How Discord is asked. */
export function restOptions(apiUrl: string): Partial<RESTOptions> {
  return { api: apiUrl, version: '10', timeout: TIMEOUT_MS, rejectOnRateLimit: isRefusal }
}

/**
 * discord.js waits for every 429 and sends the same again, for ever. For a card's edits it waits only where the channel's edits were too
 * many for a moment: what remains is a refusal of this one message, such as 30046, or one without a time. The pen then decides
 * when, and has newer words.
 */
function isRefusal({ method, route, retryAfter, sublimitTimeout }: RateLimitData): boolean {
  if (method !== 'PATCH' || route !== CARD_ROUTE) return false
  return sublimitTimeout > 0 || retryAfter <= 0 || retryAfter > WAIT_MS
}
