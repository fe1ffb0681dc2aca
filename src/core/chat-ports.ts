import type { Card, ChatName } from './card.ts'

/** Where jobs' cards stand in chats. A card is added with its job. */
export interface CardStore {
  /** A job's card on a platform. */
  of(jobId: string, platform: ChatName): Promise<Card | null>
  /** The cards that wait for a process to follow them, oldest first: new ones, those that were left, and those whose holder went silent. */
  waiting(platform: ChatName): Promise<Card[]>
  /** Takes a card for `leaseMs`, or keeps it, so that one process alone writes it. False where another holds it, unless `force`. */
  hold(card: Card, holder: string, leaseMs: number, force: boolean): Promise<boolean>
  /** Keeps all that a process holds for another `leaseMs`. */
  renew(holder: string, leaseMs: number): Promise<void>
  /** Leaves a card that one holds. `done`: until its job is tried again there is nothing more to do; else it waits for the next process. */
  letGo(card: Card, holder: string, done: boolean): Promise<void>
  /** Frees every card: for a store that no other process can have open. */
  releaseAll(): Promise<void>
  /** The card shows this event; it never goes back. */
  shown(card: Card, seq: number): Promise<void>
  /** There is nothing more to show where it stands. */
  gone(card: Card): Promise<void>
  /** Its person was told of the end that happened at `end`. Compare-and-set: false where they had been told already. */
  notified(card: Card, end: Date): Promise<boolean>
}

/** What one process at a time does for all on one database: to be connected to a chat. */
export interface Offices {
  /** Null where another process holds the office. */
  take(office: ChatName): Promise<Term | null>
}

/** An office that this process holds. */
export interface Term {
  /** Aborts when the office may have gone to another process. */
  lost: AbortSignal
  leave(): Promise<void>
}
