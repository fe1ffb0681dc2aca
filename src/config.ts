import { existsSync } from 'node:fs'
import * as z from 'zod'
import { LOCALES, type Locale, shown } from './core/request.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const QUEUES = ['in-process', 'pg-boss'] as const

const FILM_LABELS = ['metadata', 'visible'] as const

/** What an operator has set. `null`: not set, and what then happens is the reader's to say. */
export interface Config {
  dataDir: string
  databaseUrl: string | null
  /** Who hands out jobs: this process to itself, or the database to any number of processes. */
  queue: (typeof QUEUES)[number]
  defaultLocale: Locale
  /** The folder from which a command was given: npm runs scripts in the package's. */
  callerDir: string
  logLevel: (typeof LOG_LEVELS)[number] | null
  ffmpegPath: string | null
  videoModel: string | null
  jobsPerHour: number
  maxConcurrentJobs: number
  maxConcurrentRenders: number
  maxActiveJobsPerUser: number
  openai: { apiKey: string; baseUrl: string | null; model: string } | null
  fal: {
    key: string
    queueUrl: string
    restUrl: string
    apiUrl: string
    mediaHosts: readonly string[]
    pace: { unlisted: number }
  } | null
  /** Where fal's prices and schemas are asked for, with a key or without. */
  falApiUrl: string | null
  supabase: { url: string; secretKey: string; bucket: string } | null
  discord: {
    token: string
    /** Discord sends signed requests, by this key; null: the bot is connected. */
    publicKey: string | null
    apiUrl: string
    guildId: string | null
  } | null
  slack: {
    botToken: string
    apiUrl: string
    /** Finished films are uploaded to Slack. */
    uploadFilm: boolean
    /** How Slack reaches the bot: by a connection that the bot opens (Socket Mode), or by signed requests. */
    door: { appToken: string } | { signingSecret: string }
  } | null
  /** Where this server listens. Without `auth` it is for one person, and `host` is this machine's own. */
  web: {
    host: string
    /** 0: any that is free. */
    port: number
    /** Who may use the API from other sites, such as `https://example.com`. */
    corsOrigins: readonly string[]
    /** Who people are: tokens of a Supabase project, and the secret by which older ones are signed. */
    auth: { url: string; jwtSecret: string | null } | null
  }
  /** Where people reach the web page, without a slash at its end. */
  publicUrl: string | null
  /** How long things are kept, in days; null: for ever. */
  keep: { workDays: number; filmDays: number | null; logDays: number }
  /** Bytes that must be free on the data folder's disk before a job is taken in. */
  minFreeDisk: number
  /** In USD; null: no ceiling. */
  maxUsdPerJob: number | null
  maxUsdPerUserDay: number | null
  /** In USD: above it the command line asks first. */
  confirmAboveUsd: number
  /** Where a film says how it was made: in its metadata alone, or on its first seconds' picture too. */
  filmLabel: (typeof FILM_LABELS)[number]
}

/** One variable that can't be used: worded by `i18n` under `config.<problem>`. `given` is empty for a secret. */
export interface ConfigProblem {
  variable: string
  problem:
    | 'not_whole_number'
    | 'not_one_of'
    | 'not_postgres_url'
    | 'not_web_address'
    | 'not_usd'
    | 'not_bucket_name'
    | 'not_discord_id'
    | 'not_public_key'
    | 'needed_with'
    | 'needs_one_of'
    | 'not_slack_token'
    | 'not_slack_secret'
    | 'not_origins'
    | 'needs_accounts'
    | 'part_needs_queue'
  given: string
  allowed: string
}

/** The environment can't be used. Thrown with every problem that was found. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => `${problem.variable}: ${problem.problem}`).join(', '))
    this.problems = problems
  }
}

const text = z.string().trim().min(1)

/** The check of one variable, and what an operator is told where it fails. */
interface Rule {
  schema: z.ZodType
  problem: ConfigProblem['problem']
  allowed: string
  secret?: true
}

const wholeNumber = (min: number, max: number) => ({
  schema: text.regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max)),
  problem: 'not_whole_number' as const,
  allowed: `${min}–${max}`,
})

const oneOf = <T extends string>(values: readonly T[]) => ({
  schema: z.enum(values),
  problem: 'not_one_of' as const,
  allowed: values.join(', '),
})

const webAddress = {
  schema: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  problem: 'not_web_address' as const,
  allowed: 'https://host/path',
}

const bucket = {
  schema: text.regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
  problem: 'not_bucket_name' as const,
  allowed: 'a–z, 0–9, _ and -',
}

const discordId = {
  schema: text.regex(/^\d{17,20}$/),
  problem: 'not_discord_id' as const,
  allowed: '123456789012345678',
}

/** A bot's token is easily taken for it: what was given isn't told. */
const publicKey = {
  schema: text.regex(/^[0-9a-f]{64}$/i).transform((key) => key.toLowerCase()),
  problem: 'not_public_key' as const,
  allowed: '64 × 0–9, a–f',
  secret: true as const,
}

/** Slack's tokens say by their beginning what they are for; to swap them is the usual mistake. */
const slackToken = (beginning: string) => ({
  schema: text.regex(new RegExp(`^${beginning}-\\S+$`)),
  problem: 'not_slack_token' as const,
  allowed: `${beginning}-…`,
  secret: true as const,
})

const usd = {
  schema: text
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().max(1_000_000)),
  problem: 'not_usd' as const,
  allowed: '0–1000000, such as 2.50',
}

const origins = {
  schema: text
    .transform((list) => list.split(/[\s,]+/).filter((one) => one !== ''))
    .pipe(z.array(z.url({ protocol: /^https?$/ }).refine((url) => URL.parse(url)?.origin === url))),
  problem: 'not_origins' as const,
  allowed: 'https://example.com, https://app.example.com',
}

/** Addresses that no other machine reaches. */
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

const RULES = {
  DATABASE_URL: {
    schema: z.url({ protocol: /^postgres(ql)?$/, hostname: /./ }),
    problem: 'not_postgres_url',
    allowed: 'postgres://user:password@host:5432/name',
    secret: true,
  },
  QUEUE: oneOf(QUEUES),
  DEFAULT_LOCALE: oneOf(LOCALES),
  LOG_LEVEL: oneOf(LOG_LEVELS),
  FILM_LABEL: oneOf(FILM_LABELS),
  JOBS_PER_HOUR: wholeNumber(1, 10_000),
  MAX_CONCURRENT_JOBS: wholeNumber(1, 1000),
  MAX_CONCURRENT_RENDERS: wholeNumber(1, 1000),
  MAX_ACTIVE_JOBS_PER_USER: wholeNumber(1, 1000),
  KEEP_WORK_DAYS: wholeNumber(0, 36_500),
  KEEP_FILMS_DAYS: wholeNumber(1, 36_500),
  KEEP_LOGS_DAYS: wholeNumber(1, 36_500),
  MIN_FREE_DISK_MB: wholeNumber(0, 100_000_000),
  OPENAI_BASE_URL: webAddress,
  SUPABASE_BUCKET: bucket,
  FAL_LOOKUP_SECONDS: wholeNumber(0, 86_400),
  FAL_QUEUE_URL: webAddress,
  FAL_REST_URL: webAddress,
  FAL_API_URL: webAddress,
  SUPABASE_URL: webAddress,
  DISCORD_API_URL: webAddress,
  DISCORD_GUILD_ID: discordId,
  DISCORD_PUBLIC_KEY: publicKey,
  SLACK_BOT_TOKEN: slackToken('xoxb'),
  SLACK_APP_TOKEN: slackToken('xapp'),
  SLACK_SIGNING_SECRET: {
    schema: text.regex(/^[0-9a-f]{32}$/),
    problem: 'not_slack_secret',
    allowed: '32 × 0–9, a–f',
    secret: true,
  },
  SLACK_API_URL: webAddress,
  SLACK_UPLOAD_FILM: oneOf(['true', 'false']),
  PORT: wholeNumber(0, 65_535),
  CORS_ORIGINS: origins,
  PUBLIC_URL: webAddress,
  MAX_USD_PER_JOB: usd,
  MAX_USD_PER_USER_DAY: usd,
  CONFIRM_ABOVE_USD: usd,
} satisfies Record<string, Rule>

/** Adds what a `.env` file in this folder sets to the environment, where that doesn't set it already. */
export function loadEnvFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env')
}

/** Reads the environment, the only place that does. A variable that is set to nothing counts as not set. Throws `ConfigError`. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const { config, problems } = examineConfig(env)
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

/** The same without throwing: what can't be used counts as not set. */
export function examineConfig(env: NodeJS.ProcessEnv = process.env): {
  config: Config
  problems: ConfigProblem[]
} {
  const problems: ConfigProblem[] = []
  const set = (variable: string) => env[variable]?.trim() || null

  function checked<V extends keyof typeof RULES>(variable: V): z.output<(typeof RULES)[V]['schema']> | null {
    const rule: Rule = RULES[variable]
    const given = set(variable)
    if (given === null) return null
    const parsed = rule.schema.safeParse(given)
    if (parsed.success) return parsed.data as z.output<(typeof RULES)[V]['schema']>
    const { problem, allowed } = rule
    problems.push({ variable, problem, allowed, given: rule.secret ? '' : shown(given) })
    return null
  }

  const queue = checked('QUEUE') ?? 'in-process'
  if (queue === 'pg-boss' && set('DATABASE_URL') === null) {
    problems.push(missing('DATABASE_URL', 'QUEUE=pg-boss'))
  }

  const openaiKey = set('OPENAI_API_KEY')
  const falKey = set('FAL_KEY')
  const supabaseUrl = checked('SUPABASE_URL')
  const supabaseKey = set('SUPABASE_SECRET_KEY')
  if (supabaseUrl && !supabaseKey) problems.push(missing('SUPABASE_SECRET_KEY', 'SUPABASE_URL'))
  const bucketName = checked('SUPABASE_BUCKET') ?? 'films'
  const openaiUrl = checked('OPENAI_BASE_URL')
  const falApiUrl = checked('FAL_API_URL')
  const falAddresses = {
    queueUrl: checked('FAL_QUEUE_URL') ?? 'https://queue.fal.run',
    restUrl: checked('FAL_REST_URL') ?? 'https://rest.fal.ai',
    apiUrl: falApiUrl ?? 'https://api.fal.ai',
    // in milliseconds; the reason for so long a wait stands in .env.example
    pace: { unlisted: (checked('FAL_LOOKUP_SECONDS') ?? 300) * 1000 },
    mediaHosts: (set('MEDIA_HOSTS') ?? '').split(/[\s,]+/).filter((host) => host !== ''),
  }

  const discordToken = set('DISCORD_TOKEN')
  const discordUrl = checked('DISCORD_API_URL') ?? 'https://discord.com/api'
  const discordGuild = checked('DISCORD_GUILD_ID')
  const discordKey = checked('DISCORD_PUBLIC_KEY')
  if (discordToken === null && set('DISCORD_PUBLIC_KEY') !== null) {
    problems.push(missing('DISCORD_TOKEN', 'DISCORD_PUBLIC_KEY'))
  }

  const slackBot = checked('SLACK_BOT_TOKEN')
  const slackApp = checked('SLACK_APP_TOKEN')
  const slackSecret = checked('SLACK_SIGNING_SECRET')
  const slackUrl = checked('SLACK_API_URL') ?? 'https://slack.com/api'
  const uploadFilm = checked('SLACK_UPLOAD_FILM') === 'true'
  const host = set('HOST') ?? '127.0.0.1'
  const port = checked('PORT') ?? 3000
  const slackDoors = ['SLACK_APP_TOKEN', 'SLACK_SIGNING_SECRET'].filter((name) => set(name) !== null)
  if (set('SLACK_BOT_TOKEN') === null && slackDoors[0] !== undefined) {
    problems.push(missing('SLACK_BOT_TOKEN', slackDoors[0]))
  }
  if (set('SLACK_BOT_TOKEN') !== null && slackDoors.length === 0) {
    const allowed = 'SLACK_APP_TOKEN, SLACK_SIGNING_SECRET'
    problems.push({ variable: 'SLACK_BOT_TOKEN', problem: 'needs_one_of', given: '', allowed })
  }
  const door = slackApp ? { appToken: slackApp } : slackSecret ? { signingSecret: slackSecret } : null

  const jwtSecret = set('SUPABASE_JWT_SECRET')
  if (jwtSecret && set('SUPABASE_URL') === null) {
    problems.push(missing('SUPABASE_URL', 'SUPABASE_JWT_SECRET'))
  }
  if (set('SUPABASE_URL') === null && !LOOPBACK.includes(host)) {
    problems.push({ variable: 'HOST', problem: 'needs_accounts', given: host, allowed: LOOPBACK.join(', ') })
  }

  const config: Config = {
    dataDir: set('DATA_DIR') ?? './data',
    databaseUrl: checked('DATABASE_URL'),
    queue,
    defaultLocale: checked('DEFAULT_LOCALE') ?? 'ko',
    callerDir: set('INIT_CWD') ?? process.cwd(),
    logLevel: checked('LOG_LEVEL'),
    ffmpegPath: set('FFMPEG_PATH'),
    videoModel: set('VIDEO_MODEL'),
    jobsPerHour: checked('JOBS_PER_HOUR') ?? 10,
    maxConcurrentJobs: checked('MAX_CONCURRENT_JOBS') ?? 4,
    maxConcurrentRenders: checked('MAX_CONCURRENT_RENDERS') ?? 2,
    maxActiveJobsPerUser: checked('MAX_ACTIVE_JOBS_PER_USER') ?? 2,
    openai: openaiKey
      ? { apiKey: openaiKey, baseUrl: openaiUrl, model: set('PLANNER_MODEL') ?? 'gpt-6-luna' }
      : null,
    fal: falKey ? { key: falKey, ...falAddresses } : null,
    falApiUrl,
    supabase:
      supabaseUrl && supabaseKey ? { url: supabaseUrl, secretKey: supabaseKey, bucket: bucketName } : null,
    discord: discordToken
      ? { token: discordToken, publicKey: discordKey, apiUrl: discordUrl, guildId: discordGuild }
      : null,
    slack: slackBot && door ? { botToken: slackBot, apiUrl: slackUrl, uploadFilm, door } : null,
    web: {
      host,
      port,
      corsOrigins: checked('CORS_ORIGINS') ?? [],
      auth: supabaseUrl ? { url: supabaseUrl, jwtSecret } : null,
    },
    publicUrl: checked('PUBLIC_URL'),
    keep: {
      workDays: checked('KEEP_WORK_DAYS') ?? 7,
      filmDays: checked('KEEP_FILMS_DAYS'),
      logDays: checked('KEEP_LOGS_DAYS') ?? 90,
    },
    minFreeDisk: (checked('MIN_FREE_DISK_MB') ?? 1000) * 1_000_000,
    maxUsdPerJob: checked('MAX_USD_PER_JOB'),
    maxUsdPerUserDay: checked('MAX_USD_PER_USER_DAY'),
    confirmAboveUsd: checked('CONFIRM_ABOVE_USD') ?? 5,
    filmLabel: checked('FILM_LABEL') ?? 'metadata',
  }
  return { config, problems }
}

function missing(variable: string, because: string): ConfigProblem {
  return { variable, problem: 'needed_with', given: '', allowed: because }
}

/**
 * The language of whoever sits at the terminal: what `DEFAULT_LOCALE` sets, else that of the system, else Korean.
 * Never throws, so that a bad environment can be told of in it.
 */
export function terminalLocale(env: NodeJS.ProcessEnv = process.env): Locale {
  const posix = [env.DEFAULT_LOCALE, env.LC_ALL, env.LC_MESSAGES, env.LANG].find((value) => value?.trim())
  const language = posix
    ?.trim()
    .split(/[_.@-]/)[0]
    ?.toLowerCase()
  return LOCALES.find((locale) => locale === language) ?? 'ko'
}
