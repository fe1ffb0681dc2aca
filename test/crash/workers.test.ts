import { expect, test, vi } from 'vitest'
import { goThrough } from '../support/workers.ts'

// a minute on an idle machine, and far longer on a busy one
vi.setConfig({ testTimeout: 400_000 })

const RENDERS = 3
const ACTIVE = 2

test('films that people ask for in Discord and Slack are all made and told of once, while workers, the connected bot and Postgres crash: each segment paid once, no limit exceeded', async () => {
  const { jobs, paid, ...counted } = await goThrough({
    ...{
      jobs: 8,
      segments: 2,
      users: 4,
      inSlack: 1,
      workers: 3,
      serves: 2,
      renders: RENDERS,
      active: ACTIVE,
    },
    ...{ kills: 3, takeovers: 1, restarts: 1, seed: 8 },
  })
  const outcome = jobs.map(({ status, error, messages, cardShowsFilm }) => ({
    ...{ status, error, messages, cardShowsFilm },
  }))
  const good = { status: 'completed', error: null, messages: 1, cardShowsFilm: true }
  expect(outcome).toEqual(jobs.map(() => good))
  expect(jobs.length).toBeGreaterThanOrEqual(8)
  expect(paid).toEqual(Array(jobs.length * 2).fill(1))
  expect(counted.mostAtOnce).toBeLessThanOrEqual(RENDERS)
  expect(counted.mostActive).toBeLessThanOrEqual(ACTIVE)
  expect(counted.invalid).toEqual([])
  expect(counted.connections).toBeGreaterThan(1)
})
