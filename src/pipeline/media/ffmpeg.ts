import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, resolve } from 'node:path'
import { promisify } from 'node:util'
import fluent from 'fluent-ffmpeg'
import { userError } from '../../core/errors.ts'

/** One input: a file, or the description of a lavfi source with the options `-f lavfi`. The options go before `-i`. */
export interface FfmpegInput {
  source: string
  options?: readonly string[]
}

/** One run: `filter` is a `-filter_complex` graph; `output` is a file, or null where only ffmpeg's words matter. */
export interface FfmpegCommand {
  inputs: readonly FfmpegInput[]
  filter?: string
  options: readonly string[]
  output: string | null
}

/** An ffmpeg that answered `-version`. */
export interface Ffmpeg {
  path: string
  version: string
  /**
   * Runs one command; the output is written beside itself as `.part` and renamed when it is whole.
   * Returns the last lines of stderr. Throws `MediaError`, `UserError` `disk_full`, or the signal's reason
   * once the process has ended.
   */
  run(command: FfmpegCommand, signal?: AbortSignal): Promise<{ stderr: string }>
}

/** A file that could not be read or made. `message` is the tool's last words; `stderr` its last 4 KB. */
export class MediaError extends Error {
  override readonly name = 'MediaError'
  readonly command: string
  readonly stderr: string

  constructor(message: string, details: { command?: string; stderr?: string } = {}, options?: ErrorOptions) {
    super(message, options)
    this.command = details.command ?? ''
    this.stderr = (details.stderr ?? '').slice(-4096)
  }
}

/** How long a process may take to end after SIGTERM, in milliseconds. */
const KILL_AFTER_MS = 2000

/** Lines of stderr that are kept. */
const STDERR_LINES = 400

/** The formats that ffmpeg may find in a file by itself: what clips come in, and pictures (their formats differ by release). */
const FORMATS_READ = 'mov,matroska,avi,mpegts,image2,png_pipe,jpeg_pipe,webp_pipe'

/** ffmpeg guesses the format from the name, and `.part` hides it. */
const FORMAT_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  '.mp4': ['-f', 'mp4'],
  '.mkv': ['-f', 'matroska'],
  '.aac': ['-f', 'adts'],
  '.raw': ['-f', 'rawvideo'],
  '.wav': ['-f', 'wav'],
  '.png': ['-f', 'image2', '-update', '1', '-c:v', 'png'],
  '.jpg': ['-f', 'image2', '-update', '1', '-c:v', 'mjpeg'],
  '.webp': ['-f', 'webp', '-c:v', 'libwebp'],
}

/**
 * Finds an ffmpeg that runs: the configured path (then no other), else `ffmpeg-static`, `ffmpeg` on the PATH,
 * `@ffmpeg-installer/ffmpeg`. Throws `UserError` `ffmpeg_missing` with everything that was tried.
 */
export async function findFfmpeg(configured: string | undefined): Promise<Ffmpeg> {
  const candidates =
    configured === undefined
      ? [
          { name: 'ffmpeg-static', path: packagedFfmpeg('ffmpeg-static') },
          { name: 'PATH', path: 'ffmpeg' },
          { name: '@ffmpeg-installer/ffmpeg', path: packagedFfmpeg('@ffmpeg-installer/ffmpeg') },
        ]
      : [{ name: `FFMPEG_PATH=${configured}`, path: configured }]
  for (const { path } of candidates) {
    const version = path === null ? null : await versionOf(path)
    if (path !== null && version !== null) {
      return { path, version, run: (command, signal) => runFfmpeg(path, command, signal) }
    }
  }
  const tried = candidates.map((candidate) => candidate.name)
  throw userError('ffmpeg_missing', { tried: configured === undefined ? ['FFMPEG_PATH', ...tried] : tried })
}

/** The path that a package of binaries names. The packages are optional, so either may be absent. */
function packagedFfmpeg(name: string): string | null {
  try {
    const exported: unknown = createRequire(import.meta.url)(name)
    if (typeof exported === 'string') return exported
    if (typeof exported === 'object' && exported !== null && 'path' in exported) {
      return typeof exported.path === 'string' ? exported.path : null
    }
  } catch {
    // Not installed, or not made for this platform.
  }
  return null
}

async function versionOf(path: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(path, ['-version'], { timeout: 20_000 })
    return /^ffmpeg version (\S+)/.exec(stdout)?.[1] ?? null
  } catch {
    return null
  }
}

async function runFfmpeg(
  path: string,
  command: FfmpegCommand,
  signal: AbortSignal | undefined,
): Promise<{ stderr: string }> {
  signal?.throwIfAborted()
  // a name of its own: the ffmpeg of a process that was killed may still be writing to the last one
  const part = command.output === null ? null : `${resolve(command.output)}.${randomUUID()}.part`
  try {
    const stderr = await spawnFfmpeg(path, fluentCommand(path, command, part), signal)
    // Some releases report a full disk in words and still exit with 0.
    if (command.output !== null && isDiskFull(stderr)) throw userError('disk_full', { path: command.output })
    if (part !== null && command.output !== null) await renameOutput(part, command.output)
    return { stderr }
  } catch (error) {
    if (part !== null) await rm(part, { force: true })
    if (error instanceof MediaError && command.output !== null && isDiskFull(error.stderr)) {
      throw userError('disk_full', { path: command.output }, { cause: error })
    }
    throw error
  }
}

function fluentCommand(path: string, command: FfmpegCommand, part: string | null): fluent.FfmpegCommand {
  const made = fluent({ stdoutLines: STDERR_LINES })
  // fluent-ffmpeg keeps one path for the whole process and starts `ffmpeg -formats` and `-encoders` before its first
  // command, only to word an error that ffmpeg words itself.
  // A process group of its own: Ctrl-C in a terminal is for us, who end ffmpeg by its signal when the time has come.
  const spawnProcess: unknown = Reflect.get(made, '_spawnFfmpeg')
  if (typeof spawnProcess !== 'function') throw new Error('fluent-ffmpeg is not the version that it was')
  Object.assign(made, {
    _spawnFfmpeg: (args: string[], options: object, ...callbacks: unknown[]) =>
      Reflect.apply(spawnProcess, made, [args, { ...options, detached: true }, ...callbacks]),
    _getFfmpegPath: (done: (error: null, path: string) => void) => done(null, path),
    _checkCapabilities: (done: (error: null) => void) => done(null),
    availableEncoders: (done: (error: null, encoders: object) => void) => done(null, {}),
  })
  // A single option with one space in it would be split in two; several arguments are taken as they are.
  for (const { source, options = [] } of command.inputs) {
    const generated = options.includes('lavfi')
    // Some formats name other files to open. Where we don't say the format ourselves, none of those is read; nor is an address, ever.
    const formats = options.includes('-f') ? [] : ['-format_whitelist', FORMATS_READ]
    made
      .input(generated ? source : resolve(source))
      .inputOptions('-protocol_whitelist', 'file', ...formats, ...options)
  }
  if (command.filter !== undefined) made.complexFilter(command.filter)
  return made
    .outputOptions('-hide_banner', '-nostdin', ...formatOptions(command.output), ...command.options)
    .output(part ?? '-')
}

function formatOptions(output: string | null): readonly string[] {
  if (output === null) return ['-f', 'null']
  const options = FORMAT_OPTIONS[extname(output).toLowerCase()]
  if (options === undefined) throw new MediaError(`No format known for ${output}`)
  return options
}

function spawnFfmpeg(
  path: string,
  command: fluent.FfmpegCommand,
  signal: AbortSignal | undefined,
): Promise<string> {
  const line = [path, ...command._getArguments()].join(' ')
  return new Promise((fulfil, reject) => {
    let killTimer: NodeJS.Timeout | undefined
    const stop = () => {
      command.kill('SIGTERM')
      killTimer = setTimeout(() => command.kill('SIGKILL'), KILL_AFTER_MS)
    }
    const ended = () => {
      clearTimeout(killTimer)
      signal?.removeEventListener('abort', stop)
    }
    // fluent-ffmpeg starts the process a moment after `run`; there is nothing to kill before.
    command.on('start', () => {
      if (signal?.aborted) stop()
      else signal?.addEventListener('abort', stop, { once: true })
    })
    command.on('end', (_stdout: unknown, stderr: string | null) => {
      ended()
      if (signal?.aborted) reject(signal.reason)
      else fulfil(stderr ?? '')
    })
    command.on('error', (error: Error, _stdout: unknown, stderr: string | null) => {
      ended()
      if (signal?.aborted) reject(signal.reason)
      else reject(failureOf(error, line, stderr ?? ''))
    })
    command.run()
  })
}

function failureOf(error: Error, command: string, stderr: string): MediaError {
  const words = stderr
    .trim()
    .split('\n')
    .slice(-2)
    .map((text) => text.trim())
    .join('; ')
  return new MediaError(words === '' ? error.message.trim() : withoutFolders(words), { command, stderr })
}

/** ffmpeg's words with bare file names: whose machine it is, and where its files lie, is nobody's business who reads them. */
export function withoutFolders(words: string): string {
  return words.replaceAll(/(?:\/[^\s/:;]+)+\//g, '')
}

async function renameOutput(part: string, output: string): Promise<void> {
  try {
    await rename(part, output)
  } catch (error) {
    // ffmpeg exits with 0 and no file where it was asked for a moment after the last frame.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new MediaError(`ffmpeg wrote nothing to ${output}`, {}, { cause: error })
    }
    throw error
  }
}

function isDiskFull(stderr: string): boolean {
  return stderr.includes('No space left on device')
}
