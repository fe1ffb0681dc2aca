import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Media } from '../../src/core/ports/media.ts'
import type { RenderOrder, VideoModel } from '../../src/core/ports.ts'
import type { ModelCapabilities } from '../../src/core/request.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createClaims } from '../../src/pipeline/claim.ts'
import { createMedia } from '../../src/pipeline/media/media.ts'
import { createPreviews } from '../../src/pipeline/media/previews.ts'
import { createSlots } from '../../src/pipeline/queue/slots.ts'
import { renderSegments } from '../../src/pipeline/render-segments.ts'
import { CATALOGUE } from '../../src/pipeline/video/catalogue.ts'
import { createEventLog } from '../../src/storage/event-log.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { createRenderPlaces } from '../../src/storage/render-places.ts'
import { createWorkFolder } from '../../src/storage/work-folder.ts'
import { clipFrom } from '../support/chain.ts'
import { asShown, clipFiles, ffmpeg, makeClip, numbered, shownNumbers, testFolder } from '../support/clips.ts'
import {
  NO_LIMITS,
  newJob,
  newUser,
  noEnlist,
  openUsedPglite,
  REQUEST,
  silentLog,
} from '../support/databases.ts'
import { makePicture } from '../support/film.ts'
import { compare, pixelsOf } from '../support/pixels.ts'
import { createScriptedModel, segmentOf } from '../support/scripted-model.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal
const database = await openUsedPglite(join(folder, 'postgres'))
const jobs = createJobStore(database.db, changeText)
const events = await createEventLog(database, silentLog)
// others may still hold places when a test that has killed a process has ended
const places = await createRenderPlaces(database, { places: 100, describe: changeText, log: silentLog })
afterAll(async () => {
  await places.close()
  await events.close()
  await database.close()
})

/** How a model's clips are continued. */
type Continuity = Pick<ModelCapabilities, 'anchor' | 'colours'>

/** What is particular about one run. */
interface RunOptions {
  machine?: string
  killedAt?: keyof Media
  tools?: Media
}

/** Makes the clip of an order, the way a model would. */
type Deliver = (order: RenderOrder, segment: number, clip: string) => Promise<unknown>

/**
 * A job of a model that is continued like this. Each `run` is one more process on it, on a machine of its own where it says so,
 * which is killed at a step where it says so; it returns the clips and their last frames. `openings` are the pictures that clips were asked to open on.
 */
async function jobOf(segments: number, continuity: Continuity, deliver: Deliver) {
  const root = await mkdtemp(join(folder, 'job-'))
  const delivered = (key: string) => join(root, `${key.replaceAll('/', '-')}.mp4`)
  const scripted = createScriptedModel(delivered)
  const openings: Buffer[] = []
  const model: VideoModel = {
    ...scripted,
    async submit(order) {
      if (order.firstFrame !== null) openings.push(await pixelsOf(order.firstFrame))
      await deliver(order, segmentOf(order.key), delivered(order.key))
      return scripted.submit(order)
    },
  }
  const local = CATALOGUE.find(({ id }) => id === REQUEST.model)
  if (!local) throw new Error('no model')
  const capabilities = () => ({ ...local, ...continuity })

  const request = { ...REQUEST, segments }
  const { id } = await jobs.submit(newJob(await newUser(jobs), { request }), NO_LIMITS, noEnlist)
  const claim = { jobId: id, worker: randomUUID() }
  const job = await jobs.claim(id, claim.worker, 600_000)
  if (job === null) throw new Error('no job')
  await jobs.startPlanning(claim)
  const shots = numbered(1, segments).map((k) => ({ title: `shot ${k}`, prompt: `shot ${k}`, seconds: 4 }))
  await jobs.startGenerating(claim, { title: 'a film', shots })

  const run = async ({ machine = 'first', killedAt, tools = media }: RunOptions = {}) => {
    const work = createWorkFolder(join(root, machine))
    await work.create(id)
    const process = new AbortController()
    const deps = {
      jobs,
      previews: createPreviews(ffmpeg),
      depot: null,
      media: killedAt ? { ...tools, [killedAt]: () => kill(process) } : tools,
      work,
      videoModel: () => model,
      capabilities,
      claims: createClaims({ jobs, events, log: silentLog }),
      ...{ places, line: createSlots(1), log: silentLog, pauses: [1, 1], newId: randomUUID },
    }
    const { measuring } = await renderSegments(deps, claim, job, await jobs.segments(id), process.signal)
    const measured = [await measuring.measures(), await measuring.inspections()] as const
    const each = numbered(1, segments)
    const clips = each.map((k) => work.clip(id, k))
    return { clips, frames: each.map((k) => work.lastFrame(id, k)), measured }
  }

  return { run, openings, downloads: scripted.downloads, paid: scripted.paid }
}

async function kill(process: AbortController): Promise<never> {
  process.abort(new Error('killed'))
  throw process.signal.reason
}

describe('a model whose clips are cut to their sharpest frame', () => {
  const SHARPEST: Continuity = { anchor: 'sharpest', colours: 'as they come' }
  /** Of 12 frames, two before the last one. */
  const SHARP = 9
  const box = (x: number, frames: string) =>
    `drawbox=x=${x}:y=8:w=40:h=160:color=white:t=2:enable='${frames}'`

  /** Clips that go on from each other's sharp frame. A second cut would find a frame that is sharper still, earlier on. */
  const deliver: Deliver = (_order, segment, clip) => {
    const sharper = [60, 220, 270].map((x) => box(x, `eq(n,${SHARP - 5})`))
    const filters = [box(8, `eq(n,${SHARP})+eq(n,0)*${segment - 1}`), ...sharper]
    const numbers = numbered((segment - 1) * SHARP, 12)
    return makeClip(clip, { numbers, options: ['-vf', filters.join(',')] })
  }

  /** Each clip ends on its sharp frame, and the last one is shown to its end. */
  async function expectFilm({ clips }: { clips: readonly string[] }): Promise<void> {
    const film = `${clips[0]}-film.mp4`
    const label = { title: '', model: '', made: new Date(0), source: 'algorithmicMedia' } as const
    await media.join(
      { clips: clipFiles(clips), label, mark: null, crossfadeMs: 0, levelSound: false },
      film,
      never,
    )
    expect(await shownNumbers(film)).toEqual(asShown(numbered(0, (clips.length - 1) * SHARP + 12)))
  }

  test('makes a film in which each segment goes on from that frame', async () => {
    const { run, openings } = await jobOf(3, SHARPEST, deliver)
    const made = await run()
    await expectFilm(made)
    for (const [i, opening] of openings.entries()) {
      const anchor = join(folder, 'anchor.png')
      await media.lastFrame({ path: made.clips[i] ?? '', untagged: 'bt601' }, anchor, never)
      expect(opening.equals(await pixelsOf(anchor))).toBe(true)
    }
    expect(openings).toHaveLength(2)
  })

  test.for([
    { moment: 'before a clip is cut', killedAt: 'receive', downloads: [1, 1, 2] },
    { moment: 'right after it was cut', killedAt: 'compareOpening', downloads: [1, 2] },
    { moment: 'before it counts', killedAt: 'lastFrame', downloads: [1, 2] },
  ] as const)('makes the same film where the process is killed $moment', async ({ killedAt, downloads }) => {
    const job = await jobOf(2, SHARPEST, deliver)
    await expect(job.run({ killedAt })).rejects.toThrow('killed')
    await expectFilm(await job.run())
    expect(job.downloads.map(segmentOf)).toEqual(downloads)
    expect(job.paid.map(segmentOf)).toEqual([1, 2])
  })

  test('makes the same film where another machine goes on with it, and nothing is measured again', async () => {
    const job = await jobOf(2, SHARPEST, deliver)
    const first = await job.run()
    const [measures, inspections] = first.measured
    expect(measures.map((measured) => measured?.continuation?.repeats)).toEqual([undefined, true])
    expect(inspections.map((inspection) => inspection?.decodeError)).toEqual([null, null])
    const again = () => Promise.reject(new Error('measured again'))
    const tools: Media = { ...media, compareOpening: again, measure: again, inspect: again }
    const second = await job.run({ machine: 'second', tools })
    expect(second.measured).toEqual(first.measured)
    await expectFilm(second)
    expect(job.paid).toHaveLength(2)
  })
})

describe('a model whose colours are nudged', () => {
  const NUDGED: Continuity = { anchor: 'last', colours: 'nudged' }
  const drift = "lutrgb=r='val+4':g='val+4':b='val+4'"

  test('is asked to go on from frames that are nearer to the first clip, the same ones on every machine', async () => {
    const picture = await makePicture(join(folder, 'picture.png'), 320, 180)
    const deliver: Deliver = ({ firstFrame }, _segment, clip) =>
      clipFrom(firstFrame ?? picture, clip, { drift })
    const job = await jobOf(4, NUDGED, deliver)
    const { clips } = await job.run()
    const second = await job.run({ machine: 'second' })
    const changes: number[] = []
    for (const [i, opening] of job.openings.entries()) {
      const lastFrame = join(folder, 'last-frame.png')
      await media.lastFrame({ path: clips[i] ?? '', untagged: 'bt601' }, lastFrame, never)
      changes.push(compare(opening, await pixelsOf(lastFrame)).largest)
      expect(opening.equals(await pixelsOf(second.frames[i] ?? ''))).toBe(true)
    }
    // two clips must have drifted before the next one's opening is nudged
    expect(changes).toEqual([0, 0, 3])
  })
})
