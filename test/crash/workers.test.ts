import { expect, test, vi } from 'vitest'
import { goThrough } from '../support/workers.ts'

// half a minute on an idle machine, and far longer on a busy one
vi.setConfig({ testTimeout: 300_000 })

const RENDERS = 2

test('jobs of several people are all made by workers that are killed, on a Postgres that crashes: each segment paid once, no limit exceeded', async () => {
  const { jobs, paid, mostAtOnce } = await goThrough({
    ...{ jobs: 8, segments: 2, users: 5, workers: 3, renders: RENDERS },
    ...{ kills: 4, restarts: 1, pauseMs: 2500, seed: 8 },
  })
  expect(jobs.map(({ status, error }) => [status, error])).toEqual(jobs.map(() => ['completed', null]))
  expect(paid).toEqual(Array(8 * 2).fill(1))
  expect(mostAtOnce).toBeLessThanOrEqual(RENDERS)
})
