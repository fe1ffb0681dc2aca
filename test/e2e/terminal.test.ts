import { join } from 'node:path'
import stringWidth from 'string-width'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Machine } from '../support/cli.ts'
import { usedMachine } from '../support/databases.ts'
import { onTerminal, screenOf } from '../support/terminal.ts'

// a film takes seconds on an idle machine, and far longer on a busy one
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const PROMPT = '미래 도시를 배경으로 한 자동차 드라이빙 영상'

/** The path of --out names the machine's folder, by which a command that hangs is found and ended. */
const filmOn = (machine: Machine) => [
  PROMPT,
  '--segments',
  '2',
  '--seconds',
  '4',
  '--out',
  join(machine.folder, 'film.mp4'),
]

describe('on a terminal of 60 columns', () => {
  let machine: Machine
  let code: number | null
  let output: string

  beforeAll(async () => {
    machine = await usedMachine()
    const terminal = onTerminal(machine, filmOn(machine), { columns: 60 })
    code = await terminal.ended
    output = terminal.output()
  })
  afterAll(() => machine.remove())

  test('the bar stays on one line, from the start to 100%', () => {
    expect(code).toBe(0)
    const bars = screenOf(output).filter(({ shown }) => /[█░]/.test(shown))
    expect(bars).toHaveLength(1)
    const [bar] = bars
    expect(bar?.shown).toMatch(/^█{24} 100% \d+:\d\d {2}영상이 완성되었습니다/)
    const percents = bar?.before.flatMap((text) => /(\d+)%/.exec(text)?.[1] ?? []).map(Number) ?? []
    expect(percents).toEqual(percents.toSorted((a, b) => a - b))
    expect(percents).toEqual(expect.arrayContaining([20, 50]))
  })

  test('the bar never wraps, though a Hangul syllable takes two columns', () => {
    for (const { shown, before } of screenOf(output)) {
      if (!/[█░]/.test(shown)) continue
      for (const text of [shown, ...before]) expect(stringWidth(text)).toBeLessThan(60)
    }
  })

  test('lines that stay stand around it: the job before, the film after', () => {
    const lines = screenOf(output).map(({ shown }) => shown)
    const bar = lines.findIndex((line) => /[█░]/.test(line))
    expect(lines.slice(0, bar).join('\n')).toMatch(/로컬 대역.*작업 [0-9a-f-]{36}/s)
    expect(lines.slice(bar + 1).join('\n')).toContain(`${join(machine.folder, 'film.mp4')} — `)
  })
})

test('a bar is drawn on a terminal that doesn’t know its width too, and Ctrl-C typed there cancels the job', async () => {
  const machine = await usedMachine()
  onTestFinished(() => machine.remove())
  const terminal = onTerminal(machine, filmOn(machine), { columns: null })
  await terminal.said('세그먼트 1/2 생성 중')
  terminal.type('\x03')
  expect(await terminal.ended).toBe(130)
  const lines = screenOf(terminal.output())
  expect(lines.filter(({ shown }) => /[█░]/.test(shown)).map(({ shown }) => shown)).toEqual([
    expect.stringMatching(/%.*취소되었습니다\.$/),
  ])
  const { json } = await machine.run(['--list', '--json'])
  expect(json).toEqual([expect.objectContaining({ status: 'cancelled' })])
})

test('elsewhere each change is a plain line, without codes for a terminal', async () => {
  const machine = await usedMachine()
  onTestFinished(() => machine.remove())
  const running = machine.start([...filmOn(machine), '--lang', 'en'], { TERM: 'xterm', COLUMNS: '60' })
  await running.said(' 50%  Segment 1/2 is done.\n')
  running.kill('SIGINT')
  const { code, stdout } = await running.ended
  expect(code).toBe(130)
  for (const sign of ['\x1b', '\r', '█', '░']) expect(stdout).not.toContain(sign)
  expect(stdout).toContain('\n  0%  The job has been taken in.\n 10%  Planning the shots…\n')
  expect(stdout).toMatch(/ {2}Cancelled\.\n$/)
})
