/** Where a job's card stands in a chat, and whose it is. `team` is the workspace on platforms that have one, else empty. */
export interface CardPlace {
  platform: ChatName
  team: string
  channelId: string
  messageId: string
  externalUserId: string
}

/** A job as a chat shows it. */
export interface Card extends CardPlace {
  jobId: string
  /** The event that was shown last; 0: none yet. */
  shownSeq: number
  /** Its message was deleted, or is out of reach for good: there is nothing more to show. */
  deleted: boolean
  /** When the end happened that its person was told of last; a retried job has another one later. */
  notifiedAt: Date | null
  /** When its message was written, to the second at least: platforms let old messages be edited less often. */
  createdAt: Date
}

/** The chats that the bot is in. */
export type ChatName = 'discord' | 'slack'
