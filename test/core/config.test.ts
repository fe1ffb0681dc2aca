import { expect, test } from 'vitest'
import { ConfigError, readConfig, terminalLocale } from '../../src/config.ts'
import { problemText } from '../../src/i18n/index.ts'

function problems(env: NodeJS.ProcessEnv) {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  throw new Error(`taken: ${JSON.stringify(env)}`)
}

test('with nothing set the program runs by itself', () => {
  expect(readConfig({})).toMatchObject({
    dataDir: './data',
    databaseUrl: null,
    defaultLocale: 'ko',
    logLevel: null,
    ffmpegPath: null,
    videoModel: null,
    filmLabel: 'metadata',
    jobsPerHour: 10,
    maxActiveJobsPerUser: 2,
    maxConcurrentRenders: 2,
  })
})

test('what is set is taken, without blanks around it', () => {
  const databaseUrl = 'postgresql://me:p%40ss@db.example.com:6543/films?sslmode=require'
  expect(
    readConfig({
      DATA_DIR: ' /srv/sora ',
      DATABASE_URL: `${databaseUrl}\n`,
      DEFAULT_LOCALE: ' en',
      LOG_LEVEL: 'debug',
      FFMPEG_PATH: '/opt/ffmpeg',
      VIDEO_MODEL: 'local',
      FILM_LABEL: 'visible',
      JOBS_PER_HOUR: '1',
      MAX_CONCURRENT_JOBS: '2',
      MAX_CONCURRENT_RENDERS: '3',
      MAX_ACTIVE_JOBS_PER_USER: '1000',
      DISCORD_TOKEN: ' token ',
      DISCORD_API_URL: 'http://127.0.0.1:4000/api/',
      DISCORD_GUILD_ID: '123456789012345678',
    }),
  ).toMatchObject({
    dataDir: '/srv/sora',
    databaseUrl,
    defaultLocale: 'en',
    logLevel: 'debug',
    ffmpegPath: '/opt/ffmpeg',
    videoModel: 'local',
    filmLabel: 'visible',
    jobsPerHour: 1,
    maxConcurrentJobs: 2,
    maxConcurrentRenders: 3,
    maxActiveJobsPerUser: 1000,
    discord: { token: 'token', apiUrl: 'http://127.0.0.1:4000/api', guildId: '123456789012345678' },
  })
})

test('Discord is on with a token alone', () => {
  expect(readConfig({ DISCORD_TOKEN: 'token' }).discord).toEqual({
    token: 'token',
    publicKey: null,
    apiUrl: 'https://discord.com/api',
    guildId: null,
  })
  expect(readConfig({ DISCORD_GUILD_ID: '123456789012345678' }).discord).toBeNull()
})

test('Slack is on with a bot token and one way in: Socket Mode where its token is set', () => {
  const bot = { SLACK_BOT_TOKEN: 'xoxb-1' }
  const secret = '0123456789abcdef0123456789abcdef'
  const slack = { botToken: 'xoxb-1', apiUrl: 'https://slack.com/api', uploadFilm: false }
  expect(readConfig({ ...bot, SLACK_APP_TOKEN: 'xapp-1', SLACK_SIGNING_SECRET: secret }).slack).toEqual({
    ...slack,
    door: { appToken: 'xapp-1' },
  })
  const http = { SLACK_SIGNING_SECRET: secret, SLACK_UPLOAD_FILM: 'true' }
  expect(readConfig({ ...bot, ...http }).slack).toEqual({
    ...slack,
    uploadFilm: true,
    door: { signingSecret: secret },
  })
})

test('the web is for one on this machine, and for many anywhere once Supabase says who they are', () => {
  const alone = { host: '127.0.0.1', port: 3000, corsOrigins: [], auth: null }
  expect(readConfig({}).web).toEqual(alone)
  for (const host of ['localhost', '::1']) expect(readConfig({ HOST: host }).web.host).toBe(host)
  for (const host of ['0.0.0.0', '::', '192.168.0.7', 'example.com', '127.0.0.1.example.com']) {
    const [problem, ...others] = problems({ HOST: host })
    expect([problem?.variable, problem?.problem, others]).toEqual(['HOST', 'needs_accounts', []])
  }
  const accounts = { SUPABASE_URL: 'https://a.supabase.co', SUPABASE_SECRET_KEY: 'sb_secret_1' }
  const open = {
    ...accounts,
    HOST: '0.0.0.0',
    PORT: '0',
    SUPABASE_JWT_SECRET: 'old',
    CORS_ORIGINS: 'https://a.example, http://b.example:81',
  }
  expect(readConfig(open).web).toEqual({
    host: '0.0.0.0',
    port: 0,
    corsOrigins: ['https://a.example', 'http://b.example:81'],
    auth: { url: 'https://a.supabase.co', jwtSecret: 'old' },
  })
  expect(problems({ SUPABASE_JWT_SECRET: 'old' })).toMatchObject([
    { variable: 'SUPABASE_URL', problem: 'needed_with' },
  ])
})

test.each(['*', 'example.com', 'https://example.com/', 'https://example.com/path', 'null'])(
  'CORS_ORIGINS can’t be %s',
  (given) => {
    expect(problems({ CORS_ORIGINS: given })).toMatchObject([
      { variable: 'CORS_ORIGINS', problem: 'not_origins' },
    ])
  },
)

test('half of what Slack needs, swapped tokens and a secret of another kind are told of, and never repeated', () => {
  const told = (env: NodeJS.ProcessEnv) => problems(env).map(({ variable, problem }) => [variable, problem])
  expect(told({ SLACK_BOT_TOKEN: 'xoxb-1' })).toEqual([['SLACK_BOT_TOKEN', 'needs_one_of']])
  expect(told({ SLACK_APP_TOKEN: 'xapp-1' })).toEqual([['SLACK_BOT_TOKEN', 'needed_with']])
  const swapped = { SLACK_BOT_TOKEN: 'xapp-secret', SLACK_APP_TOKEN: 'xoxb-secret' }
  expect(told(swapped)).toEqual([
    ['SLACK_BOT_TOKEN', 'not_slack_token'],
    ['SLACK_APP_TOKEN', 'not_slack_token'],
  ])
  const wrong = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 'secret' }
  expect(told(wrong)).toEqual([['SLACK_SIGNING_SECRET', 'not_slack_secret']])
  for (const env of [swapped, wrong]) {
    for (const problem of problems(env)) {
      for (const locale of ['ko', 'en'] as const)
        expect(problemText(problem, locale)).not.toMatch(/secret$|-secret/)
    }
  }
})

test('a variable that is set to nothing counts as not set', () => {
  const names = [
    'DATA_DIR',
    'DATABASE_URL',
    'DEFAULT_LOCALE',
    'LOG_LEVEL',
    'FFMPEG_PATH',
    'VIDEO_MODEL',
    'FILM_LABEL',
    'JOBS_PER_HOUR',
    'MAX_CONCURRENT_JOBS',
    'MAX_CONCURRENT_RENDERS',
    'MAX_ACTIVE_JOBS_PER_USER',
    'DISCORD_TOKEN',
    'DISCORD_API_URL',
    'DISCORD_GUILD_ID',
  ]
  for (const nothing of ['', '   ', '\n']) {
    expect(readConfig(Object.fromEntries(names.map((name) => [name, nothing])))).toEqual(readConfig({}))
  }
})

test.each([
  ['JOBS_PER_HOUR', '0', '1–10000'],
  ['JOBS_PER_HOUR', '10001', '1–10000'],
  ['JOBS_PER_HOUR', 'ten', '1–10000'],
  ['JOBS_PER_HOUR', '1e3', '1–10000'],
  ['JOBS_PER_HOUR', '２', '1–10000'],
  ['MAX_CONCURRENT_JOBS', '1.5', '1–1000'],
  ['MAX_CONCURRENT_JOBS', '0x10', '1–1000'],
  ['MAX_CONCURRENT_RENDERS', '-1', '1–1000'],
  ['MAX_ACTIVE_JOBS_PER_USER', '9'.repeat(50), '1–1000'],
  ['MAX_ACTIVE_JOBS_PER_USER', 'Infinity', '1–1000'],
  ['DISCORD_GUILD_ID', 'my-server', '123456789012345678'],
  ['DISCORD_API_URL', 'discord.com', 'https://host/path'],
  ['DEFAULT_LOCALE', 'fr', 'ko, en'],
  ['DEFAULT_LOCALE', 'ko_KR', 'ko, en'],
  ['FILM_LABEL', 'hidden', 'metadata, visible'],
  ['LOG_LEVEL', 'verbose', 'fatal, error, warn, info, debug, trace, silent'],
])(
  '%s=%s is named, with what was given and what is allowed, in both languages',
  (variable, given, allowed) => {
    const [problem, ...others] = problems({ [variable]: given })
    expect(others).toEqual([])
    expect(problem).toMatchObject({ variable, given, allowed })
    if (!problem) return
    for (const locale of ['ko', 'en'] as const) {
      const line = problemText(problem, locale)
      expect(line.startsWith(`${variable}: `)).toBe(true)
      expect(line).toContain(given)
      expect(line).toContain(allowed)
      expect(line).not.toMatch(/\n|\{\{/)
    }
  },
)

test.each([
  'mysql://me:hush-hush@db/films',
  'https://me:hush-hush@db/films',
  'hush-hush',
  'postgres//me:hush-hush@db/films',
  'postgres://me:hush-hush@db:notaport/films',
  'postgres:hush-hush',
])('a DATABASE_URL that is none (%s) is told without repeating it', (given) => {
  const found = problems({ DATABASE_URL: given, LOG_LEVEL: 'info' })
  expect(found).toMatchObject([{ variable: 'DATABASE_URL' }])
  for (const problem of found) {
    for (const locale of ['ko', 'en'] as const) {
      expect(problemText(problem, locale)).toMatch(/^DATABASE_URL: .*postgres:\/\//)
      expect(problemText(problem, locale)).not.toContain('hush-hush')
    }
  }
  const error = new ConfigError(found)
  expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('hush-hush')
})

test('every bad variable is told at once', () => {
  const bad = {
    JOBS_PER_HOUR: 'x',
    DEFAULT_LOCALE: 'xx',
    LOG_LEVEL: 'loud',
    DATABASE_URL: 'x',
    MAX_CONCURRENT_JOBS: '2',
  }
  expect(
    problems(bad)
      .map(({ variable }) => variable)
      .sort(),
  ).toEqual(['DATABASE_URL', 'DEFAULT_LOCALE', 'JOBS_PER_HOUR', 'LOG_LEVEL'])
})

test('a hostile value is repeated short, on one line, and without what moves a terminal’s cursor', () => {
  const [problem] = problems({ LOG_LEVEL: `loud\u001b[2J\r\n\u0007${'가'.repeat(5000)}` })
  expect(problem?.given).toMatch(/^loud/)
  expect(problem?.given).not.toMatch(/\p{Cc}/u)
  expect(problem?.given.length).toBeLessThanOrEqual(60)
})

test('a terminal is spoken to in its own language, and in Korean where that is neither', () => {
  expect(terminalLocale({ DEFAULT_LOCALE: 'en', LANG: 'ko_KR.UTF-8' })).toBe('en')
  expect(terminalLocale({ LANG: 'en_US.UTF-8' })).toBe('en')
  expect(terminalLocale({ LC_ALL: 'ko_KR.UTF-8', LANG: 'en_US.UTF-8' })).toBe('ko')
  expect(terminalLocale({ LC_ALL: '', LANG: 'en' })).toBe('en')
  for (const env of [{}, { LANG: 'C.UTF-8' }, { LANG: 'fr_FR' }, { DEFAULT_LOCALE: 'nonsense' }]) {
    expect(terminalLocale(env)).toBe('ko')
  }
})
