import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { CLI, commandLine, type Env, type Machine } from './cli.ts'

/** A command on a terminal. `output` is everything that it wrote so far, with the terminal's control codes. */
interface OnTerminal {
  output(): string
  /** Resolves as soon as the output holds this text. Rejects where the command ends without it. */
  said(text: string): Promise<void>
  type(keys: string): void
  /** The exit code. */
  ended: Promise<number | null>
}

/** Runs a command on a pseudo-terminal of `columns`; null: one that doesn't know its own width, as in many a CI. */
export function onTerminal(
  machine: Machine,
  args: readonly string[],
  { columns, env = {} }: { columns: number | null; env?: Env },
): OnTerminal {
  const { PATH = '', HOME = '' } = process.env
  const quoted = commandLine(CLI, args)
    .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    .join(' ')
  const size = columns === null ? '' : `stty cols ${columns} rows 24; `
  // script is in bsdutils, which every Debian has; -e hands the command's exit code on
  const child = spawn('script', ['-qefc', `${size}exec ${quoted}`, '/dev/null'], {
    cwd: machine.folder,
    env: { PATH, HOME, TERM: 'xterm', SHELL: '/bin/sh', ...machine.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let output = ''
  const looks = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    for (const look of looks) look()
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    output: () => output,
    ended,
    type: (keys) => child.stdin.write(keys),
    said: (text) =>
      new Promise((fulfil, reject) => {
        const look = () => {
          if (output.includes(text)) fulfil()
        }
        looks.add(look)
        look()
        ended.then((code) => reject(new Error(`ended (${code}) without “${text}”:\n${output}`)), reject)
      }),
  }
}

/** What stands on the screen in the end, line by line, and everything that each line showed before. */
export function screenOf(output: string): { shown: string; before: string[] }[] {
  return output.split('\n').map((line) => {
    // `\r` goes to the line's start, `ESC [ K` wipes what is there
    const drawn = line.replace(/\r$/, '').split('\r\x1b[K')
    return { shown: drawn.at(-1) ?? '', before: drawn.slice(0, -1).filter((text) => text !== '') }
  })
}
