import { expect, onTestFinished, test, vi } from 'vitest'
import { filesIn, type JsonLine, type Machine, type Running } from '../support/cli.ts'
import { usedMachine } from '../support/databases.ts'

// a film takes seconds on an idle machine, and far longer on a busy one
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const FILM = ['a lighthouse in the rain', '--segments', '2', '--seconds', '4', '--json']

async function ownMachine(): Promise<Machine> {
  const machine = await usedMachine()
  onTestFinished(() => machine.remove())
  return machine
}

/** Waits until a segment's ffmpeg is at work. Returns the job's id. */
async function duringSegment(machine: Machine, running: Running, segment: number): Promise<string> {
  const { job_id } = await running.line((line) => line.type === 'segment_started' && line.segment === segment)
  const before = running.pid
  await expect
    .poll(async () => (await machine.processes()).filter((pid) => pid !== before), { timeout: 30_000 })
    .not.toEqual([])
  return job_id
}

async function statusOf(machine: Machine, jobId: string): Promise<string | undefined> {
  const { json } = await machine.run(['--list', '--json'])
  return json.find((line: JsonLine) => line.job_id === jobId)?.status
}

test.for([
  ['SIGINT to the command alone', (running: Running) => running.kill('SIGINT')],
  [
    'SIGINT to the whole process group, as a terminal sends it at Ctrl-C,',
    (running: Running) => running.killGroup('SIGINT'),
  ],
] as const)(
  '%s in the middle of a segment cancels the job and leaves nothing behind',
  async ([, interrupt]) => {
    const machine = await ownMachine()
    const running = machine.start(FILM)
    const jobId = await duringSegment(machine, running, 2)
    interrupt(running)
    const { code, stderr, json } = await running.ended
    expect([code, stderr]).toEqual([130, ''])
    expect(json.slice(-2).map((line) => line.type)).toEqual(['cancel_requested', 'cancelled'])
    expect(json.at(-1)?.progress).toBeLessThan(1)
    expect(await machine.processes()).toEqual([])
    expect((await filesIn(machine.dataDir)).filter((name) => name.includes('/'))).toEqual([])
    expect(await statusOf(machine, jobId)).toBe('cancelled')
  },
)

test('Ctrl-C in a terminal while the segments are joined cancels too: it never counts as a failure', async () => {
  const machine = await ownMachine()
  const running = machine.start(FILM)
  await running.line((line) => line.type === 'merging')
  running.killGroup('SIGINT')
  const { code, json } = await running.ended
  const end = json.at(-1)?.type
  // a film that was ready at that very moment is delivered
  expect([`${code} ${end}`]).toEqual([expect.stringMatching(/^(130 cancelled|0 completed)$/)])
  expect((await filesIn(machine.dataDir)).filter((name) => /^(work|local-model)\//.test(name))).toEqual([])
})

test('a second Ctrl-C leaves at once, and the next start just works', async () => {
  const machine = await ownMachine()
  const running = machine.start(FILM)
  const jobId = await duringSegment(machine, running, 1)
  running.kill('SIGSTOP')
  // both wait for the process to go on, and come in one breath
  running.kill('SIGINT')
  running.kill('SIGCONT')
  running.kill('SIGINT')
  expect((await running.ended).code).toBe(130)
  expect(['generating', 'cancelled']).toContain(await statusOf(machine, jobId))
})

test('SIGTERM stops the command with 143 and keeps the job; the next command tells of it, --cancel ends it', async () => {
  const machine = await ownMachine()
  const running = machine.start(FILM)
  const jobId = await duringSegment(machine, running, 2)
  running.kill('SIGTERM')
  const { code, stderr } = await running.ended
  expect([code, stderr]).toEqual([143, ''])
  expect(await machine.processes()).toEqual([])

  // the next one is told of it, and can be something else
  const next = machine.start(['x', '--segments', '2', '--seconds', '4'])
  await next.said(`끊긴 작업: ${jobId}`)
  await next.said('생성 중')
  next.kill('SIGINT')
  expect((await next.ended).code).toBe(130)

  const cancelled = await machine.run(['--cancel', jobId])
  expect(cancelled).toMatchObject({ code: 0, stdout: '취소되었습니다.\n', stderr: '' })
  expect((await filesIn(machine.dataDir)).filter((name) => name.includes('/'))).toEqual([])

  for (const option of ['--cancel', '--resume']) {
    const again = await machine.run([option, jobId, '--lang', 'en'])
    expect([again.code, again.stdout]).toEqual([2, ''])
    expect(again.stderr).toMatch(new RegExp(`^Job ${jobId} is cancelled; only [^\\n]+\\n$`))
  }
})

test('a job that was stopped by SIGTERM is finished by --resume; then --cancel is refused', async () => {
  const machine = await ownMachine()
  const running = machine.start(FILM)
  const jobId = await duringSegment(machine, running, 2)
  running.kill('SIGTERM')
  expect((await running.ended).code).toBe(143)

  const resumed = await machine.run(['--resume', jobId, '--json'])
  expect(resumed.code).toBe(0)
  const told = resumed.json.map(({ type, segment }) => (segment ? `${type} ${segment}` : type))
  expect(told).toEqual(['resumed', 'segment_done 2', 'merging', 'completed'])

  const { code, stdout, stderr } = await machine.run(['--cancel', jobId])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toBe(`${jobId} 작업의 상태는 ‘완료’입니다. 끝나지 않은 작업만 취소할 수 있습니다.\n`)
  expect(await statusOf(machine, jobId)).toBe('completed')
})
