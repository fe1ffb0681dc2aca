import { DiscordAPIError, HTTPError, RateLimitError, RESTJSONErrorCodes } from 'discord.js'
import { ChatError, type ChatFault } from '../platform.ts'

/** Discord's own codes. docs.discord.com/developers/topics/opcodes-and-status-codes */
const FAULTS: Record<string | number, ChatFault> = {
  [RESTJSONErrorCodes.UnknownMessage]: 'gone',
  [RESTJSONErrorCodes.UnknownChannel]: 'gone',
  [RESTJSONErrorCodes.MissingAccess]: 'no_access',
  [RESTJSONErrorCodes.MissingPermissions]: 'no_access',
  [RESTJSONErrorCodes.UnknownGuild]: 'no_access',
  // an interaction whose token has expired
  [RESTJSONErrorCodes.UnknownWebhook]: 'no_access',
  [RESTJSONErrorCodes.UnknownInteraction]: 'no_access',
  [RESTJSONErrorCodes.InvalidWebhookToken]: 'no_access',
  [RESTJSONErrorCodes.CannotSendMessagesToThisUser]: 'closed',
  [RESTJSONErrorCodes.CannotSendMessagesToThisUserDueToHavingNoMutualGuilds]: 'closed',
  [RESTJSONErrorCodes.MaximumNumberOfEditsToMessagesOlderThanOneHourReached]: 'too_often',
  [RESTJSONErrorCodes.RequestEntityTooLarge]: 'too_large',
  // the next message in an archived thread, such as our mention, opens it again
  [RESTJSONErrorCodes.InvalidActionOnArchivedThread]: 'passing',
}

/** What Discord's answer means for a card. A fault of the connection, of its servers or of its rates passes. */
export function chatErrorOf(error: unknown): ChatError {
  if (error instanceof RateLimitError) {
    const { route, retryAfter, global } = error
    const words = `rate limit of ${route}: ${retryAfter} ms`
    return new ChatError(global ? 'passing' : 'too_often', words, { cause: error, retryAfterMs: retryAfter })
  }
  const message = error instanceof Error ? error.message : String(error)
  return new ChatError(faultOf(error), message, { cause: error })
}

function faultOf(error: unknown): ChatFault {
  if (error instanceof DiscordAPIError) {
    const known = FAULTS[error.code]
    if (known !== undefined) return known
  }
  if (!(error instanceof DiscordAPIError || error instanceof HTTPError)) return 'passing'
  if (error.status === 413) return 'too_large'
  if (error.status === 403) return 'no_access'
  // 401 is a token that the operator can set right, after which the same edit works
  return error.status >= 500 || error.status === 429 || error.status === 401 ? 'passing' : 'refused'
}
