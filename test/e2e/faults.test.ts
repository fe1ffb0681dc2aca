import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { type Env, filesIn } from '../support/cli.ts'
import { filmFacts } from '../support/film.ts'
import { completed, refused } from '../support/openai-server.ts'
import {
  CLIP,
  FILM,
  FILMS_AT_STORE,
  lastOf,
  planOf,
  type Services,
  startServices,
} from '../support/services.ts'

/** Something that goes wrong, what the person is told in the end, and what fal was paid for each of the two segments. */
interface Fault {
  name: string
  arrange?: (services: Services) => void
  env?: Env
  /** The failure's text, or the film. */
  ends: string | 'film'
  paid: readonly [number, number]
  /** What else must be true then. */
  seen?: (services: Services) => unknown
  toBe?: unknown
}

const POLICY = {
  detail: [
    { loc: ['body', 'prompt'], msg: 'flagged by a content checker', type: 'content_policy_violation' },
  ],
}

const downloads = ({ fal }: Services) => fal.seen.filter((line) => line.startsWith('GET /media/')).length
/** What the planner was told after each answer that didn't fit. */
const corrections = ({ openai }: Services) =>
  openai.asked.map(({ input }) => (input.at(-1)?.role === 'developer' ? input.at(-1)?.content : null))
const correction = (misfit: string) =>
  `Your answer can't be used: ${misfit}. Answer again with the whole plan, put right, under the same instructions.`

const FAULTS: readonly Fault[] = [
  {
    name: 'a download that is cut short twice is brought home whole',
    arrange: ({ fal }) => fal.fault('download', { cutAfter: 2000 }, { cutAfter: 1000 }),
    ends: 'film',
    paid: [1, 1],
    seen: downloads,
    toBe: 4,
  },
  {
    name: 'a status that is answered with 500 five times is asked again, and the request is paid once',
    arrange: ({ fal }) => fal.fault('status', ...Array.from({ length: 5 }, () => ({ answer: 500 }))),
    ends: 'film',
    paid: [1, 1],
    seen: ({ fal }) => fal.seen.filter((line) => line.endsWith('/status')).length,
    toBe: 7,
  },
  {
    name: 'a content policy’s refusal of the request itself is told in fal’s words, and costs nothing',
    arrange: ({ fal }) => fal.fault('submit', { answer: 422, body: POLICY }),
    ends: 'Segment 1 was refused by the video model’s content policy: prompt: flagged by a content checker. Describe the film differently.',
    paid: [0, 0],
  },
  {
    name: 'a content policy’s refusal of what the second segment became names that segment, and isn’t tried again',
    arrange: ({ fal }) => fal.outcomes.push({}, { answer: { status: 422, body: POLICY } }),
    ends: 'Segment 2 was refused by the video model’s content policy: prompt: flagged by a content checker. Describe the film differently.',
    paid: [1, 1],
  },
  {
    name: 'a wrong FAL_KEY is told as such, without the key',
    env: { FAL_KEY: 'not-the-right-key' },
    ends: 'Segment 1 was refused by the video model: fal refused the key in FAL_KEY (401): Cannot access application with Key ***.',
    paid: [0, 0],
  },
  {
    name: 'a plan with too few shots is asked for again, with the reason',
    arrange: ({ openai }) => openai.answer(planOf(1), planOf(2)),
    ends: 'film',
    paid: [1, 1],
    seen: corrections,
    toBe: [null, correction('there must be exactly 2 shots, not 1')],
  },
  {
    name: 'three plans that don’t fit end the job before anything is paid',
    arrange: ({ openai }) => openai.answer(planOf(1), completed('Here is your plan!'), planOf(3)),
    ends: 'The planner’s answer did not fit: there must be exactly 2 shots, not 3. Try again.',
    paid: [0, 0],
    seen: corrections,
    toBe: [null, correction('there must be exactly 2 shots, not 1'), correction('it is not JSON')],
  },
  {
    name: 'a planner that answers with too few shots, then garbage, then a refusal ends the job as refused',
    arrange: ({ openai }) =>
      openai.answer(planOf(1), completed('{"title": 5}'), refused('I can’t help with that')),
    ends: 'The planner refused this prompt: I can’t help with that. Describe the film differently.',
    paid: [0, 0],
    seen: ({ openai, fal }) => [openai.asked.length, fal.seen],
    toBe: [3, []],
  },
  {
    name: 'storage that answers 503 twice gets the film all the same',
    arrange: ({ supabase }) => supabase.faults.answer('upload', 503, 2, FILMS_AT_STORE),
    ends: 'film',
    paid: [1, 1],
    seen: ({ supabase }) => [supabase.count('upload', FILMS_AT_STORE), supabase.objects.size],
    toBe: [3, 1],
  },
]

describe('what goes wrong ends right, and the person is told', { concurrent: true, timeout: 120_000 }, () => {
  test.for(FAULTS)('$name', async (fault, { expect, onTestFinished }) => {
    const services = await startServices(onTestFinished)
    const { machine, env, paid, openai } = services
    fault.arrange?.(services)
    const out = join(machine.folder, 'film.mp4')
    const { code, json } = await machine.run([...FILM, '--out', out], { ...env, ...fault.env })
    const film = fault.ends === 'film'
    expect([code, lastOf(json).message]).toEqual(
      film ? [0, 'The film is ready.'] : [1, `Failed: ${fault.ends}`],
    )
    expect(paid()).toEqual(fault.paid)
    expect(openai.complaints).toEqual([])
    if (fault.seen) expect(fault.seen(services)).toEqual(fault.toBe)
    if (!film) return
    const { errors, frames } = await filmFacts(out)
    expect({ errors, frames }).toEqual({ errors: '', frames: 2 * CLIP.frames - 1 })
  })

  test('a clip of another size and rate and without sound becomes part of a film that is right', async ({
    expect,
    onTestFinished,
  }) => {
    const { machine, fal, env, paid } = await startServices(onTestFinished)
    fal.outcomes.push({}, { clip: { width: 160, height: 120, fps: 30, sound: false } })
    const out = join(machine.folder, 'film.mp4')
    const { code } = await machine.run([...FILM, '--out', out], env)
    expect([code, paid()]).toEqual([0, [1, 1]])
    const { errors, head, pictureSeconds, soundSeconds } = await filmFacts(out)
    expect(errors).toBe('')
    // the first clip's own form, to the end
    expect(head).toMatch(/Video: h264 .*256x144.*24 fps/)
    expect(head).toMatch(/Audio: aac .*48000 Hz/)
    expect(Math.abs(pictureSeconds - 2 * CLIP.seconds)).toBeLessThanOrEqual(1.5 / 24)
    expect(Math.abs(soundSeconds - pictureSeconds)).toBeLessThanOrEqual(0.05)
  })

  test('a clip that nothing can play ends the job, paid once; --resume fetches it again before it pays again, and makes the film', async ({
    expect,
    onTestFinished,
  }) => {
    const services = await startServices(onTestFinished)
    const { machine, fal, env, paid } = services
    fal.outcomes.push({ clip: 'no video' })
    const failed = await machine.run(FILM, env)
    const { job_id, message } = lastOf(failed.json)
    expect(failed.code).toBe(1)
    expect(message).toMatch(
      /^Failed: The video model delivered a file for segment 1 that cannot be played \([^\n]*Invalid data found when processing input\)\. It was fetched several times and paid once\. Retry /,
    )
    // where this machine keeps its files is nobody's business
    expect(message).not.toContain(machine.dataDir)
    // it was fetched again before it was given up, and not paid again
    expect([downloads(services), paid()]).toEqual([3, [1, 0]])
    const resumed = await machine.run(['--resume', job_id, '--json'], env)
    expect([resumed.code, lastOf(resumed.json).type, paid()]).toEqual([0, 'completed', [2, 1]])
    // three times what is broken, then the two clips
    expect(downloads(services)).toBe(3 + 3 + 2)
  })

  test('storage that refuses for good keeps the film here; --resume stores it without rendering again', async ({
    expect,
    onTestFinished,
  }) => {
    const { machine, fal, supabase, env, paid } = await startServices(onTestFinished)
    supabase.faults.answer('upload', 403, Number.POSITIVE_INFINITY)
    const failed = await machine.run(FILM, env)
    const { job_id, message } = lastOf(failed.json)
    expect(failed.code).toBe(1)
    expect(message).toMatch(
      /^Failed: The film could not be stored: Supabase refused SUPABASE_SECRET_KEY \(403: [^\n]+\): it has to be a secret key of the project at SUPABASE_URL\. It is kept; retry stores it without making it again\.$/,
    )
    expect([paid(), supabase.objects.size]).toEqual([[1, 1], 0])
    const kept = join(machine.dataDir, 'work', job_id, 'film.mp4')
    const { errors, frames } = await filmFacts(kept)
    expect({ errors, frames }).toEqual({ errors: '', frames: 2 * CLIP.frames - 1 })

    supabase.faults.clear()
    const atFal = [...fal.seen]
    const resumed = await machine.run(['--resume', job_id, '--json'], env)
    expect([resumed.code, lastOf(resumed.json).type]).toEqual([0, 'completed'])
    expect(fal.seen).toEqual(atFal)
    expect([...supabase.objects.keys()]).toEqual([`films/films/${job_id}.mp4`])
    expect((await fetch(lastOf(resumed.json).url ?? '')).status).toBe(200)
    expect((await filesIn(machine.dataDir)).filter((name) => name.includes('/'))).toEqual([])
  })

  test('a clip on a host that isn’t the provider’s own is refused in words, and nothing is fetched from there', async ({
    expect,
    onTestFinished,
  }) => {
    const { machine, fal, env, paid } = await startServices(onTestFinished)
    let fetched = 0
    const other = createServer((_request, response) => {
      fetched += 1
      response.end('the metadata of a cloud')
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    // leads to this machine as well, by an address that isn't loopback's
    const host = `0.0.0.0:${(other.address() as AddressInfo).port}`
    fal.outcomes.push({
      answer: { status: 200, body: { video: { url: `http://${host}/latest/meta-data` } } },
    })
    const { code, json } = await machine.run(FILM, env)
    expect([code, lastOf(json).message, paid(), fetched]).toEqual([
      1,
      `Failed: Segment 1 was rendered and paid, but its clip could not be fetched: The clip's address is refused: ${host} is not one of the provider's media hosts (MEDIA_HOSTS adds others). Retry fetches it again, at no cost.`,
      [1, 0],
      0,
    ])
    // it could have been fetched
    await fetch(`http://${host}/`)
    expect(fetched).toBe(1)
  })
})
