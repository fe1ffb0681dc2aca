import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { and, asc, eq, sql } from 'drizzle-orm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ErrorDetail, UserError } from '../../src/core/errors.ts'
import type { JobEvent } from '../../src/core/event.ts'
import type { Film } from '../../src/core/job.ts'
import type { Plan } from '../../src/core/plan.ts'
import { type Claim, ClaimLost, type NewJob } from '../../src/core/ports.ts'
import type { Segment } from '../../src/core/segment.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createEventLog } from '../../src/storage/event-log.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createPlanCache } from '../../src/storage/plan-cache.ts'
import {
  identities,
  jobLogs,
  jobs as jobsTable,
  segments as segmentsTable,
} from '../../src/storage/schema.ts'
import { UNMEASURED } from '../support/clips.ts'
import { DATABASES, NO_LIMITS, newJob, newUser, noEnlist, REQUEST, silentLog } from '../support/databases.ts'

const MINUTE = 60_000

const PLAN: Plan = {
  title: '네온 도시',
  shots: ['첫 장면', '둘째 장면', '셋째 장면'].map((title, i) => ({
    title,
    prompt: `shot ${i + 1}`,
    seconds: 4,
  })),
}

const FILM: Film = {
  key: 'films/a.mp4',
  duration: 11.9,
  width: 1280,
  height: 720,
  file_size: 1234,
  clips: ['films/a.segment-01.mp4'],
  check: {
    seconds: { planned: 11.9, picture: 11.9, sound: null },
    decodeError: 'error while decoding MB 77 43',
    seams: [{ at: 3.96, repeats: true, dissolves: false, ssim: 0.98, colour: 0.3, soundOffsetMs: -4.5 }],
    drift: [{ colour: 0, contrast: 0 }],
    black: [{ from: 1, to: 2 }],
    silent: [],
    encoded: { picture: [], sound: [2] },
  },
}

const UNKNOWN_OUTCOME: ErrorDetail = {
  code: 'render_outcome_unknown',
  data: { segment: 1, reason: 'the answer was lost' },
}
const REJECTED: ErrorDetail = { code: 'render_rejected', data: { segment: 1, reason: 'not allowed' } }

const REMOTE = {
  id: 'request-1',
  urls: { status: 'https://example.com/status', result: 'https://example.com/r' },
}

describe.each(DATABASES)('jobs in $name', async ({ open }) => {
  const database = await open()
  const { db } = database
  const jobs = createJobStore(db, changeText)
  const events = await createEventLog(database, silentLog)
  const plans = createPlanCache(db)

  /** Leads a job's first segment to its stored clip. */
  async function storedSegment(claim: Claim) {
    const sent = await jobs.moveSegment(claim, await segment(claim), 'submitting')
    const accepted = await jobs.moveSegment(claim, sent, 'submitted', { request: REMOTE })
    const rendered = await jobs.moveSegment(claim, accepted, 'rendered', { clipUrl: 'https://example.com' })
    return jobs.moveSegment(claim, rendered, 'stored')
  }

  async function submitted(changes: Partial<NewJob> = {}) {
    return jobs.submit(newJob(await newUser(jobs), changes), NO_LIMITS, noEnlist)
  }

  /** A job that a worker holds. */
  async function held(changes: Partial<NewJob> = {}): Promise<Claim> {
    const { id } = await submitted(changes)
    const claim = { jobId: id, worker: randomUUID() }
    await jobs.claim(id, claim.worker, MINUTE)
    return claim
  }

  async function generating(): Promise<Claim> {
    const claim = await held()
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, PLAN)
    return claim
  }

  async function failed(error: ErrorDetail = REJECTED): Promise<Claim> {
    const claim = await generating()
    await jobs.fail(claim, error)
    return claim
  }

  async function completed(): Promise<Claim> {
    const claim = await generating()
    await jobs.startMerging(claim)
    await jobs.complete(claim, FILM)
    return claim
  }

  async function segment(claim: Claim, index = 1): Promise<Segment> {
    const found = (await jobs.segments(claim.jobId))[index - 1]
    if (!found) throw new Error(`no segment ${index}`)
    return found
  }

  /** Everything that is stored of a job, to see whether a refused write left a trace. */
  async function everything(jobId: string) {
    return {
      job: await db.select().from(jobsTable).where(eq(jobsTable.id, jobId)),
      segments: await db
        .select()
        .from(segmentsTable)
        .where(eq(segmentsTable.jobId, jobId))
        .orderBy(asc(segmentsTable.index)),
      events: await db.select().from(jobLogs).where(eq(jobLogs.jobId, jobId)).orderBy(asc(jobLogs.id)),
    }
  }

  async function lapse(claim: Claim) {
    await db
      .update(jobsTable)
      .set({ claimedUntil: sql`now() - interval '1 millisecond'` })
      .where(eq(jobsTable.id, claim.jobId))
  }

  const story = async (jobId: string) =>
    (await events.since(jobId, 0)).map(({ type, status, progress }) => ({ type, status, progress }))

  test('a job that is submitted again under its id is taken in once, at the same moment too, and whatever the limits', async () => {
    const userId = await newUser(jobs)
    const limits = { ...NO_LIMITS, activeJobs: 1 }
    const job = newJob(userId)
    const twice = await Promise.all([1, 2].map(() => jobs.submit(job, limits, noEnlist)))
    twice.push(await jobs.submit(job, limits, noEnlist))
    expect(twice.map(({ id }) => id)).toEqual([job.id, job.id, job.id])
    expect((await jobs.list(userId, 10)).map(({ id }) => id)).toEqual([job.id])
  })

  test('a submitted job can be read back as it was asked for, with its first event', async () => {
    const userId = await newUser(jobs)
    const asked = newJob(userId, { locale: 'en', request: { ...REQUEST, seconds: 12, image: true } })
    const answer = await jobs.submit(asked, NO_LIMITS, noEnlist)
    const expected = {
      ...asked,
      status: 'queued',
      progress: 0,
      film: null,
      error: null,
      cancelRequested: false,
    }
    expect(answer).toMatchObject(expected)
    expect(await jobs.get(asked.id)).toEqual(answer)
    expect(answer.createdAt.getTime()).toBeGreaterThan(Date.now() - MINUTE)
    expect(await story(asked.id)).toEqual([{ type: 'queued', status: 'queued', progress: 0 }])
  })

  test('a prompt is kept to the letter: quotes, line breaks, backslashes, emoji, decomposed Korean', async () => {
    const prompt = `'"; drop table jobs; --\\n\n\t$1 👩‍👩‍👧‍👦 ${'한국'.normalize('NFD')} {{max}}`
    const { id } = await submitted({ request: { ...REQUEST, prompt } })
    expect((await jobs.get(id))?.request.prompt).toBe(prompt)
  })

  test('one person on one platform stays the same user, another one is another', async () => {
    const identity = { platform: 'slack', team: 'T1', externalId: randomUUID() } as const
    const user = await jobs.userOf(identity)
    expect(await jobs.userOf(identity)).toBe(user)
    expect(await jobs.userOf({ ...identity, team: 'T2' })).not.toBe(user)
    expect(await jobs.userOf({ ...identity, platform: 'discord' })).not.toBe(user)
    expect(await jobs.userOf({ ...identity, externalId: randomUUID() })).not.toBe(user)
  })

  test('a person who writes for the first time with two commands at once is one user', async () => {
    const identity = { platform: 'discord', team: '', externalId: randomUUID() } as const
    const users = await Promise.all(Array.from({ length: 8 }, () => jobs.userOf(identity)))
    expect(new Set(users).size).toBe(1)
  })

  test('a person sees their own jobs alone, newest first', async () => {
    const userId = await newUser(jobs)
    const ids = []
    for (let i = 0; i < 3; i++) ids.unshift((await jobs.submit(newJob(userId), NO_LIMITS, noEnlist)).id)
    await submitted()
    expect((await jobs.list(userId, 10)).map(({ id }) => id)).toEqual(ids)
    expect((await jobs.list(userId, 2)).map(({ id }) => id)).toEqual(ids.slice(0, 2))
  })

  test('a person’s unfinished jobs are found behind any number of finished ones, and looking makes nobody known', async () => {
    const identity = { platform: 'discord', team: '', externalId: randomUUID() } as const
    expect(await jobs.unfinishedOf(identity, 1)).toEqual([])
    const known = () => db.select().from(identities).where(eq(identities.externalId, identity.externalId))
    expect(await known()).toEqual([])
    const userId = await jobs.userOf(identity)
    const { id } = await jobs.submit(newJob(userId), NO_LIMITS, noEnlist)
    const done = await jobs.submit(newJob(userId), NO_LIMITS, noEnlist)
    await db.update(jobsTable).set({ status: 'cancelled' }).where(eq(jobsTable.id, done.id))
    await submitted()
    expect((await jobs.unfinishedOf(identity, 1)).map((job) => job.id)).toEqual([id])
  })

  test('what a segment usually takes comes from the newest ones of its model', async () => {
    const claim = await generating()
    const model = `model-of-${claim.jobId}`
    expect(await jobs.usualSeconds(model)).toBeNull()
    await db.update(segmentsTable).set({ model }).where(eq(segmentsTable.jobId, claim.jobId))
    const told = { segment: 1, of: 3, title: 'a' }
    const sent = await jobs.moveSegment(claim, await segment(claim), 'submitting', {
      change: { type: 'segment_started', ...told },
    })
    const accepted = await jobs.moveSegment(claim, sent, 'submitted', { request: REMOTE })
    expect(await jobs.usualSeconds(model)).toBeNull()
    const rendered = await jobs.moveSegment(claim, accepted, 'rendered', { clipUrl: 'https://example.com' })
    await jobs.moveSegment(claim, rendered, 'stored', { change: { type: 'segment_done', ...told } })
    await db
      .update(jobLogs)
      .set({ timestamp: sql`${jobLogs.timestamp} - interval '80 seconds'` })
      .where(and(eq(jobLogs.jobId, claim.jobId), sql`${jobLogs.event} ->> 'type' = 'segment_started'`))
    expect(Math.round((await jobs.usualSeconds(model)) ?? 0)).toBe(80)
  })

  test('what was measured of a clip is kept until the segment is rendered again', async () => {
    const claim = await generating()
    const stored = await storedSegment(claim)
    const measures = { ...UNMEASURED, measured: 'bt709' } as const
    await jobs.recordClip(claim, stored, { measures })
    const seconds = { picture: 8, sound: null }
    const inspection = { seconds, decodeError: null, look: null, black: [], silent: [] }
    await jobs.recordClip(claim, stored, { inspection })
    expect((await jobs.clipRecords(claim.jobId))[0]).toEqual({ measures, inspection })
    // a segment that is not stored has no clip to keep anything of
    await jobs.recordClip(claim, { index: 2 }, { measures })
    expect((await jobs.clipRecords(claim.jobId))[1]).toEqual({ measures: null, inspection: null })
    const other = { ...claim, worker: randomUUID() }
    await expect(jobs.recordClip(other, stored, { measures })).rejects.toThrow(ClaimLost)
    // it is no part of what a card or a page reads
    expect(await segment(claim)).not.toHaveProperty('measures')
  })

  test('a model’s matrix is the one that most of its newest clips showed', async () => {
    const model = `model-of-${randomUUID()}`
    expect(await jobs.usualMatrix(model)).toBeNull()
    for (const measured of ['bt601', 'bt709', 'bt709', null] as const) {
      const claim = await generating()
      await jobs.recordClip(claim, await storedSegment(claim), { measures: { ...UNMEASURED, measured } })
      await db.update(segmentsTable).set({ model }).where(eq(segmentsTable.jobId, claim.jobId))
    }
    expect(await jobs.usualMatrix(model)).toBe('bt709')
  })

  test('what a person has asked for is counted as their limits are', async () => {
    const claim = await held()
    const userId = (await jobs.get(claim.jobId))?.userId ?? ''
    expect(await jobs.usage(userId)).toEqual({ lastHour: 1, active: 1 })
    await jobs.fail(claim, REJECTED)
    expect(await jobs.usage(userId)).toEqual({ lastHour: 1, active: 0 })
    const anHourAgo = sql`now() - interval '61 minutes'`
    await db.update(jobsTable).set({ createdAt: anHourAgo }).where(eq(jobsTable.id, claim.jobId))
    expect(await jobs.usage(userId)).toEqual({ lastHour: 0, active: 0 })
  })

  test('a new start finds the unfinished jobs, oldest first, and none that has ended', async () => {
    const first = await generating()
    const ended = [(await completed()).jobId, (await failed()).jobId]
    const second = await submitted()
    const found = (await jobs.unfinished()).map(({ id }) => id)
    expect(found.filter((id) => id === first.jobId || id === second.id)).toEqual([first.jobId, second.id])
    expect(found.filter((id) => ended.includes(id))).toEqual([])
  })

  test('a job goes from queued to completed, and each step is an event with its progress', async () => {
    const claim = await held()
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, PLAN)
    const change = { type: 'segment_done', segment: 1, of: 3, title: '첫 장면' } as const
    await jobs.moveSegment(claim, await segment(claim), 'submitting', {
      change: { ...change, type: 'segment_started' },
    })
    await jobs.moveSegment(claim, await segment(claim), 'submitted', { request: REMOTE })
    await jobs.moveSegment(claim, await segment(claim), 'rendered', { clipUrl: 'https://example.com/c.mp4' })
    await jobs.moveSegment(claim, await segment(claim), 'stored', { change, progress: 0.4 })
    await jobs.startMerging(claim)
    await jobs.complete(claim, FILM)

    expect(await story(claim.jobId)).toEqual([
      { type: 'queued', status: 'queued', progress: 0 },
      { type: 'planning', status: 'planning', progress: 0.1 },
      { type: 'planned', status: 'generating', progress: 0.2 },
      { type: 'segment_started', status: 'generating', progress: 0.2 },
      { type: 'segment_done', status: 'generating', progress: 0.4 },
      { type: 'merging', status: 'merging', progress: 0.9 },
      { type: 'completed', status: 'completed', progress: 1 },
    ])
    const said = await events.since(claim.jobId, 0)
    expect(said[2]).toMatchObject({ title: '네온 도시', shots: ['첫 장면', '둘째 장면', '셋째 장면'] })
    expect(said[4]).toMatchObject(change)
    expect(said.at(-1)).toMatchObject({ film: FILM, job_id: claim.jobId })
    expect(await jobs.get(claim.jobId)).toMatchObject({
      status: 'completed',
      progress: 1,
      title: '네온 도시',
      film: FILM,
      completedAt: expect.any(Date),
    })
  })

  test('a film of before films were checked is told of without a check', async () => {
    const { jobId } = await completed()
    await db.update(jobsTable).set({ film: sql`film - 'check'` }).where(eq(jobsTable.id, jobId))
    await db.update(jobLogs).set({ event: sql`event #- '{film,check}'` }).where(eq(jobLogs.jobId, jobId))
    const film = { ...FILM, check: null }
    expect((await jobs.get(jobId))?.film).toEqual(film)
    expect((await events.since(jobId, 0)).at(-1)).toMatchObject({ type: 'completed', film })
  })

  test.each(['queued', 'planning', 'generating', 'merging'] as const)(
    'a job that is %s can fail or be cancelled, and is free then',
    async (status) => {
      for (const ending of ['failed', 'cancelled'] as const) {
        const claim = await held()
        if (status !== 'queued') await jobs.startPlanning(claim)
        if (status === 'generating' || status === 'merging') await jobs.startGenerating(claim, PLAN)
        if (status === 'merging') await jobs.startMerging(claim)
        const before = await jobs.get(claim.jobId)
        expect(before?.status).toBe(status)
        await (ending === 'failed' ? jobs.fail(claim, REJECTED) : jobs.cancel(claim))
        const after = await jobs.get(claim.jobId)
        expect(after).toMatchObject({
          status: ending,
          progress: before?.progress,
          error: ending === 'failed' ? REJECTED : null,
        })
        expect((await events.since(claim.jobId, 0)).at(-1)).toMatchObject({ type: ending, status: ending })
        expect(await jobs.renew([claim], MINUTE)).toEqual([claim])
      }
    },
  )

  test('a step that a job is not ready for, or is past, is refused and changes nothing', async () => {
    const steps = {
      startPlanning: (claim: Claim) => jobs.startPlanning(claim),
      startGenerating: (claim: Claim) => jobs.startGenerating(claim, PLAN),
      startMerging: (claim: Claim) => jobs.startMerging(claim),
      complete: (claim: Claim) => jobs.complete(claim, FILM),
    }
    const allowed = {
      queued: 'startPlanning',
      planning: 'startGenerating',
      generating: 'startMerging',
      merging: 'complete',
    }
    const claim = await held()
    for (const [status, next] of Object.entries(allowed)) {
      for (const [name, step] of Object.entries(steps)) {
        if (name === next) continue
        const before = await everything(claim.jobId)
        await expect(step(claim), `${name} while ${status}`).rejects.toThrow(ClaimLost)
        expect(await everything(claim.jobId)).toEqual(before)
      }
      await steps[next as keyof typeof steps](claim)
    }
  })

  test('a job that has ended takes no more writes, and nobody can take it', async () => {
    const cancelled = await held()
    await jobs.cancel(cancelled)
    for (const claim of [await completed(), await failed(), cancelled]) {
      const before = await everything(claim.jobId)
      expect(await jobs.claim(claim.jobId, claim.worker, MINUTE)).toBeNull()
      await expect(jobs.fail(claim, REJECTED)).rejects.toThrow(ClaimLost)
      await expect(jobs.cancel(claim)).rejects.toThrow(ClaimLost)
      await expect(jobs.note(claim, { type: 'resumed' })).rejects.toThrow(ClaimLost)
      await expect(jobs.startPlanning(claim)).rejects.toThrow(ClaimLost)
      expect(await everything(claim.jobId)).toEqual(before)
    }
  })

  test('a second worker is refused while the first one’s lease lives, and gets the job once it ran out', async () => {
    const first = await held()
    const second = { jobId: first.jobId, worker: randomUUID() }
    expect(await jobs.claim(second.jobId, second.worker, MINUTE)).toBeNull()
    await lapse(first)
    expect(await jobs.claim(second.jobId, second.worker, MINUTE)).toMatchObject({ id: first.jobId })
    expect(await jobs.claim(first.jobId, first.worker, MINUTE)).toBeNull()
  })

  test('a lease that is renewed keeps others away for as long as it says', async () => {
    const first = await held()
    await lapse(first)
    expect(await jobs.renew([first], MINUTE)).toEqual([])
    expect(await jobs.claim(first.jobId, randomUUID(), MINUTE)).toBeNull()
    await jobs.renew([first], -1)
    expect(await jobs.claim(first.jobId, randomUUID(), MINUTE)).not.toBeNull()
  })

  test('of claims that are renewed together those are named that were lost, and the others are kept', async () => {
    const [kept, lost] = [await held(), await held()]
    for (const claim of [kept, lost]) await lapse(claim)
    const winner = randomUUID()
    await jobs.claim(lost.jobId, winner, MINUTE)
    expect(await jobs.renew([kept, lost], MINUTE)).toEqual([lost])
    expect(await jobs.claim(kept.jobId, randomUUID(), MINUTE)).toBeNull()
    expect(await jobs.claim(lost.jobId, winner, MINUTE)).not.toBeNull()
    expect(await jobs.renew([], MINUTE)).toEqual([])
  })

  test('of many workers that want a job at once, one gets it', async () => {
    const { id } = await submitted()
    const claims = await Promise.all(Array.from({ length: 10 }, () => jobs.claim(id, randomUUID(), MINUTE)))
    expect(claims.filter((job) => job !== null)).toHaveLength(1)
  })

  test('a worker whose job went to another can write nothing more, and lets go of nothing', async () => {
    const lost = await generating()
    const before = await segment(lost)
    await lapse(lost)
    const winner = { jobId: lost.jobId, worker: randomUUID() }
    await jobs.claim(lost.jobId, winner.worker, MINUTE)
    const stored = await everything(lost.jobId)
    const writes = [
      () => jobs.note(lost, { type: 'resumed' }),
      () => jobs.moveSegment(lost, before, 'submitting'),
      () => jobs.startMerging(lost),
      () => jobs.fail(lost, REJECTED),
      () => jobs.cancel(lost),
    ]
    for (const write of writes) await expect(write()).rejects.toThrow(ClaimLost)
    expect(await jobs.renew([lost], MINUTE)).toEqual([lost])
    await jobs.release(lost)
    expect(await everything(lost.jobId)).toEqual(stored)
    expect(await jobs.claim(lost.jobId, randomUUID(), MINUTE)).toBeNull()
  })

  test('a job that is let go is free at once, and goes on where it stood', async () => {
    const first = await generating()
    await jobs.release(first)
    const second = { jobId: first.jobId, worker: randomUUID() }
    expect(await jobs.claim(second.jobId, second.worker, MINUTE)).toMatchObject({ status: 'generating' })
    await jobs.note(second, { type: 'resumed' })
    expect((await story(first.jobId)).at(-1)).toEqual({
      type: 'resumed',
      status: 'generating',
      progress: 0.2,
    })
  })

  test('a process that has the store to itself frees every job at its start', async () => {
    const one = await held()
    const other = await generating()
    await jobs.releaseAll()
    expect(await jobs.claim(one.jobId, randomUUID(), MINUTE)).not.toBeNull()
    expect(await jobs.claim(other.jobId, randomUUID(), MINUTE)).not.toBeNull()
  })

  test('a plan opens one ledger row a shot, in order, with nothing asked for yet', async () => {
    const claim = await held()
    expect(await jobs.segments(claim.jobId)).toEqual([])
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, PLAN)
    expect(await jobs.segments(claim.jobId)).toEqual(
      PLAN.shots.map((shot, i) => ({
        ...shot,
        jobId: claim.jobId,
        index: i + 1,
        model: 'local',
        state: 'planned',
        request: null,
        clipUrl: null,
        costUsd: null,
        attempts: 0,
        updatedAt: expect.any(Date),
      })),
    )
  })

  test('the ledger keeps the request, the clip and the cost, and counts what the provider accepted', async () => {
    const claim = await generating()
    const move = async (...[to, fields]: [Segment['state'], Parameters<typeof jobs.moveSegment>[3]?]) => {
      const moved = await jobs.moveSegment(claim, await segment(claim, 2), to, fields)
      expect(await segment(claim, 2)).toEqual(moved)
      return moved
    }
    expect(await move('submitting')).toMatchObject({ attempts: 0, request: null })
    expect(await move('submitted', { request: REMOTE })).toMatchObject({ attempts: 1, request: REMOTE })
    expect(await move('rendered', { clipUrl: 'https://example.com/c.mp4', costUsd: 0.625 })).toMatchObject({
      request: REMOTE,
      clipUrl: 'https://example.com/c.mp4',
      costUsd: 0.625,
    })
    // what was delivered could not be used
    expect(await move('planned')).toMatchObject({ attempts: 1, request: null, clipUrl: null })
    await move('submitting')
    expect(await move('submitted', { request: { ...REMOTE, id: 'request-2' } })).toMatchObject({
      attempts: 2,
    })
    await move('rendered', { clipUrl: 'https://example.com/d.mp4' })
    expect(await move('stored')).toMatchObject({ state: 'stored', attempts: 2, request: { id: 'request-2' } })
    expect(await segment(claim, 1)).toMatchObject({ state: 'planned', attempts: 0 })
    expect(await segment(claim, 3)).toMatchObject({ state: 'planned', attempts: 0 })
  })

  test('a request that the provider never got goes back to planned without counting', async () => {
    const claim = await generating()
    const planned = await segment(claim)
    const submitting = await jobs.moveSegment(claim, planned, 'submitting')
    await jobs.moveSegment(claim, submitting, 'planned')
    expect(await segment(claim)).toEqual({ ...planned, updatedAt: expect.any(Date) })
  })

  test('a segment that has moved on meanwhile can’t be moved again from where it was', async () => {
    const claim = await generating()
    const stale = await segment(claim)
    await jobs.moveSegment(claim, stale, 'submitting')
    const before = await everything(claim.jobId)
    const change = { type: 'segment_started', segment: 1, of: 3, title: 'x' } as const
    await expect(jobs.moveSegment(claim, stale, 'submitting', { change, progress: 0.7 })).rejects.toThrow(
      ClaimLost,
    )
    expect(await everything(claim.jobId)).toEqual(before)
  })

  test('a segment makes no illegal move, and none before the job generates or after', async () => {
    const claim = await generating()
    const planned = await segment(claim)
    for (const to of ['planned', 'submitted', 'rendered', 'stored'] as const) {
      await expect(jobs.moveSegment(claim, planned, to, { request: REMOTE })).rejects.toThrow()
    }
    expect(await segment(claim)).toEqual(planned)
    await jobs.startMerging(claim)
    await expect(jobs.moveSegment(claim, planned, 'submitting')).rejects.toThrow(ClaimLost)
    expect(await segment(claim)).toEqual(planned)
  })

  test('progress never goes down: not by a late message, not by a retry', async () => {
    const claim = await generating()
    const submitting = await jobs.moveSegment(claim, await segment(claim), 'submitting', { progress: 0.6 })
    await jobs.moveSegment(claim, submitting, 'submitted', { request: REMOTE, progress: 0.3 })
    expect((await jobs.get(claim.jobId))?.progress).toBe(0.6)
    await jobs.fail(claim, REJECTED)
    await jobs.retry(claim.jobId, NO_LIMITS, noEnlist)
    await jobs.claim(claim.jobId, claim.worker, MINUTE)
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, null)
    const shown = (await story(claim.jobId)).map(({ progress }) => progress)
    expect(shown).toEqual(shown.toSorted((a, b) => a - b))
    expect(shown.at(-1)).toBe(0.6)
  })

  test('a retry keeps the title, the plan and every finished segment', async () => {
    const claim = await generating()
    let first = await jobs.moveSegment(claim, await segment(claim), 'submitting')
    first = await jobs.moveSegment(claim, first, 'submitted', { request: REMOTE })
    first = await jobs.moveSegment(claim, first, 'rendered', { clipUrl: 'https://example.com/c.mp4' })
    await jobs.moveSegment(claim, first, 'stored')
    await jobs.fail(claim, { code: 'render_rejected', data: { segment: 2, reason: 'no' } })
    const ledger = await jobs.segments(claim.jobId)
    expect(await jobs.retry(claim.jobId, NO_LIMITS, noEnlist)).toMatchObject({
      status: 'queued',
      error: null,
    })
    await jobs.claim(claim.jobId, claim.worker, MINUTE)
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, null)
    expect(await jobs.segments(claim.jobId)).toEqual(ledger)
    expect(await jobs.get(claim.jobId)).toMatchObject({ title: '네온 도시', status: 'generating' })
    expect((await events.since(claim.jobId, 0)).at(-1)).toMatchObject({
      type: 'planned',
      shots: PLAN.shots.map(({ title }) => title),
    })
  })

  test('a failure says why in the job’s own words, and in the language of who asked', async () => {
    for (const [locale, word] of [
      ['ko', '거절'],
      ['en', 'refused'],
    ] as const) {
      const claim = await held({ locale })
      await jobs.fail(claim, REJECTED)
      expect((await jobs.get(claim.jobId))?.error).toEqual(REJECTED)
      const rows = (await everything(claim.jobId)).events
      expect(rows.map(({ level }) => level)).toEqual(['INFO', 'ERROR'])
      expect(rows[0]?.message).toBe(changeText({ type: 'queued' }, locale))
      expect(rows[1]?.message).toContain(word)
      const [row] = (await everything(claim.jobId)).job
      expect(row?.errorMessage).toBe(rows[1]?.message)
    }
  })

  test.each([
    ['a NUL byte', 'frame\u0000 lost'],
    ['half an emoji, as cutting a text leaves it', '🚗'.slice(0, 1)],
  ])('a job can fail for a reason that holds %s', async (_, reason) => {
    const claim = await held()
    await jobs.fail(claim, { code: 'internal', data: { reason } })
    expect((await jobs.get(claim.jobId))?.status).toBe('failed')
  })

  test('asking to cancel is noted once, and leaves the job to who holds it', async () => {
    const claim = await generating()
    await jobs.requestCancel(claim.jobId)
    await jobs.requestCancel(claim.jobId)
    expect(await jobs.get(claim.jobId)).toMatchObject({ status: 'generating', cancelRequested: true })
    const asked = (await story(claim.jobId)).filter(({ type }) => type === 'cancel_requested')
    expect(asked).toHaveLength(1)
    await jobs.cancel(claim)
    expect(await jobs.get(claim.jobId)).toMatchObject({ status: 'cancelled' })
  })

  test('only an unfinished job can be cancelled, and the refusal says how it stands', async () => {
    const cancelled = await held()
    await jobs.cancel(cancelled)
    for (const claim of [await completed(), await failed(), cancelled]) {
      const before = await everything(claim.jobId)
      const status = before.job[0]?.status
      await expect(jobs.requestCancel(claim.jobId)).rejects.toMatchObject({
        detail: { code: 'job_not_cancellable', data: { job_id: claim.jobId, status } },
      })
      expect(await everything(claim.jobId)).toEqual(before)
    }
  })

  test('only a failed job can be retried, and the refusal says how it stands', async () => {
    const cancelled = await held()
    await jobs.cancel(cancelled)
    for (const claim of [await completed(), await generating(), cancelled]) {
      const before = await everything(claim.jobId)
      const status = before.job[0]?.status
      await expect(jobs.retry(claim.jobId, NO_LIMITS, noEnlist)).rejects.toMatchObject({
        detail: { code: 'job_not_retryable', data: { job_id: claim.jobId, status } },
      })
      expect(await everything(claim.jobId)).toEqual(before)
    }
  })

  test('of two retries at once one counts', async () => {
    const { jobId } = await failed()
    let enlisted = 0
    const outcomes = await Promise.allSettled(
      [1, 2].map(() =>
        jobs.retry(jobId, NO_LIMITS, async () => {
          enlisted += 1
        }),
      ),
    )
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(enlisted).toBe(1)
    expect((await story(jobId)).filter(({ type }) => type === 'retried')).toHaveLength(1)
  })

  test('a cancellation that came too late is forgotten by a retry', async () => {
    const claim = await generating()
    await jobs.requestCancel(claim.jobId)
    await jobs.fail(claim, REJECTED)
    expect(await jobs.retry(claim.jobId, NO_LIMITS, noEnlist)).toMatchObject({ cancelRequested: false })
  })

  test('paying again is allowed only by a retry after an unknown outcome, and for one segment', async () => {
    const claim = await failed(UNKNOWN_OUTCOME)
    expect((await jobs.get(claim.jobId))?.payAgain).toBe(false)
    expect((await jobs.retry(claim.jobId, NO_LIMITS, noEnlist)).payAgain).toBe(true)
    await jobs.claim(claim.jobId, claim.worker, MINUTE)
    await jobs.startPlanning(claim)
    await jobs.startGenerating(claim, null)
    const submitting = await jobs.moveSegment(claim, await segment(claim), 'submitting')
    expect((await jobs.get(claim.jobId))?.payAgain).toBe(true)
    await jobs.moveSegment(claim, submitting, 'planned')
    expect((await jobs.get(claim.jobId))?.payAgain).toBe(false)

    await jobs.fail(claim, REJECTED)
    expect((await jobs.retry(claim.jobId, NO_LIMITS, noEnlist)).payAgain).toBe(false)
  })

  test('the permission to pay again ends with a failure of another kind', async () => {
    const claim = await failed(UNKNOWN_OUTCOME)
    await jobs.retry(claim.jobId, NO_LIMITS, noEnlist)
    await jobs.claim(claim.jobId, claim.worker, MINUTE)
    await jobs.fail(claim, REJECTED)
    expect((await jobs.retry(claim.jobId, NO_LIMITS, noEnlist)).payAgain).toBe(false)
  })

  test('events are replayed in order after any number', async () => {
    const { jobId } = await completed()
    await generating()
    const all = await events.since(jobId, 0)
    expect(all.map(({ type }) => type)).toEqual(['queued', 'planning', 'planned', 'merging', 'completed'])
    for (const [i, event] of all.entries()) {
      expect(event.at).toBeInstanceOf(Date)
      expect(await events.since(jobId, event.seq)).toEqual(all.slice(i + 1))
    }
  })

  test('a follower gets what was missed, then each event as it happens, and stops when it is told to', async () => {
    const claim = await held()
    await jobs.startPlanning(claim)
    const [queued] = await events.since(claim.jobId, 0)
    const stop = new AbortController()
    const heard: JobEvent[] = []
    const merging = Promise.withResolvers<void>()
    const planning = Promise.withResolvers<void>()
    const following = (async () => {
      for await (const event of events.follow(claim.jobId, queued?.seq ?? 0, stop.signal)) {
        heard.push(event)
        if (event.type === 'planning') planning.resolve()
        if (event.type === 'merging') merging.resolve()
      }
    })()
    await planning.promise
    await jobs.startGenerating(claim, PLAN)
    await jobs.startMerging(claim)
    await merging.promise
    stop.abort()
    await following
    await jobs.complete(claim, FILM)
    expect(heard).toEqual((await events.since(claim.jobId, 0)).slice(1, 4))
  })

  test('many people can follow one job, and one who leaves takes nothing from the others', async () => {
    const claim = await held()
    const stop = new AbortController()
    onTestFinished(() => stop.abort())
    const untilPlanning = async () => {
      for await (const event of events.follow(claim.jobId, 0, stop.signal)) {
        if (event.type === 'planning') return event.seq
      }
    }
    const early = events.follow(claim.jobId, 0, stop.signal)
    for await (const event of early) if (event.type === 'queued') break
    const others = [untilPlanning(), untilPlanning()]
    await jobs.startPlanning(claim)
    const [one, two] = await Promise.all(others)
    expect(one).toBe(two)
    expect(one).toBeGreaterThan(0)
  })

  test('events still come where the database can’t notify', async () => {
    const deaf = await createEventLog(
      { ...database, listen: () => Promise.reject(new Error('a pooler stands between')) },
      silentLog,
    )
    const claim = await held()
    const stop = new AbortController()
    onTestFinished(() => stop.abort())
    const following = (async () => {
      for await (const event of deaf.follow(claim.jobId, 0, stop.signal)) {
        if (event.type === 'planning') return event.status
      }
    })()
    await sleep(50)
    await jobs.startPlanning(claim)
    expect(await following).toBe('planning')
  })

  test('a job gets its place in the queue only once it is stored', async () => {
    const job = newJob(await newUser(jobs))
    let stored: Promise<unknown> | undefined
    let calledEarly = false
    await jobs.submit(job, NO_LIMITS, async (enlisted, tx) => {
      expect(enlisted).toMatchObject({ id: job.id, userId: job.userId })
      tx.onCommit(() => {
        stored = jobs.get(job.id)
      })
      calledEarly = stored !== undefined
    })
    expect(calledEarly).toBe(false)
    expect(await stored).toMatchObject({ id: job.id, status: 'queued' })
  })

  test('a job that could not get its place in the queue is not stored, and nothing is started', async () => {
    const job = newJob(await newUser(jobs))
    const { jobId } = await failed()
    const before = await everything(jobId)
    let started = 0
    const refuse = async (_job: unknown, tx: { onCommit(run: () => void): void }) => {
      tx.onCommit(() => {
        started += 1
      })
      throw new Error('the queue is gone')
    }
    await expect(jobs.submit(job, NO_LIMITS, refuse)).rejects.toThrow('the queue is gone')
    await expect(jobs.retry(jobId, NO_LIMITS, refuse)).rejects.toThrow('the queue is gone')
    expect(started).toBe(0)
    expect(await everything(job.id)).toEqual({ job: [], segments: [], events: [] })
    expect(await everything(jobId)).toEqual(before)
  })

  const UNUSED_ID = '00000000-0000-4000-8000-000000000000'
  const STRANGE_IDS = [UNUSED_ID, 'not-a-uuid', '', "' or 1=1 --", '1', `${UNUSED_ID}0`]

  test.each(STRANGE_IDS)(
    'an id that no job has (%j) is told as such, never as a fault of the database',
    async (id) => {
      expect(await jobs.get(id)).toBeNull()
      const notFound = { detail: { code: 'job_not_found', data: { job_id: id } } }
      await expect(jobs.requestCancel(id)).rejects.toMatchObject(notFound)
      await expect(jobs.retry(id, NO_LIMITS, noEnlist)).rejects.toMatchObject(notFound)
      await expect(jobs.retry(id, NO_LIMITS, noEnlist)).rejects.toBeInstanceOf(UserError)
    },
  )

  test.each(STRANGE_IDS)('there is nothing to see or to do under an id that no job has (%j)', async (id) => {
    expect(await jobs.segments(id)).toEqual([])
    expect(await events.since(id, 0)).toEqual([])
    expect(await jobs.claim(id, randomUUID(), MINUTE)).toBeNull()
  })

  test('a plan that was made once is found again under its key alone', async () => {
    const key = randomUUID()
    expect(await plans.get(key)).toBeNull()
    await plans.put(key, PLAN)
    expect(await plans.get(key)).toEqual(PLAN)
    await plans.put(key, { ...PLAN, title: 'again' })
    expect(await plans.get(key)).toEqual({ ...PLAN, title: 'again' })
    expect(await plans.get(randomUUID())).toBeNull()
  })

  test('a plan of an older shape counts as absent, and is replaced', async () => {
    const key = randomUUID()
    await db.execute(sql`insert into plan_cache (key, plan) values (${key}, '{"shots": "three"}')`)
    expect(await plans.get(key)).toBeNull()
    await plans.put(key, PLAN)
    expect(await plans.get(key)).toEqual(PLAN)
  })
})
