import { execFile } from 'node:child_process'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import type { ClipMeasures } from '../src/core/clip-measures.ts'
import { openClip } from '../src/pipeline/media/clip-file.ts'
import { filmFormat } from '../src/pipeline/media/join/format.ts'
import { wholePiece } from '../src/pipeline/media/join/piece.ts'
import { planJoin } from '../src/pipeline/media/join/plan.ts'
import { createMedia } from '../src/pipeline/media/media.ts'
import { filmHeader } from '../src/pipeline/media/mp4/writer.ts'
import { twoAtATime } from '../src/pipeline/media/two-at-a-time.ts'
import { measureChain } from '../test/support/chain.ts'
import { clipFiles, ffmpeg } from '../test/support/clips.ts'
import { concat, plainOrder } from './readings.ts'

/** Makes one film of clips. */
export type Join = (clips: readonly string[], film: string) => Promise<unknown>

const { signal } = new AbortController()
const media = createMedia(ffmpeg)
const run = promisify(execFile)

/** What the page cache holds of the clips when a film is started: all of them, or nothing. */
export type Cache = 'warm' | 'cold'

/** Each brings its film to disk, as our join does; `tables` and `tables and header` are the join's first steps, without a film. */
export const WAYS: Readonly<Record<string, Join>> = {
  nothing: async () => {},
  'raw read + write': rawCopy,
  cat: (clips, film) => run('sh', ['-c', 'cat "$@" > "$0" && sync "$0"', film, ...clips]),
  join: async (clips, film) => {
    const measures: ClipMeasures[] = deserialize(await readFile(measuresOf(clips)))
    return media.join({ ...plainOrder(clips), measures: measures.slice(0, clips.length) }, film, signal)
  },
  tables: openAll,
  'tables and header': makeHeader,
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
  await writeFile(measuresOf(clips), serialize(await measureAll(clips)))
}

function measureAll(clips: readonly string[]): Promise<ClipMeasures[]> {
  return measureChain(media, clips)
}

function openAll(clips: readonly string[]) {
  // The clips are plain MP4s: no file is made of them.
  const noScratch = () => Promise.reject(new Error('A clip is not a plain MP4'))
  return twoAtATime(clipFiles(clips), signal, (clip) => openClip(ffmpeg, clip, noScratch, signal))
}

async function makeHeader(clips: readonly string[]): Promise<Buffer> {
  const [first, ...others] = await openAll(clips)
  if (!first?.mp4.video.avc) throw new Error('The first clip is not H.264')
  const { video } = first.mp4
  const { sound } = filmFormat([first, ...others])
  const pieces = [first, ...others].map(wholePiece)
  const repeats = pieces.map(() => true)
  const plan = planJoin(pieces, repeats, sound)
  return filmHeader(plan, { ...video, avcC: first.mp4.video.avc.bytes }, plainOrder(clips).label)
}

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
  cache: Cache,
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
  // Otherwise the disk still works on the film that was removed.
  await run('sync')
  if (cache === 'warm') await run('sh', ['-c', 'cat "$@" > /dev/null', 'sh', ...clips])
  else await dropFromCache(clips)
  ready()
  const cpuBefore = await cpuSeconds()
  const started = performance.now()
  await join(clips, film)
  const ms = performance.now() - started
  const cpu = (await cpuSeconds()) - cpuBefore
  await rm(film, { force: true })
  return { ms, cpu }
}

/**
 * Empties the page cache of these files and of no others. Throws if GNU dd or fincore is missing, or if pages stay, as in a file system
 * that lives in memory. A host below this machine may still have the files in its memory.
 */
export async function dropFromCache(clips: readonly string[]): Promise<void> {
  for (const clip of new Set(clips)) {
    await run('dd', [`if=${clip}`, 'iflag=nocache', 'count=0', 'status=none'])
  }
  const { stdout } = await run('fincore', ['--bytes', '--noheadings', '--output', 'RES', ...clips])
  if (/[1-9]/.test(stdout)) throw new Error('The page cache keeps the clips')
}

/** Of this process and of those that it started and that ended. */
async function cpuSeconds(): Promise<number> {
  // proc(5): the fields after the name count from 3; 14 to 17 are times in ticks of 10 ms
  const fields = (await readFile('/proc/self/stat', 'utf8')).split(') ')[1]?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}
