import { execFile } from 'node:child_process'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import type { ClipMeasures } from '../src/core/clip-measures.ts'
import { createMedia } from '../src/pipeline/media/media.ts'
import { ffmpeg } from '../test/support/clips.ts'
import { concat, plainOrder } from './readings.ts'

/** Makes one film of clips. */
export type Join = (clips: readonly string[], film: string) => Promise<unknown>

const { signal } = new AbortController()
const media = createMedia(ffmpeg)
const run = promisify(execFile)

/** Each brings its film to disk, as our join does. */
export const WAYS: Readonly<Record<string, Join>> = {
  nothing: async () => {},
  'raw read + write': rawCopy,
  cat: (clips, film) => run('sh', ['-c', 'cat "$@" > "$0" && sync "$0"', film, ...clips]),
  join: async (clips, film) => {
    const measures: ClipMeasures[] = deserialize(await readFile(measuresOf(clips)))
    return media.join({ ...plainOrder(clips), measures: measures.slice(0, clips.length) }, film, signal)
  },
  'measuring the clips': measureAll,
  'join, nothing measured': (clips, film) => media.join(plainOrder(clips), film, signal),
  'ffmpeg concat copy': async (clips, film) => {
    await concat(clips, film)
    await run('sync', [film])
  },
  'ffmpeg re-encode': async (clips, film) => {
    await concat(clips, film, ['-c:v', 'libx264', '-c:a', 'aac'])
    await run('sync', [film])
  },
  MoviePy: (clips, film) => run('python3', ['-c', MOVIEPY, film, ...clips]),
}

/** Measures clips as a job does when each comes, and keeps that for them and for any number of the first of them. */
export async function keepMeasures(clips: readonly string[]): Promise<void> {
  for (const clip of new Set(clips)) await media.lastFrame(clip, lastFrameOf(clip), signal)
  await writeFile(measuresOf(clips), serialize(await measureAll(clips)))
}

async function measureAll(clips: readonly string[]): Promise<ClipMeasures[]> {
  const measures: ClipMeasures[] = []
  for (const [i, clip] of clips.entries()) {
    const before = { clips: clips.slice(0, i), measures, lastFrame: lastFrameOf(clips[i - 1] ?? '') }
    measures.push(await media.measure(clip, i === 0 ? null : before, signal))
  }
  return measures
}

const lastFrameOf = (clip: string) => `${clip}.last-frame.png`
const measuresOf = (clips: readonly string[]) => `${clips[0]}.measures`

const MOVIEPY = `
import sys
try:
  from moviepy import VideoFileClip, concatenate_videoclips
except ImportError:
  from moviepy.editor import VideoFileClip, concatenate_videoclips
concatenate_videoclips([VideoFileClip(p) for p in sys.argv[2:]]).write_videofile(sys.argv[1], logger=None)
`

const BUFFER_BYTES = 4 * 1024 * 1024

/** The least that a film costs: every byte read once and written once. */
async function rawCopy(clips: readonly string[], film: string): Promise<void> {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  const output = await open(film, 'w')
  for (const clip of clips) {
    const input = await open(clip)
    for (;;) {
      const { bytesRead } = await input.read(buffer)
      if (bytesRead === 0) break
      await output.write(buffer, 0, bytesRead)
    }
    await input.close()
  }
  await output.sync()
  await output.close()
}

/** Makes the film after a smaller one, and measures that. `ready` is called in between. CPU in seconds, with all processes started. */
export async function measureWay(
  way: string,
  clips: readonly string[],
  film: string,
  ready: () => void,
): Promise<{ ms: number; cpu: number }> {
  const join = WAYS[way]
  if (join === undefined) throw new Error(`No way “${way}”`)
  const slow = way === 'ffmpeg re-encode' || way === 'MoviePy'
  // Loads and compiles what the first film pays for.
  if (!slow) await join(clips.slice(0, 2), film)
  await rm(film, { force: true })
  ready()
  const cpuBefore = await cpuSeconds()
  const started = performance.now()
  await join(clips, film)
  const ms = performance.now() - started
  const cpu = (await cpuSeconds()) - cpuBefore
  await rm(film, { force: true })
  return { ms, cpu }
}

/** Of this process and of those that it started and that ended. */
async function cpuSeconds(): Promise<number> {
  // proc(5): the fields after the name count from 3; 14 to 17 are times in ticks of 10 ms
  const fields = (await readFile('/proc/self/stat', 'utf8')).split(') ')[1]?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}
