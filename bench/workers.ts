import { parseArgs } from 'node:util'
import { goThrough, type Ordeal } from '../test/support/workers.ts'

/**
 * `npm run bench:workers`: many films, asked for in Discord and Slack, on workers and bots that are killed and a Postgres that crashes.
 * Prints what became of them by the records of the provider and the chats, and fails where a job was lost, a segment paid twice, somebody
 * not told or told twice, or a limit exceeded.
 */
const DEFAULTS = {
  ...{ jobs: 200, segments: 3, users: 40, inSlack: 8, workers: 3, serves: 2 },
  ...{ kills: 20, takeovers: 3, restarts: 2, renders: 6, active: 2, seed: 8 },
} satisfies Ordeal

const options = Object.fromEntries(
  Object.entries(DEFAULTS).map(([name, value]) => [name, { type: 'string' as const, default: `${value}` }]),
)
const { values } = parseArgs({ options })
const given = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Number(text)]))
const ordeal = { ...DEFAULTS, ...given }

const outcome = await goThrough({ ...ordeal, tell: console.log })
const { jobs, paid } = outcome
const segments = jobs.length * ordeal.segments
const count = (fits: (job: (typeof jobs)[number]) => boolean) => jobs.filter(fits).length
const once = paid.filter((times) => times === 1).length
const checks: [boolean, string][] = [
  [
    jobs.length >= ordeal.jobs,
    `${jobs.length} jobs were taken in, ${count(({ chat }) => chat === 'slack')} in Slack`,
  ],
  [
    count(({ status }) => status === 'completed') === jobs.length,
    `${count(({ status }) => status === 'completed')} of them completed in ${outcome.seconds.toFixed(0)} s`,
  ],
  [
    once === segments && paid.length === segments,
    `${once} of ${segments} segments accepted once by the provider, ${paid.length - once} more often`,
  ],
  [
    count(({ messages }) => messages === 1) === jobs.length,
    `${count(({ messages }) => messages === 1)} jobs with one direct message, ${count(({ messages }) => messages === 0)} with none, ` +
      `${count(({ messages }) => messages > 1)} with more`,
  ],
  [
    count(({ cardShowsFilm }) => cardShowsFilm) === jobs.length,
    `${count(({ cardShowsFilm }) => cardShowsFilm)} cards that show the film`,
  ],
  [
    outcome.mostAtOnce <= ordeal.renders,
    `at most ${outcome.mostAtOnce} requests open at the provider, ${ordeal.renders} allowed`,
  ],
  [
    outcome.mostActive <= ordeal.active,
    `at most ${outcome.mostActive} unfinished jobs of one person, ${ordeal.active} allowed; refused ${outcome.refused} times`,
  ],
  [outcome.connections > 1, `${outcome.connections} connections to Discord`],
  [outcome.invalid.length === 0, `${outcome.invalid.length} requests that a chat objects to`],
  [true, `${outcome.late} first answers after Discord’s three seconds`],
]
for (const [good, line] of checks) console.log(`${good ? '✓' : '✗'} ${line}`)
for (const job of jobs) {
  if (job.status !== 'completed' || job.messages !== 1 || !job.cardShowsFilm) console.log(JSON.stringify(job))
}
for (const line of outcome.invalid) console.log(line)
process.exit(checks.every(([good]) => good) ? 0 : 1)
