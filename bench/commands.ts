import { fileURLToPath } from 'node:url'
import { type Env, MAIN, newMachine } from '../test/support/cli.ts'
import { startDiscordFront } from '../test/support/discord-front.ts'
import { startFalServer } from '../test/support/fal-server.ts'
import { until } from '../test/support/until.ts'
import { median } from './median.ts'

/**
 * How long a hundred people wait for the first answer to `/sora` when they ask at the same moment, beside what a bot takes
 * that only defers: from the moment the commands go to the bot until each answer arrives. Discord waits 3 s. Both bots are
 * processes of their own, and take turns.
 */
const COMMANDS = 100
const ROUNDS = 3
const BARE = fileURLToPath(new URL('./bare-bot.ts', import.meta.url))

const closes: (() => Promise<void>)[] = []
const front = await startDiscordFront()
closes.push(front.close)
// nothing is rendered: each job waits for its first segment
const fal = await startFalServer({ outcome: { never: true } })
closes.push(fal.close)
const place = front.people.channel()
const people = await Promise.all(
  Array.from({ length: COMMANDS }, (_, i) => front.people.person(`Person${i + 1}`)),
)

const sora: number[][] = []
const bare: number[][] = []
let late = 0
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    // the first one registers the commands that both are sent
    sora.push(await acknowledgements(MAIN, fal.env))
    bare.push(await acknowledgements(BARE, {}))
  }
} finally {
  for (const close of closes) await close()
}
printTable()
if (late > 0 || front.invalid.length > 0) {
  console.error([`${late} commands were answered too late or not at all`, ...front.invalid].join('\n'))
  process.exitCode = 1
}

/** Milliseconds to the first answer to each of a hundred commands, sorted. */
async function acknowledgements(program: string, env: Env): Promise<number[]> {
  await using machine = await newMachine(program)
  const { identified } = front.gateway
  const running = machine.start([], { ...front.env, ...env, LOG_LEVEL: 'warn' })
  const isNew = () => front.gateway.identified > identified && front.gateway.ready
  await until('a bot that is connected', isNew, { seconds: 120, instead: running.output })
  await until('commands', () => front.commands.find('sora', null))
  const options = { prompt: 'a lighthouse in the rain', segments: 2, seconds: 4 }
  front.gateway.hold()
  const sent = people.map((person) => front.command(person, place, 'sora', options))
  const instead = () => `, but ${front.gateway.held()}, ${front.gateway.ready}: ${running.output()}`
  await until('commands on their way', () => front.gateway.held() === COMMANDS, { instead })
  front.gateway.release()
  const calls = await Promise.all(sent)
  const all = await Promise.allSettled(calls.map(({ first }) => withinLimit(first)))
  late += all.filter(({ status }) => status === 'rejected').length
  return all.flatMap((one) => (one.status === 'fulfilled' ? [one.value.afterMs] : [])).sort((a, b) => a - b)
}

/** Discord gives up after 3 s; a moment more is for the answer's way through the front. */
function withinLimit<T>(first: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const limit = setTimeout(() => reject(new Error('no answer')), 10_000)
  return Promise.race([first, promise]).finally(() => clearTimeout(limit))
}

function printTable(): void {
  const at = (rounds: readonly number[][], share: number) =>
    median(rounds.map((all) => all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? Number.NaN))
  console.log(`${COMMANDS} commands at the same moment, medians of ${ROUNDS} rounds\n`)
  console.log('| of the commands | /sora | a handler that only defers | ratio |')
  console.log('|---|---|---|---|')
  for (const [name, share] of [
    ['half', 0.5],
    ['90 %', 0.9],
    ['99 %', 0.99],
    ['all', 1],
  ] as const) {
    const [ours, theirs] = [at(sora, share), at(bare, share)]
    console.log(
      `| ${name} within | ${ours.toFixed(0)} ms | ${theirs.toFixed(0)} ms | ${(ours / theirs).toFixed(2)} |`,
    )
  }
}
