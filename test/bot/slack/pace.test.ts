import { expect, test } from 'vitest'
import { createPace } from '../../../src/bot/slack/pace.ts'

test('a few turns are given at once, the others at a steady rate, and each key has its own', async () => {
  let now = 0
  const waits: number[] = []
  const pace = createPace(
    { burst: 2, everyMs: 1000 },
    { now: () => now, sleep: async (ms) => void waits.push(ms) },
  )
  for (let i = 0; i < 4; i += 1) await pace.turn('a')
  await pace.turn('b')
  expect(waits).toEqual([1000, 2000])
  now = 60_000
  await pace.turn('a')
  expect(waits).toHaveLength(2)
})

test('where it is asked to wait, nobody’s turn comes before, and the others’ rate goes on from there', async () => {
  const waits: number[] = []
  const pace = createPace(
    { burst: 3, everyMs: 1000 },
    { now: () => 0, sleep: async (ms) => void waits.push(ms) },
  )
  await pace.turn('a')
  pace.pause('a', 7000)
  for (let i = 0; i < 2; i += 1) await pace.turn('a')
  await pace.turn('b')
  expect(waits).toEqual([7000, 8000])
})
