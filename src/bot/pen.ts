import type { Card } from '../core/card.ts'
import { reasonOf, UserError } from '../core/errors.ts'
import { endsJob, type JobEvent } from '../core/event.ts'
import type { Film, Job } from '../core/job.ts'
import { expectedEnd } from '../core/outlook.ts'
import type { Log } from '../core/ports.ts'
import type { Clock } from './clock.ts'
import { type CardMedia, ChatError, type ChatPlatform } from './platform.ts'
import type { BotService } from './service.ts'
import { type CardState, cardView, type FilmOnCard, LINK_DAYS } from './view.ts'

export interface PenDeps {
  service: BotService
  platform: ChatPlatform
  clock: Clock
  log: Log
}

/** Least time between two edits of a card: a part of its age, so that an hour allows a minute's rhythm. Milliseconds. */
const GAP_MIN_MS = 2000
const GAP_OF_AGE = 1 / 60

/** How long a card stands before it is written anew though nothing has happened, because it said to be ready by now. */
const STALE_MIN_MS = 30_000

/**
 * The pause after an edit that may work later, doubled each time up to the last; milliseconds. Discord counts the edits of messages
 * that are older than an hour, and doesn't say for how long.
 */
const PAUSE_MS = {
  passing: { first: 5000, last: 5 * 60_000 },
  too_often: { first: 15_000, last: 10 * 60_000 },
}

/** An end is what everybody waits for: it is sent so often before a refusal that may have been somebody's mistake is believed. */
export const END_TRIES = 3

/** A card that will be out of reach is given its last words so long before, in milliseconds. */
const LAST_WORDS_MS = 60_000

const WHOLE_FILM = 'film.mp4'
const SMALLER_FILM = 'film-smaller.mp4'

/** A file that any place takes, in bytes: Discord's least limit. */
export const FILE_BYTES_SAFE = 10 * 1024 * 1024

/** What is tried, in bytes, for a film that was too large or could not be sent; 0: no film. */
const FILE_STEPS = [FILE_BYTES_SAFE, 8_000_000, 0]

/** So often a film is sent in vain before a smaller one is tried. */
const FILM_TRIES = 2

/** Writes a job's states into its card, as often as may be. */
export interface Pen {
  /** When the card should be written next for these events, in milliseconds; null: nothing is left to write. */
  dueAt(events: readonly JobEvent[]): number | null
  /** Shows the newest of these events. Never throws for the chat's sake. */
  write(events: readonly JobEvent[], signal: AbortSignal): Promise<void>
  /** How the finished film stands on the card, as far as it is known. */
  film(): FilmOnCard
}

/** Takes up a card where it was left. */
export function createPen(deps: PenDeps, card: Card): Pen {
  const { service, platform, clock } = deps
  const log = { job_id: card.jobId, chat: platform.name }
  let shownSeq = card.shownSeq
  let writable = !card.deleted
  let lastEdit = 0
  /** Until when it pauses. An end waits only as long as the platform asked for, and after its own failures. Milliseconds. */
  let pause = { until: 0, ofEnd: 0 }
  let failures = 0
  let refusals = 0
  /** When the time left that the card says has passed. What an earlier process said isn't known. */
  let staleAt: number | null = card.shownSeq === 0 ? null : clock.now() + STALE_MIN_MS
  let fileLimit = platform.fileLimit(card)
  /** What went with the newest edit, and how often a film of this limit was sent in vain. */
  let sent: CardMedia | null = null
  let filmFailures = 0
  let filmShown: FilmOnCard | null = null
  let usual: number | null = null
  /** The end has been shown without its film, which is too big as it is or could not be sent: the next time with one. */
  let endIsShown = false

  async function filmOf(film: Film, signal: AbortSignal): Promise<CardMedia | 'later' | null> {
    if (fileLimit === 0) return null
    // what everybody waits for doesn't wait for a film that can't be sent
    if (filmFailures > 0 && !endIsShown) return 'later'
    if (film.file_size <= fileLimit) return { kind: 'film', name: WHOLE_FILM, data: await bytesOf(film.key) }
    return endIsShown ? smallerFilm(signal) : 'later'
  }

  async function smallerFilm(signal: AbortSignal): Promise<CardMedia | null> {
    try {
      const megabytes = Math.floor(fileLimit / 1e6)
      const [key = ''] = await service.preview(card.jobId, [{ kind: 'smaller', megabytes }], signal)
      return { kind: 'film', name: SMALLER_FILM, data: await bytesOf(key) }
    } catch (error) {
      if (signal.aborted) throw error
      const expected = error instanceof UserError && error.detail.code === 'size_unreachable'
      if (!expected) deps.log.warn({ ...log, err: error }, 'no smaller version of a film')
      return null
    }
  }

  async function pictureOf(job: Job, signal: AbortSignal): Promise<CardMedia | null> {
    try {
      const data =
        job.film === null
          ? await service.lastFrame(job.id, signal)
          : await bytesOf((await service.preview(job.id, [{ kind: 'poster' }], signal))[0] ?? '')
      return data && { kind: 'picture', name: 'frame.jpg', data }
    } catch (error) {
      if (signal.aborted) throw error
      // a card without a picture still says all that matters
      deps.log.warn({ ...log, err: error }, 'no picture for a card')
      return null
    }
  }

  async function bytesOf(key: string): Promise<Buffer> {
    const parts: Uint8Array[] = []
    for await (const part of await service.objects.read(key)) parts.push(part)
    return Buffer.concat(parts)
  }

  async function compose(events: readonly JobEvent[], signal: AbortSignal) {
    const job = await service.jobs.get(card.jobId)
    if (job === null) return null
    const latest = events.at(-1)
    const ended = latest?.type === 'completed' && job.film !== null
    const found = ended ? await filmOf(latest.film, signal) : null
    const film = found === 'later' ? null : found
    const media = film ?? (await pictureOf(job, signal))
    const model = await service.modelOf(job.id)
    usual ??= (await service.jobs.usualSeconds(model.id)) ?? model.renderSeconds
    const until = platform.editableUntil(card)
    const state: CardState = {
      job,
      chat: platform.name,
      segments: await service.jobs.segments(job.id),
      events,
      model,
      usualSeconds: usual,
      link: await filmLink(service, job),
      film: found === 'later' ? 'pending' : filmOn(film),
      lastWords: until !== null && clock.now() >= until - LAST_WORDS_MS,
      now: new Date(clock.now()),
    }
    return { state, media, whole: found !== 'later' }
  }

  /** Returns whether these events need no further edit. */
  async function send(events: readonly JobEvent[], signal: AbortSignal): Promise<boolean> {
    const composed = await compose(events, signal)
    if (composed === null) {
      writable = false
      return true
    }
    const { state, media, whole } = composed
    const view = cardView(state)
    sent = media
    let shownFilm = state.film
    await platform.edit(card, view, media).catch(async (error) => {
      const { fault } = asChatError(error)
      const isForMedia = fault === 'refused' || (fault === 'too_large' && media?.kind === 'picture')
      if (media === null || !isForMedia) throw error
      deps.log.error({ ...log, err: error }, 'a card was refused, and is shown without its picture')
      shownFilm = media.kind === 'film' ? 'absent' : state.film
      await platform.edit(card, cardView({ ...state, film: shownFilm }), null)
    })
    if (events.at(-1)?.type === 'completed') filmShown = shownFilm
    failures = 0
    const expected = expectedEnd(state)?.getTime() ?? null
    staleAt = expected === null ? null : Math.max(expected, clock.now() + STALE_MIN_MS)
    if (state.lastWords) writable = false
    endIsShown = !whole
    return whole
  }

  function tryLess(): void {
    fileLimit = FILE_STEPS.find((bytes) => bytes < fileLimit) ?? 0
    filmFailures = 0
  }

  async function settle(events: readonly JobEvent[], error: ChatError): Promise<void> {
    const about = { ...log, fault: error.fault, reason: reasonOf(error) }
    const ended = isEnd(events.at(-1))
    if (ended && error.fault === 'refused') refusals += 1
    switch (ended && error.fault === 'refused' && refusals < END_TRIES ? 'passing' : error.fault) {
      case 'gone':
      case 'no_access':
        writable = false
        // access may come back before the end, and another start tries again
        if (error.fault === 'gone' || ended) await service.cards.gone(card)
        deps.log.info(about, 'a card can no longer be edited')
        return
      case 'no_files':
        fileLimit = 0
        return
      case 'too_large':
      case 'refused':
        if (error.fault === 'too_large' && fileLimit > 0) {
          tryLess()
          return
        }
        // the same again would be refused again
        await passed(events)
        deps.log.error(about, 'a card was refused')
        return
      default: {
        const { first, last } = PAUSE_MS[error.fault === 'too_often' ? 'too_often' : 'passing']
        const asked = error.retryAfterMs ?? 0
        const until = clock.now() + Math.max(asked, Math.min(first * 2 ** failures, last))
        pause = { until, ofEnd: ended ? until : clock.now() + asked }
        failures += 1
        // a platform that asks to wait says nothing of the film
        if (error.fault === 'passing' && asked === 0 && sent?.kind === 'film') filmFailures += 1
        if (filmFailures === FILM_TRIES) tryLess()
        deps.log.warn(about, 'a card could not be edited, and is tried again')
      }
    }
  }

  async function passed(events: readonly JobEvent[]): Promise<void> {
    shownSeq = events.at(-1)?.seq ?? shownSeq
    await service.cards.shown(card, shownSeq)
  }

  return {
    dueAt(events) {
      const latest = events.at(-1)
      if (!writable || latest === undefined) return null
      const age = clock.now() - card.createdAt.getTime()
      // the end is the last edit but one at most: it waits for no rhythm, and for no pause but its own
      const gap = isEnd(latest) ? GAP_MIN_MS : Math.max(GAP_MIN_MS, age * GAP_OF_AGE)
      const allowed = Math.max(lastEdit + gap, isEnd(latest) ? pause.ofEnd : pause.until)
      if (latest.seq > shownSeq) return allowed
      if (isEnd(latest)) return null
      const until = platform.editableUntil(card)
      const wishes = [staleAt, until === null ? null : until - LAST_WORDS_MS].filter((at) => at !== null)
      return wishes.length === 0 ? null : Math.max(allowed, Math.min(...wishes))
    },

    film: () => filmShown ?? (writable ? 'pending' : 'absent'),

    async write(events, signal) {
      try {
        const behind = events.filter(({ seq }) => seq > shownSeq).length
        const whole = await send(events, signal)
        service.metrics.edited(platform.name, 'made')
        if (behind > 1) service.metrics.edited(platform.name, 'dropped', behind - 1)
        if (whole) await passed(events)
      } catch (error) {
        if (signal.aborted) return
        service.metrics.edited(platform.name, 'failed')
        await settle(events, asChatError(error)).catch((err) =>
          deps.log.error({ ...log, err }, 'cannot note what became of a card'),
        )
      } finally {
        lastEdit = clock.now()
      }
    },
  }
}

/** Where people can see a job's film: on its page, else at the store itself; null where there is no film, or nobody else can open it. */
export async function filmLink(
  { objects, pages }: Pick<BotService, 'objects' | 'pages'>,
  { id, film }: Pick<Job, 'id' | 'film'>,
): Promise<string | null> {
  if (film === null) return null
  if (pages !== null) return pages.film(id)
  if (objects.file(film.key) !== null) return null
  return objects.link(film.key, { seconds: LINK_DAYS * 24 * 3600, name: 'film.mp4' })
}

/** What fails on our side, such as a database that is away, may work later too. */
export function asChatError(error: unknown): ChatError {
  if (error instanceof ChatError) return error
  return new ChatError('passing', reasonOf(error), { cause: error })
}

function filmOn(film: CardMedia | null): FilmOnCard {
  if (film === null) return 'absent'
  return film.name === WHOLE_FILM ? 'attached' : 'smaller'
}

function isEnd(event: JobEvent | undefined): boolean {
  return event !== undefined && endsJob(event)
}
