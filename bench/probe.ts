import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createMedia } from '../src/pipeline/media/media.ts'
import { ffmpeg } from '../test/support/clips.ts'
import { MODEL_CLIP, makeChain } from '../test/support/numbered-clips.ts'
import { median } from './median.ts'

/** How long it takes to know a clip of 8 s: our reader, `ffmpeg -i`, and ffprobe where the PATH has one. */
const ROUNDS = 31

const run = promisify(execFile)
const ours = createMedia(ffmpeg)
const ffprobe = ['-v', 'error', '-show_streams', '-show_format', '-of', 'json']

const WAYS: readonly (readonly [name: string, probe: (clip: string) => Promise<unknown>])[] = [
  ['our reader', (clip) => ours.probe(clip)],
  // It wants an output and ends with 1; its words are the answer.
  ['ffmpeg -i', (clip) => run(ffmpeg.path, ['-hide_banner', '-i', clip]).catch(() => {})],
  ['ffprobe', (clip) => run('ffprobe', [...ffprobe, clip])],
]

const folder = await mkdtemp(join(tmpdir(), 'sora-probe-'))
try {
  const [clip = ''] = await makeChain(join(folder, 'clip'), MODEL_CLIP)
  console.log(`ffmpeg ${ffmpeg.version}; medians of ${ROUNDS}\n`)
  console.log('| way | time | of ours |')
  console.log('|---|---|---|')
  let first = Number.NaN
  for (const [name, probe] of WAYS) {
    const ms = await medianTime(() => probe(clip))
    if (Number.isNaN(first)) first = ms ?? first
    console.log(
      `| ${name} | ${ms === null ? 'not here' : `${ms.toFixed(2)} ms`} | ${ms === null ? '' : (ms / first).toFixed(0)} |`,
    )
  }
} finally {
  await rm(folder, { recursive: true })
}

/** Null where the program is not installed. */
async function medianTime(probe: () => Promise<unknown>): Promise<number | null> {
  const times: number[] = []
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now()
      await probe()
      times.push(performance.now() - started)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  return median(times)
}
