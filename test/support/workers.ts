import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { isUnfinished, type JobStatus } from '../../src/core/job.ts'
import { type Env, MAIN, newMachine, seededRandom } from './cli.ts'
import { discordMember, type Member, slackMember } from './crowd.ts'
import { type DiscordFront, startDiscordFront } from './discord-front.ts'
import { type FalServer, startFalServer } from './fal-server.ts'
import { type PostgresServer, startPostgres } from './postgres.ts'
import { readManifest } from './slack-bot.ts'
import { startSlackFront } from './slack-front.ts'
import type { SlackFront } from './slack-world.ts'
import { startSupabaseServer } from './supabase-server.ts'
import { keepRunning, type Supervised } from './supervised.ts'
import { until } from './until.ts'

/** What is to be gone through. */
export interface Ordeal {
  jobs: number
  segments: number
  users: number
  /** So many of the users ask in Slack, the others in Discord. */
  inSlack: number
  workers: number
  serves: number
  /** How many workers are killed by SIGKILL, how often the process that is connected to Discord is, and how often Postgres is cut off. */
  kills: number
  takeovers: number
  restarts: number
  /** `MAX_CONCURRENT_RENDERS`. */
  renders: number
  /** `MAX_ACTIVE_JOBS_PER_USER`. */
  active: number
  seed: number
  /** Hears of each blow. */
  tell?: (line: string) => void
}

/** A job, and what its person has got of it, by the chat's own record. */
export interface EndedJob {
  id: string
  prompt: string
  status: JobStatus
  error: unknown
  chat: string
  messages: number
  cardShowsFilm: boolean
}

/** What came of it, by the records of provider and chats, and the database. */
export interface Outcome {
  jobs: EndedJob[]
  /** For each request's shot how often the provider took it in. */
  paid: number[]
  /** Most requests that were open at the provider at the same time. */
  mostAtOnce: number
  /** Most unfinished jobs that one person had at the same time. */
  mostActive: number
  /** How often somebody was told that they have too many. */
  refused: number
  /** How often a process connected to Discord. */
  connections: number
  /** What the bot did wrong in the chats, their own limits among it. */
  invalid: string[]
  /** How many of its first answers came after Discord's three seconds, as they do on a busy machine: these people asked again. */
  late: number
  seconds: number
}

interface Row {
  id: string
  prompt: string
  status: JobStatus
  error: unknown
  person: string
  created: number
  ended: number
}

interface World {
  postgres: PostgresServer
  url: string
  fal: FalServer
  discord: DiscordFront
  slack: SlackFront
  workers: Supervised[]
  serves: Supervised[]
}

/** Everybody comes to an end within this, or something hangs. */
const LIMIT_SECONDS = 3600
/** How long a person waits for an answer before they ask again. */
const PATIENCE_MS = 10_000

/** Workers and serves on machines of their own, with a Postgres, a provider, a store of films and two chats, go through an ordeal. */
export async function goThrough(ordeal: Ordeal): Promise<Outcome> {
  const cleanup: (() => Promise<unknown>)[] = []
  try {
    return await suffer(ordeal, await startWorld(ordeal, cleanup), cleanup)
  } finally {
    for (const undo of cleanup.reverse()) await undo()
  }
}

async function startWorld(ordeal: Ordeal, cleanup: (() => Promise<unknown>)[]): Promise<World> {
  const { tell = () => {} } = ordeal
  const server = await startPostgres()
  cleanup.push(() => server.stop())
  const fal = await startFalServer({
    clip: { seconds: 0.5, scale: 0.2 },
    outcome: { steps: ['running', 'running'] },
  })
  cleanup.push(() => fal.close())
  const supabase = await startSupabaseServer()
  cleanup.push(() => supabase.stop())
  const discord = await startDiscordFront()
  cleanup.push(() => discord.close())
  const slack = await startSlackFront(readManifest().oauth_config.scopes.bot)
  cleanup.push(() => slack.close())
  const url = await server.createDatabase()
  const env: Env = {
    ...fal.env,
    DATABASE_URL: url,
    QUEUE: 'pg-boss',
    FAL_LOOKUP_SECONDS: '2',
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    MAX_CONCURRENT_RENDERS: `${ordeal.renders}`,
    MAX_CONCURRENT_JOBS: '4',
    MAX_ACTIVE_JOBS_PER_USER: `${ordeal.active}`,
    JOBS_PER_HOUR: '10000',
    DEFAULT_LOCALE: 'en',
    LOG_LEVEL: 'warn',
  }
  const chats: Env = { ...discord.env, SLACK_BOT_TOKEN: slack.token, SLACK_API_URL: slack.url }
  async function started(part: 'serve' | 'worker', count: number, more: Env): Promise<Supervised[]> {
    const machines = await Promise.all(Array.from({ length: count }, () => newMachine(MAIN)))
    for (const machine of machines) cleanup.push(() => machine.remove())
    return machines.map((machine) => {
      const kept = keepRunning(machine, [part], { ...env, ...more }, (code, output) =>
        tell(`a ${part} ended by itself (${code}):\n${output.slice(-6000)}`),
      )
      cleanup.push(() => kept.stop())
      return kept
    })
  }
  const serves = await started('serve', ordeal.serves, { ...chats, SLACK_APP_TOKEN: slack.appToken })
  const workers = await started('worker', ordeal.workers, {})
  const areThere = () =>
    discord.commands.find('sora', null) && discord.gateway.ready && slack.deliveries.connected()
  await until('bots that are connected', areThere, { seconds: 120 })
  return { postgres: server, url, fal, discord, slack, serves, workers }
}

async function suffer(ordeal: Ordeal, world: World, cleanup: (() => Promise<unknown>)[]): Promise<Outcome> {
  const { fal, discord, slack } = world
  const client = postgres(world.url, { max: 1, prepare: false, onnotice() {} })
  cleanup.push(() => client.end({ timeout: 1 }))
  let rows: Row[] = []
  const over = new AbortController()
  async function watch(): Promise<void> {
    while (!over.signal.aborted) {
      // while the database is away nothing can be seen
      rows = await readRows(client).catch(() => rows)
      await sleep(500)
    }
  }

  const members = await Promise.all(
    Array.from({ length: ordeal.users }, (_, i) =>
      i < ordeal.inSlack
        ? slackMember(slack, ordeal.segments)
        : discordMember(discord, `Person${i}`, ordeal.segments),
    ),
  )
  const start = Date.now()
  const watching = watch()
  const blows = deal(ordeal, world, over.signal)
  try {
    const share = (i: number) => Math.floor((ordeal.jobs + i) / ordeal.users)
    await Promise.all(members.map((member, i) => takePart(ordeal, member, share(i), () => rows)))
    const open = () => rows.filter((row) => isUnfinished(row.status))
    await until('an end of all jobs', () => open().length === 0, { seconds: LIMIT_SECONDS })
    const seconds = (Date.now() - start) / 1000
    const jobs = () => rows.map((row) => withChat(row, members))
    const isTold = () => jobs().every(({ messages, cardShowsFilm }) => messages > 0 && cardShowsFilm)
    // what is missing is seen in the outcome
    await until('a message for everybody', isTold, { seconds: 120 }).catch(() => {})
    // long enough for whoever would tell of it twice
    await sleep(6000)
    const objections = [...discord.invalid, ...discord.gateway.invalid, ...slack.invalid]
    return {
      jobs: jobs(),
      paid: Object.values(fal.paid()),
      mostAtOnce: fal.mostAtOnce(),
      mostActive: Math.max(...members.map(({ id }) => mostAtOnce(rows.filter((row) => row.person === id)))),
      refused: members.reduce((sum, member) => sum + member.refused(), 0),
      connections: discord.gateway.identified,
      invalid: objections.filter((line) => !isLate(line)),
      late: objections.filter(isLate).length,
      seconds,
    }
  } finally {
    over.abort()
    await Promise.all([watching, blows])
  }
}

/** Asks for so many films, no more at once than are allowed; once for one too many. */
async function takePart(ordeal: Ordeal, member: Member, films: number, rows: () => Row[]): Promise<void> {
  const mine = () => rows().filter(({ person }) => person === member.id)
  const last = Date.now() + LIMIT_SECONDS * 1000
  let tries = 0
  let greedy = true
  async function ask(): Promise<void> {
    tries += 1
    // a try that nobody answered may have been heard all the same
    const prompt = `film ${tries} for ${member.id}`
    const asked = member.ask(prompt).catch(() => {})
    const isIn = () => mine().some((row) => row.prompt === prompt)
    const refused = member.refused()
    for (const late = Date.now() + PATIENCE_MS; Date.now() < late && !isIn(); ) {
      if (member.refused() > refused) return
      await Promise.race([asked, sleep(300)])
      await sleep(200)
    }
  }
  for (;;) {
    if (Date.now() > last) throw new Error(`${member.id} got ${mine().length} of ${films} films taken in`)
    const open = mine().filter(({ id }) => member.told(id) === 0).length
    if (greedy && open >= ordeal.active) {
      greedy = false
      await ask()
    } else if (mine().length >= films) return
    else if (open < ordeal.active) await ask()
    else await sleep(300)
  }
}

/** The blows fall while the work goes on, by how much of it the provider has taken in. */
async function deal(ordeal: Ordeal, world: World, over: AbortSignal): Promise<void> {
  const { tell = () => {} } = ordeal
  const random = seededRandom(ordeal.seed)
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
  const { kills, takeovers, restarts } = ordeal
  const blows = [
    ...Array<'worker'>(kills).fill('worker'),
    ...Array<'serve'>(takeovers).fill('serve'),
    ...Array<'restart'>(restarts).fill('restart'),
  ]
  const count = blows.length
  const whole = ordeal.jobs * ordeal.segments
  for (let i = 0; i < count; i += 1) {
    const at = ((i + 0.5 + random() / 2) / (count + 1)) * whole
    while (world.fal.accepted.length < at) {
      if (over.aborted) return
      await sleep(100)
    }
    const [blow] = blows.splice(Math.floor(random() * blows.length), 1)
    if (blow === 'restart') {
      tell('Postgres is cut off')
      await world.postgres.restart()
    } else if (blow === 'worker') {
      const worker = pick(world.workers)
      tell(`worker ${worker.pid} is killed`)
      await worker.crash()
    } else await killConnected(world, tell)
  }
}

/** Which serve is connected only Discord sees: one after the other is killed until its line breaks. */
async function killConnected({ discord, serves }: World, tell: (line: string) => void): Promise<void> {
  await until('a bot that is connected', () => discord.gateway.ready, { seconds: 120 })
  for (const serve of serves) {
    tell(`serve ${serve.pid} is killed`)
    await serve.crash()
    await sleep(500)
    if (!discord.gateway.ready) return
    // the next one is killed only when this one can take over
    await sleep(5000)
  }
}

const isLate = (line: string) => line.includes('its first answer came after')

async function readRows(client: postgres.Sql): Promise<Row[]> {
  const rows = await client<Row[]>`
    select j.id, j.prompt, j.status, j.error, i.external_id as person,
      extract(epoch from j.created_at)::float8 as created,
      extract(epoch from coalesce(j.completed_at, j.updated_at))::float8 as ended
    from jobs j join identities i on i.user_id = j.user_id`
  return [...rows]
}

function withChat({ id, prompt, status, error, person }: Row, members: readonly Member[]): EndedJob {
  const member = members.find((one) => one.id === person)
  if (!member) throw new Error(`job ${id} is nobody’s`)
  const [messages, cardShowsFilm] = [member.told(id), member.sees(id)]
  return { id, prompt, status, error, chat: member.chat, messages, cardShowsFilm }
}

/** Most of these jobs that were unfinished at the same time: as many as there were when one of them came. */
function mostAtOnce(rows: readonly Row[]): number {
  const at = ({ created }: Row) => rows.filter((row) => row.created <= created && row.ended > created).length
  return Math.max(0, ...rows.map(at))
}
