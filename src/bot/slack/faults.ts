import { webApi } from '@slack/bolt'
import { reasonOf } from '../../core/errors.ts'
import { ChatError, type ChatFault } from '../platform.ts'

/** Slack's own names for what it refuses. docs.slack.dev/reference/methods/chat.update, …/chat.postMessage, …/conversations.open */
const FAULTS: Readonly<Record<string, ChatFault>> = {
  message_not_found: 'gone',
  cant_update_message: 'gone',
  edit_window_closed: 'gone',
  channel_not_found: 'no_access',
  not_in_channel: 'no_access',
  is_archived: 'no_access',
  restricted_action: 'no_access',
  restricted_action_read_only_channel: 'no_access',
  restricted_action_non_threadable_channel: 'no_access',
  no_permission: 'no_access',
  team_access_not_granted: 'no_access',
  cannot_dm_bot: 'closed',
  messages_tab_disabled: 'closed',
  user_disabled: 'closed',
  user_not_found: 'closed',
  user_not_visible: 'closed',
  users_not_found: 'closed',
  file_upload_size_restricted: 'too_large',
  file_uploads_disabled: 'no_files',
  file_uploads_except_images_disabled: 'no_files',
  posting_to_channel_denied: 'no_files',
  storage_limit_reached: 'no_files',
  // what the operator can set right, after which the same call works
  account_inactive: 'passing',
  invalid_auth: 'passing',
  missing_scope: 'passing',
  not_authed: 'passing',
  token_expired: 'passing',
  token_revoked: 'passing',
  // what is on Slack's side
  fatal_error: 'passing',
  internal_error: 'passing',
  ratelimited: 'passing',
  rate_limited: 'passing',
  request_timeout: 'passing',
  service_unavailable: 'passing',
  team_added_to_org: 'passing',
  accesslimited: 'passing',
  ekm_access_denied: 'passing',
  external_channel_migrating: 'passing',
  message_limit_exceeded: 'passing',
  org_login_required: 'passing',
  team_not_found: 'passing',
  two_factor_setup_required: 'passing',
  update_failed: 'passing',
}

/** Channels in which nobody writes, whether the bot is in them or not. */
const CLOSED_CHANNELS = [
  'is_archived',
  'restricted_action',
  'restricted_action_read_only_channel',
  'restricted_action_non_threadable_channel',
  'no_permission',
]

/** The errors by which Slack says that it doesn't know a token, or no longer. */
const TOKEN_ERRORS = ['account_inactive', 'invalid_auth', 'not_authed', 'token_expired', 'token_revoked']

/** What Slack's answer means for a card. A fault of the connection, of its servers or of its rates passes. */
export function chatErrorOf(error: unknown): ChatError {
  if (error instanceof ChatError) return error
  const message = isForeign(error) ? 'an answer that isn’t Slack’s' : reasonOf(error)
  const asked =
    error instanceof webApi.WebAPIRateLimitedError ? { retryAfterMs: error.retryAfter * 1000 } : {}
  return new ChatError(faultOf(error), message, { cause: error, ...asked })
}

/** The error's name, where Slack has answered with one. */
export function slackErrorOf(error: unknown): string | null {
  return error instanceof webApi.WebAPIPlatformError && !isForeign(error) ? error.data.error : null
}

/** The client takes whatever is no JSON, such as a proxy's page, for the name of an error. */
function isForeign(error: unknown): boolean {
  return error instanceof webApi.WebAPIPlatformError && !/^[a-z0-9_]+$/.test(error.data.error)
}

/** Whether it helps nothing to invite the bot. */
export function isClosedChannel(error: unknown): boolean {
  return CLOSED_CHANNELS.includes(slackErrorOf(error) ?? '')
}

/** Whether Slack doesn't know a token, or no longer. */
export function isTokenRefused(error: unknown): boolean {
  return TOKEN_ERRORS.includes(slackErrorOf(error) ?? '')
}

/** Whether Slack refused blocks for this part of them; it names each by a JSON pointer. */
export function refusesPart(error: unknown, part: string): boolean {
  if (!(error instanceof webApi.WebAPIPlatformError) || error.data.error !== 'invalid_blocks') return false
  return (error.data.response_metadata?.messages ?? []).some((message) => message.includes(part))
}

function faultOf(error: unknown): ChatFault {
  const name = slackErrorOf(error)
  if (name !== null) return FAULTS[name] ?? 'refused'
  // Slack itself refuses by names alone: another status is of something on the way
  return error instanceof webApi.WebAPIHTTPError && error.statusCode === 413 ? 'too_large' : 'passing'
}
