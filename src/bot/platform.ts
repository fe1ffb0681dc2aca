import type { Card, ChatName } from '../core/card.ts'
import type { CardView, NoticeView } from './view.ts'

/** A file on a card: a picture (JPEG) or the film (MP4). */
export interface CardMedia {
  kind: 'picture' | 'film'
  name: string
  data: Buffer
}

/** What a chat platform does for live replies. Every method but the three that ask throws `ChatError`. */
export interface ChatPlatform {
  name: ChatName
  /** The largest file that a card may carry, in bytes. */
  fileLimit(card: Card): number
  /** When a card can no longer be edited, in milliseconds; null: as long as its message is there. */
  editableUntil(card: Card): number | null
  /** This process alone may be able to edit the card: it has the token of an interaction that no other knows. */
  hasToken(card: Pick<Card, 'jobId'>): boolean
  /** Shows a card anew. Shows it whole: what an earlier edit had and this one hasn't is gone. */
  edit(card: Card, view: CardView, media: CardMedia | null): Promise<void>
  /**
   * Sends a card's person a direct message. The same `key` never makes a second message, whatever process sends it, as far
   * as the platform can tell; `end` is when what it tells of happened.
   */
  direct(card: Card, notice: NoticeView, key: string, end: Date): Promise<void>
  /** Mentions the person where the card stands, with the same promise. */
  mention(card: Card, notice: NoticeView, key: string, end: Date): Promise<void>
}

/**
 * Why a chat refused: `gone` the message or its channel was deleted · `no_access` the bot can't reach it · `closed` the person
 * takes no direct messages · `too_often` the message was edited too often · `too_large` the file is too big · `no_files` the place
 * takes no files of the bot's · `refused` what was sent isn't valid · `passing` anything that may work later.
 */
export type ChatFault =
  | 'gone'
  | 'no_access'
  | 'closed'
  | 'too_often'
  | 'too_large'
  | 'no_files'
  | 'refused'
  | 'passing'

/** A chat platform's refusal or failure. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly fault: ChatFault
  /** How long the platform wants to be left alone, in milliseconds; null where it doesn't say. */
  readonly retryAfterMs: number | null

  constructor(fault: ChatFault, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options)
    this.fault = fault
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}
