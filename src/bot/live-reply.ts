import type { Card } from '../core/card.ts'
import { endsJob, type JobEvent } from '../core/event.ts'
import { openFeed } from './feed.ts'
import { asChatError, createPen, filmLink, type PenDeps } from './pen.ts'
import { noticeView } from './view.ts'

/** Follows jobs, and keeps their cards true. What goes wrong in a chat is logged and never reaches a job. */
export interface LiveReplies {
  /** Follows a card to its job's end; once more for a job that goes on after its end. */
  follow(card: Card): void
  /** Takes up every card that an earlier process left. */
  takeUp(): Promise<void>
  /** Stops following, and waits for what is being sent. */
  stop(): Promise<void>
}

/** After a notice that could not be sent, doubled each time up to the last. Milliseconds. */
const RETRY_MS = { first: 5000, last: 5 * 60_000 }

/** How long a person's message waits for the card to show the same. Milliseconds. */
const CARD_FIRST_MS = 5000

/** The live replies of one chat platform. */
export function createLiveReplies(deps: PenDeps): LiveReplies {
  const stopping = new AbortController()
  const running = new Map<string, Promise<void>>()
  const again = new Map<string, Card>()

  function follow(card: Card): void {
    if (stopping.signal.aborted) return
    if (running.has(card.jobId)) {
      again.set(card.jobId, card)
      return
    }
    const run = followCard(deps, card, stopping.signal)
      .catch((error) => deps.log.error({ job_id: card.jobId, err: error }, 'a card is no longer followed'))
      .finally(async () => {
        running.delete(card.jobId)
        const next = again.get(card.jobId)
        again.delete(card.jobId)
        if (next) follow(next)
      })
    running.set(card.jobId, run)
  }

  return {
    follow,
    async takeUp() {
      for (const card of await deps.service.cards.open(deps.platform.name)) follow(card)
    },
    async stop() {
      stopping.abort()
      await Promise.all(running.values())
    },
  }
}

/** One card: whenever something has happened and an edit is allowed, the newest state is shown; the end is told of once. */
async function followCard(deps: PenDeps, card: Card, stop: AbortSignal): Promise<void> {
  const done = new AbortController()
  const signal = AbortSignal.any([stop, done.signal])
  try {
    const feed = await openFeed(deps.service.events, card.jobId, deps.clock, signal)
    const pen = createPen(deps, card)
    const messenger = createMessenger(deps, card)
    let written = 0
    while (!stop.aborted) {
      const events = [...feed.events]
      const latest = events.at(-1)
      const seq = latest?.seq ?? 0
      const writeAt = pen.dueAt(events)
      if (writeAt !== null && writeAt <= deps.clock.now()) {
        await pen.write(events, stop)
        written = seq
      }
      const nextWrite = pen.dueAt(events)
      // the card shows the end first, where that is a matter of seconds
      const cardFirst = written < seq && nextWrite !== null && nextWrite <= deps.clock.now() + CARD_FIRST_MS
      const tellAt = cardFirst ? null : messenger.dueAt(events)
      if (tellAt !== null && tellAt <= deps.clock.now()) await messenger.tell(events)

      const due = [nextWrite, cardFirst ? null : messenger.dueAt(events)].filter((at) => at !== null)
      if (due.length === 0 && latest !== undefined && endsJob(latest)) return
      await feed.changed(seq, due.length === 0 ? null : Math.min(...due))
    }
  } finally {
    done.abort()
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
function createMessenger(deps: PenDeps, card: Card): Messenger {
  const { service, platform, clock } = deps
  let toldOf = card.notifiedAt?.getTime() ?? 0
  let notBefore = 0
  let failures = 0

  async function send(end: JobEvent): Promise<void> {
    const job = await service.jobs.get(card.jobId)
    if (job === null) return
    const link = job.film === null ? null : await filmLink(service, job.film)
    const notice = noticeView(job, end, link)
    if (notice === null) return
    const key = `${card.jobId}/${end.seq}`
    try {
      await platform.direct(card, notice, key, end.at)
    } catch (error) {
      const { fault } = asChatError(error)
      if (fault === 'passing' || fault === 'too_often') throw error
      deps.log.info({ job_id: card.jobId, fault }, 'no direct message: mentioning the person instead')
      await platform.mention(card, notice, key, end.at).catch((refusal) => {
        if (asChatError(refusal).fault === 'passing') throw refusal
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
        notBefore = clock.now() + Math.max(asked, Math.min(RETRY_MS.first * 2 ** failures, RETRY_MS.last))
        failures += 1
        deps.log.warn({ job_id: card.jobId, err: error }, 'an end could not be told of, and is tried again')
      }
    },
  }
}
