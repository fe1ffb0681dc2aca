import { randomUUID } from 'node:crypto'
import { mkdtemp, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DrizzleQueryError, ne } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, type TestContext, test } from 'vitest'
import type { JobEvent } from '../../src/core/event.ts'
import { endsJob } from '../../src/core/event.ts'
import type { Identity, JobStore, Limits } from '../../src/core/ports.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createCancelJob } from '../../src/pipeline/cancel-job.ts'
import { createClaims } from '../../src/pipeline/claim.ts'
import { createDepot } from '../../src/pipeline/depot.ts'
import { createMedia } from '../../src/pipeline/media/media.ts'
import { createPreviews } from '../../src/pipeline/media/previews.ts'
import { createLocalPlanner } from '../../src/pipeline/planner/local.ts'
import { createInProcessQueue } from '../../src/pipeline/queue/in-process.ts'
import { createSlots } from '../../src/pipeline/queue/slots.ts'
import { createResumeJob } from '../../src/pipeline/retry-job.ts'
import { createRunJob } from '../../src/pipeline/run-job.ts'
import { createShowLastFrame } from '../../src/pipeline/show-last-frame.ts'
import { createSubmitJob } from '../../src/pipeline/submit-job.ts'
import { CATALOGUE } from '../../src/pipeline/video/catalogue.ts'
import { createEventLog } from '../../src/storage/event-log.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createLocalObjects } from '../../src/storage/objects/local.ts'
import { createPlanCache } from '../../src/storage/plan-cache.ts'
import { createRenderPlaces } from '../../src/storage/render-places.ts'
import { jobs as jobsTable } from '../../src/storage/schema.ts'
import { createWorkFolder } from '../../src/storage/work-folder.ts'
import { asShown, ffmpeg, makeClip, numbered, shownNumbers, testFolder } from '../support/clips.ts'
import { NO_LIMITS, openUsedPglite, silentLog } from '../support/databases.ts'
import { makePicture } from '../support/film.ts'
import { createScriptedModel, type ScriptedModel, segmentOf } from '../support/scripted-model.ts'

const folder = await testFolder()
const SEGMENTS = 3
const MINA: Identity = { platform: 'discord', team: '', externalId: 'mina' }
const JUN: Identity = { platform: 'slack', team: 'T1', externalId: 'jun' }

/** Segment k is delivered as a small clip that opens on the last frame of the one before. */
const clipOf = (key: string) => join(folder, `clip-${segmentOf(key)}.mp4`)

const database = await openUsedPglite(join(folder, 'postgres'))
const events = await createEventLog(database, silentLog)
const jobs = createJobStore(database.db, changeText)

afterAll(async () => {
  await events.close()
  await database.close()
})

beforeAll(async () => {
  for (let k = 1; k <= SEGMENTS; k += 1) {
    await makeClip(clipOf(`job/${k}/1`), { numbers: numbered((k - 1) * 11, 12) })
  }
})

/**
 * The whole service, with files of its own, around a provider that plays a script. `worker` starts one more process on
 * the same database.
 */
async function service({ onTestFinished }: TestContext) {
  const root = await mkdtemp(join(folder, 'data-'))
  const model = createScriptedModel(clipOf)
  const objects = createLocalObjects({
    root: join(root, 'objects'),
    secret: Buffer.alloc(32),
    publicUrl: 'http://127.0.0.1:3000',
    now: Date.now,
  })

  async function worker(options: { work?: string; renders?: number; depot?: boolean; jobs?: JobStore } = {}) {
    const { jobs: store = jobs } = options
    const media = createMedia(ffmpeg)
    const work = createWorkFolder(join(root, options.work ?? 'work'))
    const queue = createInProcessQueue({ concurrency: 4, log: silentLog })
    // without a number: any, since other tests use the same database at the same time
    const places = await createRenderPlaces(database, {
      ...{ places: options.renders ?? 1000, describe: changeText, log: silentLog },
    })
    const capabilities = (id: string) => {
      const found = CATALOGUE.find((candidate) => candidate.id === id)
      if (!found) throw new Error(`no model ${id}`)
      return found
    }
    const deps = {
      disk: { free: async () => 1 },
      pauses: [1, 1],
      minFreeDisk: 0,
      jobs: store,
      events,
      claims: createClaims({ jobs: store, events, log: silentLog }),
      queue,
      media,
      previews: createPreviews(ffmpeg),
      depot: options.depot ? createDepot({ objects, work, log: silentLog }) : null,
      work,
      objects,
      models: { models: CATALOGUE, usable: ['wan-2.7'], default: 'wan-2.7' },
      planner: createLocalPlanner(),
      plans: createPlanCache(database.db),
      capabilities,
      ceilings: { perJob: null, perUserDay: null },
      videoModel: () => model,
      // the database is shared with tests that run at the same time
      places,
      line: createSlots(1),
      log: silentLog,
      newId: randomUUID,
      now: () => new Date(),
      visibleLabel: false,
    }
    queue.start(createRunJob(deps))
    onTestFinished(() => places.close())
    const submitJob = createSubmitJob(deps)
    const resumeJob = createResumeJob(deps)
    return {
      stop: () => queue.stop(),
      lastFrame: createShowLastFrame(deps),
      submit: (
        identity = MINA,
        picture: string | null = null,
        more: { id?: string; limits?: Limits } = {},
      ) => {
        const input = { prompt: 'a fox in the snow', segments: SEGMENTS, seconds: 4 }
        return submitJob({ input, picture, identity, locale: 'en', limits: NO_LIMITS, ...more })
      },
      resume: (jobId: string) => resumeJob(jobId, NO_LIMITS),
      cancel: createCancelJob(deps),
    }
  }

  /** The event that ends a job, the `nth` one where it was retried. */
  async function endOf(jobId: string, nth = 1): Promise<JobEvent> {
    let ends = 0
    for await (const event of events.follow(jobId, 0, AbortSignal.timeout(50_000))) {
      if (endsJob(event)) ends += 1
      if (ends === nth) return event
    }
    throw new Error(`job ${jobId} did not end`)
  }

  async function segmentsOf(jobId: string) {
    const segments = await jobs.segments(jobId)
    return segments.map(({ state, attempts }) => `${state} ${attempts}`)
  }

  const first = await worker()
  const workers = [first]
  onTestFinished(async () => {
    for (const each of workers) await each.stop()
  })
  return {
    ...first,
    model,
    objects,
    endOf,
    segmentsOf,
    async worker(options: Parameters<typeof worker>[0]) {
      const another = await worker(options)
      workers.push(another)
      return another
    },
  }
}

type Service = Awaited<ReturnType<typeof service>>

/** The film is there, whole: 3 clips of 12 frames, less one at each join. */
async function expectFilm({ endOf, objects, segmentsOf }: Service, jobId: string, nth = 1): Promise<void> {
  const end = await endOf(jobId, nth)
  if (end.type !== 'completed') throw new Error(`ended as ${JSON.stringify(end)}`)
  const film = objects.file(end.film.key) ?? ''
  expect((await stat(film)).size).toBe(end.film.file_size)
  expect(await shownNumbers(film)).toEqual(asShown(numbered(0, 34)))
  expect(await segmentsOf(jobId)).toHaveLength(SEGMENTS)
}

async function expectFailure({ endOf }: Service, jobId: string, code: string, nth = 1): Promise<void> {
  const end = await endOf(jobId, nth)
  expect(end).toMatchObject({ type: 'failed', status: 'failed', error: { code } })
}

/** The place in the film of each request that was paid. */
const paidPlaces = (model: ScriptedModel) => model.paid.map(segmentOf)

describe('a job', () => {
  test('pays each segment once and ends with the film', async (context) => {
    const all = await service(context)
    const job = await all.submit()
    await expectFilm(all, job.id)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
    expect(new Set(all.model.paid).size).toBe(3)
    expect(await all.segmentsOf(job.id)).toEqual(['stored 1', 'stored 1', 'stored 1'])
  })

  test('that the model refuses fails with its reason, is not asked again by itself, and retry goes on from there', async (context) => {
    const all = await service(context)
    all.model.script = [{ at: 'wait', fails: 'rejected' }]
    const job = await all.submit()
    await expectFailure(all, job.id, 'render_rejected')
    const failed = await jobs.get(job.id)
    expect(failed?.error).toMatchObject({ data: { segment: 1, reason: 'the provider says rejected' } })
    expect(paidPlaces(all.model)).toEqual([1])
    await all.resume(job.id)
    await expectFilm(all, job.id, 2)
    expect(paidPlaces(all.model)).toEqual([1, 1, 2, 3])
  })

  test('refused at its second segment keeps the first: retry doesn’t pay for it again', async (context) => {
    const all = await service(context)
    all.model.script = [{ at: 'wait', fails: 'rejected', segment: 2 }]
    const job = await all.submit()
    await expectFailure(all, job.id, 'render_rejected')
    expect((await all.segmentsOf(job.id))[0]).toBe('stored 1')
    await all.resume(job.id)
    await expectFilm(all, job.id, 2)
    expect(paidPlaces(all.model)).toEqual([1, 2, 2, 3])
  })
})

describe.concurrent('a provider that fails in passing', () => {
  test('is asked again, and a request that was not accepted is not paid', async (context) => {
    const all = await service(context)
    all.model.script = [
      { at: 'submit', fails: 'transient' },
      { at: 'submit', fails: 'transient' },
    ]
    const job = await all.submit()
    await expectFilm(all, job.id)
    expect(all.model.submits).toHaveLength(5)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
  })

  test('is asked three times at most; then the job fails and says that it may work later', async (context) => {
    const all = await service(context)
    all.model.script = Array.from({ length: 5 }, () => ({ at: 'submit', fails: 'transient' }) as const)
    const job = await all.submit()
    await expectFailure(all, job.id, 'render_unavailable')
    expect(all.model.submits).toHaveLength(3)
    expect(all.model.paid).toEqual([])
  })
})

describe('a request whose answer is lost', () => {
  test('is taken up again where the provider has it', async (context) => {
    const all = await service(context)
    all.model.script = [{ at: 'submit', fails: 'unknown', accepted: true }]
    const job = await all.submit()
    await expectFilm(all, job.id)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
    expect(await events.since(job.id, 0)).toContainEqual(
      expect.objectContaining({ type: 'segment_adopted', segment: 1, request_id: 'request-1' }),
    )
  })

  test('is sent again where the provider never got it', async (context) => {
    const all = await service(context)
    all.model.script = [{ at: 'submit', fails: 'unknown', accepted: false }]
    const job = await all.submit()
    await expectFilm(all, job.id)
    expect(all.model.submits).toHaveLength(4)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
  })

  test('ends the job where nobody can know; nothing more is paid before retry, and exactly one more by it', async (context) => {
    const all = await service(context)
    all.model.script = [
      { at: 'submit', fails: 'unknown', accepted: true },
      { at: 'find', fails: 'unknown' },
    ]
    const job = await all.submit()
    await expectFailure(all, job.id, 'render_outcome_unknown')
    expect(paidPlaces(all.model)).toEqual([1])

    // it still can't be known, but somebody has said to go on
    all.model.script = [{ at: 'find', fails: 'unknown' }]
    await all.resume(job.id)
    await expectFilm(all, job.id, 2)
    expect(paidPlaces(all.model)).toEqual([1, 1, 2, 3])
  })

  test('a retry agrees to one doubtful payment, not to a second one', async (context) => {
    const all = await service(context)
    all.model.script = [
      { at: 'submit', fails: 'unknown', accepted: true },
      { at: 'find', fails: 'unknown' },
    ]
    const job = await all.submit()
    await expectFailure(all, job.id, 'render_outcome_unknown')
    all.model.script = [
      { at: 'find', fails: 'unknown' },
      { at: 'submit', fails: 'unknown', accepted: true },
      { at: 'find', fails: 'unknown' },
    ]
    await all.resume(job.id)
    await expectFailure(all, job.id, 'render_outcome_unknown', 2)
    expect(paidPlaces(all.model)).toEqual([1, 1])
  })

  test('that turns up after all at retry is used, and nothing is paid again', async (context) => {
    const all = await service(context)
    all.model.script = [
      { at: 'submit', fails: 'unknown', accepted: true },
      { at: 'find', fails: 'unknown' },
    ]
    const job = await all.submit()
    await expectFailure(all, job.id, 'render_outcome_unknown')
    await all.resume(job.id)
    await expectFilm(all, job.id, 2)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
  })

  test('a status that can’t be read doesn’t pay again: retry waits for the same request', async (context) => {
    const all = await service(context)
    all.model.script = [{ at: 'wait', fails: 'unknown' }]
    const job = await all.submit()
    await expectFailure(all, job.id, 'render_unavailable')
    await all.resume(job.id)
    await expectFilm(all, job.id, 2)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
  })
})

describe('a delivered clip', () => {
  test('that came broken is fetched again, not paid again', async (context) => {
    const all = await service(context)
    all.model.script = [{ at: 'download', gives: 'broken clip' }]
    const job = await all.submit()
    await expectFilm(all, job.id)
    expect(all.model.downloads).toHaveLength(4)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
  })

  test('that stays broken fails the job, and says which segment it is', async (context) => {
    const all = await service(context)
    all.model.script = Array.from({ length: 3 }, () => ({ at: 'download', gives: 'broken clip' }) as const)
    const job = await all.submit()
    await expectFailure(all, job.id, 'clip_unusable')
    expect((await jobs.get(job.id))?.error?.data).toMatchObject({ segment: 1 })
    expect(paidPlaces(all.model)).toEqual([1])
    await all.resume(job.id)
    await expectFilm(all, job.id, 2)
  })

  test('is fetched again on a machine that doesn’t have it, and never rendered again', async (context) => {
    const all = await service(context)
    all.model.stuckAt = 2
    const job = await all.submit()
    await expect.poll(() => all.model.paid.length, { timeout: 20_000 }).toBe(2)
    await all.stop()
    all.model.stuckAt = null
    all.model.downloads = []
    await (await all.worker({ work: 'other-machine' })).resume(job.id)
    await expectFilm(all, job.id)
    expect(all.model.downloads.map(segmentOf)).toEqual([1, 2, 3])
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
    expect(await all.segmentsOf(job.id)).toEqual(['stored 1', 'stored 1', 'stored 1'])
  })

  test('and the picture that it opens on are kept for other machines until the film is there', async (context) => {
    const all = await service(context)
    const here = await all.worker({ work: 'here', depot: true })
    all.model.stuckAt = 2
    const picture = await makePicture(join(folder, 'opening.png'), 640, 360)
    const job = await here.submit(MINA, picture)
    await expect.poll(() => all.model.paid.length, { timeout: 20_000 }).toBe(2)
    // a process that shows the job may be on a third machine
    const elsewhere = await all.worker({ work: 'elsewhere', depot: true })
    await expect
      .poll(async () => (await elsewhere.lastFrame(job.id, new AbortController().signal))?.subarray(0, 3))
      .toEqual(Buffer.from('ffd8ff', 'hex'))
    const kept = `work/${job.id}/clip-01.mp4`
    await expect.poll(() => all.objects.size(kept)).toBeGreaterThan(0)
    await here.stop()
    all.model.stuckAt = null
    all.model.script = [{ at: 'download', gives: 'nothing', segment: 1 }]
    await elsewhere.resume(job.id)
    await expectFilm(all, job.id)
    expect(paidPlaces(all.model)).toEqual([1, 2, 3])
    for (const name of ['clip-01.mp4', 'clip-03.mp4', 'opening.png', 'last-frame-01.png.jpg']) {
      await expect.poll(() => all.objects.size(`work/${job.id}/${name}`)).toBeNull()
    }
  })

  test('that is gone from the provider and from this machine fails the job, and pays nothing', async (context) => {
    const all = await service(context)
    all.model.stuckAt = 2
    const job = await all.submit()
    await expect.poll(() => all.model.paid.length, { timeout: 20_000 }).toBe(2)
    await all.stop()
    all.model.stuckAt = null
    all.model.script = [{ at: 'download', gives: 'nothing' }]
    await (await all.worker({ work: 'other-machine' })).resume(job.id)
    await expectFailure(all, job.id, 'clip_lost')
    expect(paidPlaces(all.model)).toEqual([1, 2])
  })
})

describe('a database that is lost for a moment', () => {
  /** What the driver and drizzle make of a connection that was closed. */
  function lost(): never {
    throw new DrizzleQueryError(
      'select',
      [],
      Object.assign(new Error('write'), { code: 'CONNECTION_CLOSED' }),
    )
  }

  test('fails no job, and what was paid at that moment is written down later', async (context) => {
    const made = await service(context)
    await made.stop()
    let planning = 1
    let submitted = 2
    const flaky: JobStore = {
      ...jobs,
      startPlanning: async (claim) => (planning-- > 0 ? lost() : jobs.startPlanning(claim)),
      moveSegment: async (claim, segment, to, move) =>
        to === 'submitted' && submitted-- > 0 ? lost() : jobs.moveSegment(claim, segment, to, move),
    }
    const worker = await made.worker({ jobs: flaky })
    const { id } = await worker.submit()
    await expectFilm(made, id)
    expect(paidPlaces(made.model)).toEqual([1, 2, 3])
    const told = (await events.since(id, 0)).map(({ type }) => type)
    expect(told).not.toContain('failed')
    expect(told).not.toContain('segment_adopted')
    expect([planning, submitted]).toEqual([-1, expect.any(Number)])
  })
})

describe('the same film that is asked for twice at once, with a picture,', () => {
  test.for([{ depot: false }, { depot: true }])(
    'is one film (kept for others: $depot)',
    async ({ depot }, context) => {
      const made = await service(context)
      await made.stop()
      // they share the folder, as processes on one machine do
      const first = await made.worker({ work: 'shared', depot })
      const second = depot ? await made.worker({ work: 'shared', depot }) : first
      const picture = await makePicture(join(folder, `twice-${depot}.png`), 640, 360)
      const id = randomUUID()
      const all = [first, second, first, second].map((worker) => worker.submit(MINA, picture, { id }))
      expect((await Promise.all(all)).map((job) => job.id)).toEqual([id, id, id, id])
      await expectFilm(made, id)
      expect(paidPlaces(made.model)).toEqual([1, 2, 3])
    },
  )

  test('is kept nowhere where no film is allowed now', async (context) => {
    const made = await service(context)
    const worker = await made.worker({ depot: true })
    const picture = await makePicture(join(folder, 'refused.png'), 640, 360)
    const id = randomUUID()
    const limits = { ...NO_LIMITS, activeJobs: 0 }
    await expect(worker.submit(MINA, picture, { id, limits })).rejects.toThrow('active_limit')
    expect(await made.objects.list(`work/${id}`)).toEqual([])
  })
})

describe('cancelling', () => {
  test('stops the request at the provider, and nothing more is paid', async (context) => {
    const all = await service(context)
    all.model.stuckAt = 1
    const job = await all.submit()
    await expect.poll(() => all.model.paid.length, { timeout: 20_000 }).toBe(1)
    await all.cancel(job.id)
    expect((await jobs.get(job.id))?.status).toBe('cancelled')
    expect(all.model.cancelled).toEqual(all.model.paid)
    expect(paidPlaces(all.model)).toEqual([1])
    expect(await all.endOf(job.id)).toMatchObject({ type: 'cancelled' })
  })

  test('a job that nobody runs any more stops what the provider still works on', async (context) => {
    const all = await service(context)
    all.model.stuckAt = 1
    const job = await all.submit()
    await expect.poll(() => all.model.paid.length, { timeout: 20_000 }).toBe(1)
    await all.stop()
    expect(all.model.cancelled).toEqual([])
    await all.cancel(job.id)
    expect((await jobs.get(job.id))?.status).toBe('cancelled')
    expect(all.model.cancelled).toEqual(all.model.paid)
  })
})

describe('MAX_CONCURRENT_RENDERS', () => {
  // what other tests have left unfinished would keep its places
  beforeEach(async () => {
    await database.db.update(jobsTable).set({ status: 'failed' }).where(ne(jobsTable.status, 'completed'))
  })

  test.for([1, 2])('%i holds over the jobs of several people', async (renders, context) => {
    const all = await service(context)
    const { submit } = await all.worker({ renders })
    all.model.gather = renders
    const jobs = [await submit(MINA), await submit(JUN), await submit(MINA)]
    for (const job of jobs) await expectFilm(all, job.id)
    expect(all.model.mostAtOnce).toBe(renders)
    expect(all.model.paid).toHaveLength(9)
  })

  test('is held over several processes, and a place that a stopped one has left behind becomes free', async (context) => {
    const all = await service(context)
    const first = await all.worker({ renders: 1 })
    all.model.stuckAt = 1
    const left = await first.submit(MINA)
    await expect.poll(() => all.segmentsOf(left.id)).toContain('submitted 1')
    await first.stop()
    all.model.stuckAt = null
    const second = await all.worker({ renders: 1 })
    const job = await second.submit(JUN)
    await expectFilm(all, job.id)
    expect(all.model.mostAtOnce).toBe(1)
    // nobody runs it, but its request was seen to by whoever needed its place
    expect(await all.segmentsOf(left.id)).toEqual(['rendered 1', 'planned 0', 'planned 0'])
    await second.resume(left.id)
    await expectFilm(all, left.id)
    expect(all.model.paid).toHaveLength(6)
  })
})
