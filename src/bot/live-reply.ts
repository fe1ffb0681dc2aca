import { randomUUID } from 'node:crypto'
import type { Card } from '../core/card.ts'
import { endsJob, type JobEvent } from '../core/event.ts'
import { openFeed } from './feed.ts'
import { asChatError, createPen, END_TRIES, filmLink, type PenDeps } from './pen.ts'
import { type FilmOnCard, noticeView } from './view.ts'

/** Follows jobs, and keeps their cards true. What goes wrong in a chat is logged and never reaches a job. */
export interface LiveReplies {
  /**
   * Follows a job's card to its end, unless another process does. One that is followed already begins anew: its job is tried again, or it
   * can be edited again.
   */
  follow(job: Pick<Card, 'jobId'>): void
  /** Takes up every card that another process left, now and from now on. */
  takeUp(): Promise<void>
  /** Stops following, and waits for what is being sent. */
  stop(): Promise<void>
}

/** After a notice that could not be sent, or a card that could not be followed, doubled each time up to the last. Milliseconds. */
const RETRY_MS = { first: 5000, last: 5 * 60_000 }

const retryMs = (failures: number) => Math.min(RETRY_MS.first * 2 ** failures, RETRY_MS.last)

/** How long a process may be silent before its cards go to another, and how often it speaks and looks for others'. Milliseconds. */
const LEASE_MS = 15_000
const RENEW_EVERY_MS = 5000

/** How long a person's message waits for the card to show the same. Milliseconds. */
const CARD_FIRST_MS = 5000

/** The live replies of one chat platform. */
export function createLiveReplies(deps: PenDeps): LiveReplies {
  const { service, platform, clock, log } = deps
  const stopping = new AbortController()
  const holder = randomUUID()
  const running = new Map<string, { done: Promise<void>; stop: AbortController; again: boolean }>()

  /** `force`: even where another process follows it, which then stops. */
  function begin(jobId: string, force: boolean): void {
    if (stopping.signal.aborted) return
    const before = running.get(jobId)
    if (before !== undefined) {
      before.again = true
      before.stop.abort()
      return
    }
    const stop = new AbortController()
    const done = followJob(jobId, force, AbortSignal.any([stopping.signal, stop.signal])).finally(() => {
      running.delete(jobId)
      if (run.again) begin(jobId, force)
    })
    const run = { done, stop, again: false }
    running.set(jobId, run)
  }

  /** A database that is away for a moment, or anything else of ours, leaves no card behind. */
  async function followJob(jobId: string, force: boolean, stop: AbortSignal): Promise<void> {
    for (let failures = 0; !stop.aborted; failures += 1) {
      try {
        const card = await service.cards.of(jobId, platform.name)
        if (card === null || !(await service.cards.hold(card, holder, LEASE_MS, force))) return
        const isMine = () => service.cards.hold(card, holder, LEASE_MS, false)
        const done = await followCard(deps, card, isMine, stop)
        await service.cards.letGo(card, holder, done)
        return
      } catch (error) {
        log.error({ job_id: jobId, err: error }, 'a card could not be followed, and is tried again')
        await clock.sleep(retryMs(failures), stop)
      }
    }
  }

  async function look(): Promise<void> {
    for (const { jobId } of await service.cards.waiting(platform.name)) {
      if (!running.has(jobId)) begin(jobId, false)
    }
  }

  /** Says that this process is there, and looks for cards of others that aren't. */
  async function keep(): Promise<void> {
    for (;;) {
      await clock.sleep(RENEW_EVERY_MS, stopping.signal)
      if (stopping.signal.aborted) return
      try {
        await service.cards.renew(holder, LEASE_MS)
        await look()
      } catch (error) {
        log.warn({ chat: platform.name, err: error }, 'cannot keep the cards that are followed: trying again')
      }
    }
  }

  return {
    follow: (card) => begin(card.jobId, platform.hasToken(card)),
    async takeUp() {
      await look()
      void keep()
    },
    async stop() {
      stopping.abort()
      await Promise.all([...running.values()].map(({ done }) => done))
    },
  }
}

/**
 * One card: whenever something has happened and an edit is allowed, the newest state is shown; the end is told of once. An edit that takes
 * its time keeps nobody's message waiting. Whether the card is still this process' own is asked before each edit and message. Returns
 * whether nothing is left to do.
 */
async function followCard(
  deps: PenDeps,
  card: Card,
  isMine: () => Promise<boolean>,
  stop: AbortSignal,
): Promise<boolean> {
  const { clock } = deps
  const done = new AbortController()
  const signal = AbortSignal.any([stop, done.signal])
  let writing: Promise<void> | null = null
  try {
    const feed = await openFeed(deps.service.events, card.jobId, clock, signal)
    const pen = createPen(deps, card)
    const messenger = createMessenger(deps, card, pen.film)
    /** The newest event that the card was written for, well or not, and when it was first seen. */
    let written = 0
    let seen = { seq: 0, at: 0 }
    while (!stop.aborted) {
      const events = [...feed.events]
      const latest = events.at(-1)
      const seq = latest?.seq ?? 0
      if (seq > seen.seq) seen = { seq, at: clock.now() }
      const writeAt: number | null = writing === null ? pen.dueAt(events) : null
      if (writeAt !== null && writeAt <= clock.now()) {
        if (!(await isMine())) return false
        writing = pen.write(events, signal).finally(() => {
          writing = null
          written = seq
          feed.wake()
        })
        continue
      }
      // the card shows the end first, where that is a matter of seconds
      const patience = seen.at + CARD_FIRST_MS
      const cardFirst = written < seq && (writing !== null || (writeAt !== null && writeAt <= patience))
      const messageAt = messenger.dueAt(events)
      const tellAt = messageAt !== null && cardFirst ? Math.max(messageAt, patience) : messageAt
      if (tellAt !== null && tellAt <= clock.now()) {
        if (!(await isMine())) return false
        await messenger.tell(events)
        continue
      }
      const due = [writeAt, tellAt].filter((at) => at !== null)
      if (due.length === 0 && writing === null && latest !== undefined && endsJob(latest)) return true
      await feed.changed(seq, due.length === 0 ? null : Math.min(...due))
    }
    return false
  } finally {
    done.abort()
    await writing
  }
}

/** Tells a card's person of each end. */
interface Messenger {
  /** When it should be tried next for these events, in milliseconds; null: nobody is to be told. */
  dueAt(events: readonly JobEvent[]): number | null
  tell(events: readonly JobEvent[]): Promise<void>
}

/**
 * An end is marked as told after the message was sent, so that a process that dies in between leaves it to the next one; the
 * platform takes a second message with the same key for the first one. A job that is tried again has a new end, and a new key.
 */
function createMessenger(deps: PenDeps, card: Card, filmOnCard: () => FilmOnCard): Messenger {
  const { service, platform, clock } = deps
  let toldOf = card.notifiedAt?.getTime() ?? 0
  let notBefore = 0
  let failures = 0

  async function send(end: JobEvent): Promise<void> {
    const job = await service.jobs.get(card.jobId)
    if (job === null) return
    const link = await filmLink(service, job)
    const notice = noticeView(job, end, link, filmOnCard())
    if (notice === null) return
    const key = `${card.jobId}/${end.seq}`
    try {
      await platform.direct(card, notice, key, end.at)
    } catch (error) {
      const { fault } = asChatError(error)
      if (fault === 'passing' || fault === 'too_often') throw error
      deps.log.info({ job_id: card.jobId, fault }, 'no direct message: mentioning the person instead')
      await platform.mention(card, notice, key, end.at).catch((refusal) => {
        const { fault: why } = asChatError(refusal)
        if (why === 'passing' || (why === 'refused' && failures + 1 < END_TRIES)) throw refusal
        deps.log.warn({ job_id: card.jobId, err: refusal }, 'nobody could be told of an end')
      })
    }
  }

  return {
    dueAt(events) {
      const end = events.at(-1)
      return end !== undefined && endsJob(end) && end.at.getTime() > toldOf ? notBefore : null
    },
    async tell(events) {
      const end = events.at(-1)
      if (end === undefined) return
      try {
        await send(end)
        await service.cards.notified(card, end.at)
        toldOf = end.at.getTime()
      } catch (error) {
        const asked = asChatError(error).retryAfterMs ?? 0
        notBefore = clock.now() + Math.max(asked, retryMs(failures))
        failures += 1
        deps.log.warn({ job_id: card.jobId, err: error }, 'an end could not be told of, and is tried again')
      }
    },
  }
}
