import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, test } from 'vitest'
import { type Ended, type JsonLine, seededRandom } from '../support/cli.ts'
import type { Fault } from '../support/fal-server.ts'
import { filmFacts } from '../support/film.ts'
import { CLIP, FILM, lastOf, PROMPT, planOf, type Services, startServices } from '../support/services.ts'

const resume = (jobId: string) => ['--resume', jobId, '--json', '--lang', 'en']
const ENDED_WELL = { code: 0, end: 'completed', paid: [1, 1] }

function endOf({ paid }: Services, { code, json }: Ended) {
  return { code, end: lastOf(json).type, paid: paid() }
}

/** What was told, in order: the kind of each change, and its segment where it is about one. */
const told = (json: readonly JsonLine[]) =>
  json.map(({ type, segment }) => (segment ? `${type} ${segment}` : type))

// the longest comes first: the others run beside it
test('thirty kills at random moments of one film of six segments: six requests are paid, and the film is whole', {
  concurrent: true,
  timeout: 600_000,
}, async ({ expect, onTestFinished, onTestFailed }) => {
  const seed = randomInt(2 ** 31)
  const moments: string[] = []
  onTestFailed(() => {
    process.stderr.write(`seed ${seed}, killed ${moments.join(' · ')}\n`)
  })
  const random = seededRandom(seed)
  const SEGMENTS = 6
  const KILLS = 30
  const services = await startServices(onTestFinished, { database: false })
  const { machine, fal, openai, paid } = services
  // a search that took a second would outlast every run
  const env = { ...services.env, FAL_LOOKUP_SECONDS: '0' }
  openai.answer(planOf(SEGMENTS))

  let kills = 0
  // a request is ready after five more kills than the one before it, and the last after all: the kills spread over the film
  fal.outcomes.push(
    ...Array.from({ length: SEGMENTS }, (_, i) => ({
      steps: [],
      get never() {
        return kills < (i + 1 < SEGMENTS ? 5 * i : KILLS)
      },
    })),
  )
  const out = join(machine.folder, 'film.mp4')
  const film = [PROMPT, '--segments', `${SEGMENTS}`, '--seconds', '4', '--lang', 'en', '--json', '--out', out]
  let command: readonly string[] = film
  while (kills < KILLS) {
    const running = machine.start(command, env)
    const begun = await running.line(() => true)
    command = [...resume(begun.job_id), '--out', out]
    const delay = Math.round(random() * 600)
    const step = running.line(({ type }) => type === 'segment_started' || type === 'segment_done')
    // every other time it ends at once after a step, where requests are about to be made or to be written down
    const soon =
      random() < 0.5 ? step.then(() => sleep(Math.round(random() * 60))) : step.then(() => sleep(delay))
    await Promise.race([sleep(delay), soon.catch(() => {})])
    running.kill('SIGKILL')
    const ended = await running.ended
    expect(ended.signal).toBe('SIGKILL')
    kills += 1
    const last = lastOf(ended.json)
    moments.push(`${delay} ms after the start, at ${last.type} ${last.segment ?? ''}`)
  }
  const ended = await machine.run(command, env)
  expect([ended.code, lastOf(ended.json).type]).toEqual([0, 'completed'])
  expect(paid(SEGMENTS)).toEqual([1, 1, 1, 1, 1, 1])
  expect(fal.accepted).toHaveLength(SEGMENTS)
  const { errors, frames } = await filmFacts(out)
  expect({ errors, frames }).toEqual({ errors: '', frames: SEGMENTS * (CLIP.frames - 1) + 1 })
})

describe('each segment is paid once when the command is killed', {
  concurrent: true,
  timeout: 180_000,
}, () => {
  test.for([
    { point: 'submit', name: 'a submit', goesOn: ['segment_adopted 1', 'segment_done 1'] },
    { point: 'status', name: 'a status', goesOn: ['segment_done 1'] },
    { point: 'result', name: 'a result', goesOn: ['segment_done 1'] },
    { point: 'download', name: 'a download', goesOn: ['segment_done 1'] },
    { point: 'upload', name: 'a first frame’s upload', goesOn: ['segment_started 2', 'segment_done 2'] },
  ] as const)(
    'while the provider holds its answer to $name',
    async ({ point, goesOn }, { expect, onTestFinished }) => {
      const services = await startServices(onTestFinished, { database: false })
      const { machine, fal, env } = services
      const held = fal.hold(point)
      const running = machine.start(FILM, env)
      await held.arrived
      running.kill('SIGKILL')
      const killed = await running.ended
      held.release()
      expect(killed.signal).toBe('SIGKILL')
      const resumed = await machine.run(resume(lastOf(killed.json).job_id), env)
      expect(endOf(services, resumed)).toEqual(ENDED_WELL)
      expect(told(resumed.json).slice(0, goesOn.length + 1)).toEqual(['resumed', ...goesOn])
    },
  )

  test('while the provider holds its answer to a submit, with the jobs on a Postgres server', async ({
    expect,
    onTestFinished,
  }) => {
    const services = await startServices(onTestFinished)
    const { machine, fal, env } = services
    const held = fal.hold('submit')
    const running = machine.start(FILM, env)
    await held.arrived
    running.kill('SIGKILL')
    const killed = await running.ended
    held.release()
    // another machine goes on as soon as the first one has been silent for long enough
    const resumed = await machine.run(resume(lastOf(killed.json).job_id), env)
    expect(endOf(services, resumed)).toEqual(ENDED_WELL)
  })

  test('and while it looks for the request whose answer it lost', async ({ expect, onTestFinished }) => {
    const services = await startServices(onTestFinished, { database: false, unlistedFor: 1 })
    const { machine, fal, env } = services
    fal.fault('submit', { drop: 'at once', accept: true })
    const held = fal.hold('list')
    const running = machine.start(FILM, env)
    await held.arrived
    running.kill('SIGKILL')
    const killed = await running.ended
    held.release()
    const resumed = await machine.run(resume(lastOf(killed.json).job_id), env)
    expect(endOf(services, resumed)).toEqual(ENDED_WELL)
  })
})

describe('each segment is paid once, without a person’s help, when a submit', {
  concurrent: true,
  timeout: 120_000,
}, () => {
  /** `adopted`: it was accepted all the same, so that it has to be found again. */
  const FAULTS: readonly { name: string; fault: Fault; adopted: boolean }[] = [
    {
      name: 'is answered with 429 and Retry-After',
      fault: { answer: 429, headers: { 'retry-after': '1' } },
      adopted: false,
    },
    { name: 'is answered with 502 and not accepted', fault: { answer: 502 }, adopted: false },
    {
      name: 'is answered with 502 after it was accepted',
      fault: { answer: 502, accept: true },
      adopted: true,
    },
    { name: 'is answered with 503 and not accepted', fault: { answer: 503 }, adopted: false },
    {
      name: 'is answered with 503 after it was accepted',
      fault: { answer: 503, accept: true },
      adopted: true,
    },
    { name: 'is answered with 504 and not accepted', fault: { answer: 504 }, adopted: false },
    {
      name: 'is answered with 504 after it was accepted',
      fault: { answer: 504, accept: true },
      adopted: true,
    },
    { name: 'meets a reset and is not accepted', fault: { drop: 'at once' }, adopted: false },
    {
      name: 'meets a reset after it was accepted',
      fault: { drop: 'at once', accept: true },
      adopted: true,
    },
    {
      name: 'is accepted, and the connection is cut within the answer',
      fault: { drop: 'in the body', accept: true },
      adopted: true,
    },
  ]
  test.for(FAULTS)('$name', async ({ fault, adopted }, { expect, onTestFinished }) => {
    const services = await startServices(onTestFinished)
    const { machine, fal, env } = services
    fal.fault('submit', fault)
    const ended = await machine.run(FILM, env)
    expect(endOf(services, ended)).toEqual(ENDED_WELL)
    expect(told(ended.json).filter((line) => line.startsWith('segment_adopted'))).toEqual(
      adopted ? ['segment_adopted 1'] : [],
    )
  })
})

describe('where it can’t be known whether a request was accepted', {
  concurrent: true,
  timeout: 120_000,
}, () => {
  const UNKNOWN =
    /^Failed: It can’t be known whether the request for segment 1 was accepted \([^\n]+\)\. Nothing more was paid; retry may pay this one segment again\.$/

  test('the job says so and pays nothing more; the person’s --resume pays that one segment once more', async ({
    expect,
    onTestFinished,
  }) => {
    const services = await startServices(onTestFinished)
    const { machine, fal, env, paid } = services
    fal.fault('submit', { drop: 'at once', accept: true })
    fal.fault('list', { answer: 403 }, { answer: 403 })
    const failed = await machine.run(FILM, env)
    expect(endOf(services, failed)).toEqual({ code: 1, end: 'failed', paid: [1, 0] })
    const { message, job_id } = lastOf(failed.json)
    expect(message).toMatch(UNKNOWN)
    const resumed = await machine.run(resume(job_id), env)
    expect(endOf(services, resumed)).toEqual({ code: 0, end: 'completed', paid: [2, 1] })
    // one permission is for one request: the next time it is asked for again
    fal.fault('submit', { drop: 'at once', accept: true })
    fal.fault('list', { answer: 403 })
    const next = await machine.run(FILM, env)
    expect([next.code, lastOf(next.json).message]).toEqual([1, expect.stringMatching(UNKNOWN)])
    expect(paid()).toEqual([3, 1])
  })

  test('and its list answers again by the time of --resume, nothing is paid again', async ({
    expect,
    onTestFinished,
  }) => {
    const services = await startServices(onTestFinished)
    const { machine, fal, env } = services
    fal.fault('submit', { answer: 502, accept: true })
    fal.fault('list', ...Array.from({ length: 4 }, () => ({ answer: 500 })))
    const failed = await machine.run(FILM, env)
    expect(endOf(services, failed)).toEqual({ code: 1, end: 'failed', paid: [1, 0] })
    expect(lastOf(failed.json).message).toMatch(UNKNOWN)
    const resumed = await machine.run(resume(lastOf(failed.json).job_id), env)
    expect(endOf(services, resumed)).toEqual(ENDED_WELL)
  })

  test('because the command was killed, --resume stops there too, and only the next one pays', async ({
    expect,
    onTestFinished,
  }) => {
    const services = await startServices(onTestFinished, { database: false })
    const { machine, fal, env } = services
    const held = fal.hold('submit')
    fal.fault('list', { answer: 403 }, { answer: 403 })
    const running = machine.start(FILM, env)
    await held.arrived
    running.kill('SIGKILL')
    const { job_id } = lastOf((await running.ended).json)
    held.release()
    const stopped = await machine.run(resume(job_id), env)
    expect(endOf(services, stopped)).toEqual({ code: 1, end: 'failed', paid: [1, 0] })
    expect(lastOf(stopped.json).message).toMatch(UNKNOWN)
    const agreed = await machine.run(resume(job_id), env)
    expect(endOf(services, agreed)).toEqual({ code: 0, end: 'completed', paid: [2, 1] })
  })
})

describe('Ctrl-C during a render', { concurrent: true, timeout: 120_000 }, () => {
  test('stops the request at the provider too', async ({ expect, onTestFinished }) => {
    const services = await startServices(onTestFinished, { outcome: { never: true } })
    const { machine, fal, env } = services
    const asked = fal.hold('status')
    const running = machine.start(FILM, env)
    await asked.arrived
    asked.release()
    running.killGroup('SIGINT')
    const ended = await running.ended
    expect(endOf(services, ended)).toEqual({ code: 130, end: 'cancelled', paid: [1, 0] })
    expect(fal.accepted.map(({ cancelled }) => cancelled)).toEqual([true])
  })

  test('while the answer to a submit is on its way stops that request too', async ({
    expect,
    onTestFinished,
  }) => {
    const services = await startServices(onTestFinished, { outcome: { never: true } })
    const { machine, fal, env } = services
    const held = fal.hold('submit')
    const running = machine.start(FILM, env)
    await held.arrived
    running.kill('SIGINT')
    await running.line(({ type }) => type === 'cancel_requested')
    held.release()
    const ended = await running.ended
    expect(endOf(services, ended)).toEqual({ code: 130, end: 'cancelled', paid: [1, 0] })
    expect(fal.accepted.map(({ cancelled }) => cancelled)).toEqual([true])
  })
})
