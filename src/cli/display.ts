import stringWidth from 'string-width'
import type { JobEvent } from '../core/event.ts'
import type { Locale } from '../core/request.ts'
import { changeText, text } from '../i18n/index.ts'

/** Shows what happens to a job on a terminal, in a file or to a program. */
export interface Display {
  event(event: JobEvent): void
  /** A line that isn't about a change. Programs don't get it. */
  note(line: string): void
  /** Takes the bar away, so that other lines can follow. */
  close(): void
}

interface Output {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/** One JSON object a line for each change. `extend` adds what only the end knows, such as the film's path. */
export function createJsonDisplay(
  output: Output,
  locale: Locale,
  extend: (event: JobEvent) => Record<string, unknown>,
): Display {
  return {
    event(event) {
      const { seq: _, at, ...rest } = event
      const line = { ...rest, message: changeText(event, locale), timestamp: at, ...extend(event) }
      output.write(`${JSON.stringify(line)}\n`)
    },
    note() {},
    close() {},
  }
}

/** A line for each change: for files, pipes and logs of other programs. */
function createLineDisplay(output: Output, locale: Locale): Display {
  return {
    event(event) {
      const percent = `${Math.round(event.progress * 100)}%`.padStart(4)
      output.write(`${percent}  ${changeText(event, locale)}\n`)
    },
    note: (line) => output.write(`${line}\n`),
    close() {},
  }
}

const BAR = 24
const REDRAW_EVERY_MS = 250

/** A bar that stays on one line of the terminal, with the time passed; what was said before stands above it. */
function createBarDisplay(output: Output, locale: Locale, now: () => number): Display {
  const started = now()
  let latest: JobEvent | null = null
  const clear = () => output.write('\r\x1b[K')

  function draw() {
    if (!latest) return
    const filled = Math.round(latest.progress * BAR)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`
    const line = `${bar} ${Math.round(latest.progress * 100)}% ${clock(now() - started)}  ${changeText(latest, locale)}`
    output.write(`\r\x1b[K${fitted(line, (output.columns || 80) - 1)}`)
  }

  const timer = setInterval(draw, REDRAW_EVERY_MS)
  timer.unref()
  return {
    event(event) {
      latest = event
      draw()
    },
    note(line) {
      clear()
      output.write(`${line}\n`)
      draw()
    },
    close() {
      clearInterval(timer)
      if (latest) output.write('\n')
      latest = null
    },
  }
}

/** The display that fits an output: a bar on a terminal, plain lines elsewhere. */
export function createTextDisplay(output: Output, locale: Locale, now: () => number): Display {
  return output.isTTY ? createBarDisplay(output, locale, now) : createLineDisplay(output, locale)
}

/** Milliseconds as `1:05`. */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** Cut to a width in columns, of which a Hangul syllable takes two: a line that wraps could not be drawn over. */
function fitted(line: string, columns: number): string {
  let width = 0
  let end = 0
  for (const character of line) {
    width += stringWidth(character)
    if (width > columns) return line.slice(0, end)
    end += character.length
  }
  return line
}

/** A job in a list: id, state, progress and what it was asked for. */
export function listLine(
  job: { id: string; status: JobEvent['status']; progress: number; request: { prompt: string } },
  locale: Locale,
  place: string,
): string {
  const status = text(locale, `status.${job.status}`)
  const padded = `${status}${' '.repeat(Math.max(0, 10 - stringWidth(status)))}`
  const prompt = job.request.prompt.replace(/\s+/g, ' ')
  const percent = `${Math.round(job.progress * 100)}%`.padStart(4)
  return `${job.id}  ${padded}${percent}  ${prompt}${place === '' ? '' : `\n    ${place}`}`
}
