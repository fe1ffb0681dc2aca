import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFailed, onTestFinished, test, vi } from 'vitest'
import type { JobEvent } from '../../src/core/event.ts'
import type { Segment } from '../../src/core/segment.ts'
import { changeText } from '../../src/i18n/index.ts'
import { createEventLog } from '../../src/storage/event-log.ts'
import { createJobStore } from '../../src/storage/job-store.ts'
import { type Ended, filesIn, type JsonLine, type Machine, newMachine, seededRandom } from '../support/cli.ts'
import { openDatabaseOf, silentLog } from '../support/databases.ts'
import { filmFacts } from '../support/film.ts'
import { ON_PG_BOSS } from '../support/queue.ts'

// a film takes seconds on an idle machine, and far longer on a busy one
vi.setConfig({ testTimeout: 480_000, hookTimeout: 240_000 })

const FILM = ['미래 도시를 배경으로 한 자동차 드라이빙 영상', '--segments', '4', '--seconds', '4', '--json']

async function freshMachine(): Promise<Machine> {
  const machine = await newMachine()
  onTestFinished(() => machine.remove())
  return machine
}

/** What the database holds of a job once no process has it open. */
async function ledgerOf(
  machine: Machine,
  jobId: string,
): Promise<{ segments: Segment[]; events: JobEvent[] }> {
  const database = await openDatabaseOf(machine)
  const log = await createEventLog(database, silentLog)
  try {
    const segments = await createJobStore(database.db, changeText).segments(jobId)
    return { segments, events: await log.since(jobId, 0) }
  } finally {
    await log.close()
    await database.close()
  }
}

/** The film is whole, each segment was paid and finished once, and nothing but the film is left. */
async function expectWholeFilm(machine: Machine, ended: Ended): Promise<void> {
  expect([ended.code, ended.stderr]).toEqual([0, ''])
  const { job_id, path = '' } = ended.json.at(-1) as JsonLine
  const { segments, events } = await ledgerOf(machine, job_id)
  expect(segments.map(({ index, state, attempts }) => [index, state, attempts])).toEqual([
    [1, 'stored', 1],
    [2, 'stored', 1],
    [3, 'stored', 1],
    [4, 'stored', 1],
  ])
  const of = (type: JobEvent['type']) =>
    events.flatMap((event) => (event.type === type && 'segment' in event ? [event.segment] : []))
  expect(of('segment_done')).toEqual([1, 2, 3, 4])
  expect(events.filter((event) => event.type === 'completed')).toHaveLength(1)
  const progress = events.map((event) => event.progress)
  expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  const left = await filesIn(machine.dataDir)
  const others = left.filter((name) => !/^objects\/films\/[0-9a-f-]{36}\.mp4$/.test(name))
  // one of many processes has a lock and a secret in the database
  expect(others).toEqual(ON_PG_BOSS ? [] : ['holder.json', 'lock', 'secret'])
  const { errors, frames, soundSeconds, pictureSeconds } = await filmFacts(path)
  expect({ errors, frames }).toEqual({ errors: '', frames: 4 * 96 - 3 })
  expect(Math.abs(soundSeconds - pictureSeconds)).toBeLessThanOrEqual(0.05)
}

describe('after SIGKILL, --resume finishes the film, and renders no finished segment again', () => {
  test('at ten random moments', async () => {
    const seed = randomInt(2 ** 31)
    const moments: string[] = []
    onTestFailed(() => {
      process.stderr.write(`seed ${seed}, killed ${moments.join(' · ')}\n`)
    })
    const random = seededRandom(seed)
    const machine = await freshMachine()

    let jobId: string | null = null
    for (let kills = 0; kills < 10; ) {
      const running = machine.start(jobId === null ? FILM : ['--resume', jobId, '--json'])
      const begun = await running.line(() => true)
      jobId = begun.job_id
      // now and then the job may come a step further, else no kill would meet its later steps
      const step = random() < 0.4
      if (step) await running.line(({ type }) => ['segment_done', 'merging', 'completed'].includes(type))
      const delay = Math.round(random() * (step ? 500 : 1500))
      await sleep(delay)
      running.kill('SIGKILL')
      const ended = await running.ended
      const last = ended.json.at(-1)
      if (last?.type === 'completed' && ended.signal === null) {
        // too quick for the signal: the next kills are for another film
        await expectWholeFilm(machine, ended)
        jobId = null
      } else {
        expect(ended.signal).toBe('SIGKILL')
        kills += 1
        moments.push(
          `${delay} ms after ${step ? 'a step' : 'the start'}, at ${last?.type} ${last?.segment ?? ''}`,
        )
      }
    }
    if (jobId !== null) await expectWholeFilm(machine, await machine.run(['--resume', jobId, '--json']))
  })

  test('when the shots are planned, in the second segment, after the third, and while joining', async () => {
    const machine = await freshMachine()
    let command = FILM
    for (const [type, segment] of [
      ['planned', undefined],
      ['segment_started', 2],
      ['segment_done', 3],
      ['merging', undefined],
    ] as const) {
      const running = machine.start(command)
      const { job_id } = await running.line((line) => line.type === type && line.segment === segment)
      running.kill('SIGKILL')
      const { signal } = await running.ended
      expect([type, signal]).toEqual([type, 'SIGKILL'])
      command = ['--resume', job_id, '--json']
    }
    await expectWholeFilm(machine, await machine.run(command))
  })
})

// with pg-boss there is no lock: any number of processes may share the folder
test.skipIf(ON_PG_BOSS)(
  'a second command on the same DATA_DIR is refused in one line that names the first; after SIGKILL it works',
  async () => {
    const machine = await freshMachine()
    const first = machine.start(FILM)
    const { job_id } = await first.line((line) => line.type === 'segment_started')
    for (const [args, refused] of [
      [['another film'], `DATA_DIR: ${machine.dataDir} 폴더는 프로세스 ${first.pid}번이`],
      [['--list', '--lang', 'en'], `DATA_DIR: ${machine.dataDir} is in use by process ${first.pid} since 20`],
    ] as const) {
      const second = await machine.run(args)
      expect([second.code, second.stdout]).toEqual([2, ''])
      expect(second.stderr).toMatch(/^[^\n]+\n$/)
      expect(second.stderr).toContain(refused)
    }
    first.kill('SIGKILL')
    await first.ended
    const { code, json } = await machine.run(['--list', '--json'])
    expect(code).toBe(0)
    expect(json).toEqual([expect.objectContaining({ job_id, status: 'generating' })])
  },
)
