import { parseArgs } from 'node:util'
import { goThrough } from '../test/support/workers.ts'

/**
 * `node bench/workers.ts --jobs 200 --users 40`: many jobs on workers that are killed, on a Postgres that crashes. Prints what became of
 * them by the provider's own record, and fails where a job was lost, a segment paid twice, or a limit exceeded.
 */

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    segments: { type: 'string', default: '3' },
    users: { type: 'string', default: '40' },
    workers: { type: 'string', default: '3' },
    kills: { type: 'string', default: '20' },
    restarts: { type: 'string', default: '2' },
    renders: { type: 'string', default: '6' },
    pause: { type: 'string', default: '15' },
    seed: { type: 'string', default: '8' },
  },
})
const { pause, ...counts } = values
const numbers = Object.fromEntries(Object.entries(counts).map(([name, text]) => [name, Number(text)]))
const ordeal = { ...(numbers as Record<keyof typeof counts, number>), pauseMs: Number(pause) * 1000 }

const { jobs, paid, mostAtOnce, seconds } = await goThrough({ ...ordeal, tell: console.log })
const completed = jobs.filter(({ status }) => status === 'completed').length
const once = paid.filter((times) => times === 1).length
const segments = ordeal.jobs * ordeal.segments
console.log(`${completed} of ${ordeal.jobs} jobs completed in ${seconds.toFixed(0)} s`)
console.log(`${once} of ${segments} segments accepted once by the provider, ${paid.length - once} more often`)
console.log(`at most ${mostAtOnce} requests open at the provider, ${ordeal.renders} allowed`)
for (const { id, status, error } of jobs) if (status !== 'completed') console.log(id, status, error)
const good = completed === ordeal.jobs && once === segments && paid.length === segments
process.exit(good && mostAtOnce <= ordeal.renders ? 0 : 1)
