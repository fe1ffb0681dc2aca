import { access, constants, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { createApp, modelList } from './app.ts'
import { asksDoctor, languageOf, parseArguments, UsageError } from './cli/arguments.ts'
import { createTextDisplay, type Display, listLine } from './cli/display.ts'
import { tellFindings } from './cli/doctor.ts'
import { EXIT } from './cli/exit.ts'
import { connectOperator } from './cli/remote.ts'
import { type Watching, watchJob } from './cli/watch.ts'
import { type Config, ConfigError, loadEnvFile, readConfig, terminalLocale } from './config.ts'
import { reasonOf, UserError, userError } from './core/errors.ts'
import { isFilmExpired } from './core/film.ts'
import { isUnfinished, type Job } from './core/job.ts'
import type { Operator, Price } from './core/operator.ts'
import type { Locale } from './core/request.ts'
import { errorText, problemText, text, usdText } from './i18n/index.ts'
import { createOperator } from './operator.ts'
import { doorOf } from './storage/data-dir.ts'
import { createLog } from './telemetry.ts'

const JOBS_LISTED = 20

loadEnvFile()
const argv = process.argv.slice(2)
const locale = languageOf(argv) ?? terminalLocale()
const json = argv.includes('--json')
const { interrupted, terminated } = watchSignals()

process.exitCode = await main().catch(explain)

async function main(): Promise<number> {
  if (asksDoctor(argv, locale)) {
    const { examine } = await import('./doctor.ts')
    return tellFindings(await examine(), { json, locale, write: (line) => process.stdout.write(`${line}\n`) })
  }
  const config = readConfig()
  const { action, request, ...args } = parseArguments(argv, modelList(config).usable, locale)
  if (action.type === 'help') {
    process.stdout.write(action.text)
    return EXIT.done
  }
  const program = await findProgram(config)
  const picture = args.image === null ? null : resolve(config.callerDir, args.image)
  const out = args.out === null ? null : await checkedOut(resolve(config.callerDir, args.out))
  const input = { ...request, prompt: action.type === 'make' ? action.prompt : '' }
  if (action.type === 'make') {
    const price = await program.check(input, picture)
    if (!(await agreed(price, args.yes, config.confirmAboveUsd))) return EXIT.cancelled
  }

  const operator = await program.open()
  try {
    if (action.type === 'list') return await list(operator)
    if (action.type === 'cancel') return await cancel(operator, action.jobId)
    const display = json ? null : createTextDisplay(process.stdout, locale, Date.now)
    const watching = { operator, display, locale, out, previews: args.previews, interrupted, terminated }
    if (action.type === 'resume') return await resume(action.jobId, watching)
    if (interrupted.aborted) return EXIT.cancelled
    const job = await operator.submit({ input, picture, locale })
    await announce(operator, display, job.id)
    return await watchJob(job.id, 0, watching)
  } finally {
    await operator.stop()
  }
}

/** The program that works on the data folder already, else this process, which opens the folder when it is needed. */
async function findProgram(config: Config): Promise<Pick<Operator, 'check'> & { open(): Promise<Operator> }> {
  const running = await connectOperator(() => doorOf(config.dataDir))
  if (running !== null) return { check: running.check, open: async () => running }
  const app = await createApp(config, createLog(config.logLevel ?? 'warn'))
  return { check: app.check, open: async () => createOperator(app, await app.open('command')) }
}

/** On a terminal a price above the threshold, or one that isn't known, is asked about; elsewhere it is only told. */
async function agreed(price: Price, yes: boolean, confirmAbove: number): Promise<boolean> {
  const { estimateUsd: usd, model } = price
  if (usd === 0 || json) return true
  const told =
    usd === null
      ? text(locale, 'cli.price_unknown', { model })
      : text(locale, 'cli.price', { usd: usdText(usd), model })
  process.stdout.write(`${told}\n`)
  const cheap = usd !== null && usd <= confirmAbove
  if (yes || cheap || !process.stdin.isTTY || !process.stdout.isTTY) return true
  const ask = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answer = await ask.question(text(locale, 'cli.agree'), { signal: interrupted })
    return ['y', 'yes', '예', '네', 'ㅇ'].includes(answer.trim().toLowerCase())
  } catch (error) {
    if (interrupted.aborted) return false
    throw error
  } finally {
    ask.close()
  }
}

async function announce(operator: Operator, display: Display | null, but: string): Promise<void> {
  if (operator.models.every((model) => model === 'local')) display?.note(text(locale, 'cli.stand_in'))
  // another program goes on with all of them
  if (!operator.here) return
  const mine = await operator.list(JOBS_LISTED)
  const cutOff = mine.filter((job) => isUnfinished(job.status) && job.id !== but).map((job) => job.id)
  if (cutOff.length > 0) display?.note(text(locale, 'cli.cut_off', { jobs: cutOff.join(', ') }))
}

async function resume(jobId: string, watching: Watching & { operator: Operator }): Promise<number> {
  const { operator, display } = watching
  const past = await operator.get(jobId)
  if (!past) throw userError('job_not_found', { job_id: jobId })
  if (isFilmExpired(past)) throw userError('film_expired', { job_id: jobId })
  const events = await operator.events.since(jobId, 0)
  if (past.status === 'completed') {
    // nothing to do: its end is told again, and the film is copied where --out asks for it
    const end = events.findLast((event) => event.type === 'completed')
    return watchJob(jobId, (end?.seq ?? 1) - 1, watching)
  }
  await operator.resume(jobId)
  await announce(operator, display, jobId)
  return watchJob(jobId, events.at(-1)?.seq ?? 0, watching)
}

async function list(operator: Operator): Promise<number> {
  const jobs = await operator.list(JOBS_LISTED)
  for (const job of jobs) {
    const path = job.film ? await operator.objects.file(job.film.key) : null
    const { id, status, progress, request, createdAt } = job
    const line = json
      ? JSON.stringify({ type: 'job', job_id: id, status, progress, path, created_at: createdAt, request })
      : listLine(job, locale, path ?? placeText(job))
    process.stdout.write(`${line}\n`)
  }
  if (jobs.length === 0 && !json) process.stdout.write(`${text(locale, 'cli.no_jobs')}\n`)
  return EXIT.done
}

/** What is said where a film's path would stand. */
function placeText(job: Job): string {
  if (isFilmExpired(job)) return text(locale, 'film.expired')
  return job.error ? errorText(job.error, locale) : ''
}

async function cancel(operator: Operator, jobId: string): Promise<number> {
  await operator.cancel(jobId)
  const job = await operator.get(jobId)
  const line = json
    ? JSON.stringify({ type: job?.status, job_id: jobId, status: job?.status, progress: job?.progress })
    : text(locale, 'change.cancelled')
  process.stdout.write(`${line}\n`)
  return EXIT.done
}

/** A place that can't be written to is told of before anything is made, not after. */
async function checkedOut(path: string): Promise<string> {
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK)
    const there = await stat(path).catch(() => null)
    if (there?.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' })
    return path
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw userError('out_unwritable', { path, reason }, { cause: error })
  }
}

function watchSignals(): { interrupted: AbortSignal; terminated: AbortSignal } {
  const interrupt = new AbortController()
  const terminate = new AbortController()
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(EXIT.cancelled)
    interrupt.abort()
  })
  process.on('SIGTERM', () => {
    if (terminate.signal.aborted) process.exit(EXIT.left)
    terminate.abort()
  })
  return { interrupted: interrupt.signal, terminated: terminate.signal }
}

/** Words an error for the person at the terminal, a line each. */
function explain(error: unknown): number {
  const lines = linesOf(error, locale)
  if (json) {
    for (const message of lines) process.stdout.write(`${JSON.stringify({ type: 'error', message })}\n`)
  } else process.stderr.write(`${lines.join('\n')}\n`)
  return error instanceof UserError || error instanceof ConfigError || error instanceof UsageError
    ? EXIT.refused
    : EXIT.failed
}

function linesOf(error: unknown, locale: Locale): string[] {
  if (error instanceof ConfigError) return error.problems.map((problem) => problemText(problem, locale))
  if (error instanceof UserError) return [errorText(error.detail, locale)]
  if (error instanceof UsageError) return [error.message]
  return [errorText({ code: 'internal', data: { reason: reasonOf(error) } }, locale)]
}
