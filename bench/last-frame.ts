import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UNTAGGED_MATRIX } from '../src/core/colour.ts'
import { EXACT_SCALING } from '../src/pipeline/media/colour.ts'
import { createMedia } from '../src/pipeline/media/media.ts'
import { ffmpeg } from '../test/support/clips.ts'
import { makePicture } from '../test/support/film.ts'
import { MODEL_CLIP, makeChain } from '../test/support/numbered-clips.ts'
import { median } from './median.ts'

/**
 * The last frame by us and by the usual commands: how long each takes for a clip of 8 s, and what is left of a picture that goes through
 * nine clips of a model which shows what it is given: PSNR in dB to the first picture, and the farthest mean of a colour in levels.
 */
const ROUNDS = 7
const LINKS = 9

const { signal } = new AbortController()
const media = createMedia(ffmpeg)

/** Writes the last frame of a clip. */
type Way = (clip: string, picture: string) => Promise<unknown>

const WAYS: readonly (readonly [name: string, ending: string, way: Way])[] = [
  ['lastFrame', 'png', (path, png) => media.lastFrame({ path, untagged: UNTAGGED_MATRIX }, png, signal)],
  ['-sseof -1 -update 1, PNG', 'png', fromEnd([])],
  ['-sseof -1 -update 1, JPEG', 'jpg', fromEnd(['-q:v', '2'])],
  ['-ss (length − 1 frame)', 'png', naiveSeek],
]

function fromEnd(options: readonly string[]): Way {
  return (clip, output) =>
    ffmpeg.run({ inputs: [{ source: clip, options: ['-sseof', '-1'] }], options, output })
}

async function naiveSeek(clip: string, output: string): Promise<void> {
  const { seconds, fps } = await media.probe(clip)
  const seek = ['-ss', `${seconds - 1 / fps}`]
  await ffmpeg.run({ inputs: [{ source: clip, options: seek }], options: ['-frames:v', '1'], output })
}

const folder = await mkdtemp(join(tmpdir(), 'sora-last-frame-'))
try {
  await compareTimes()
  await compareColours()
} finally {
  await rm(folder, { recursive: true })
}

async function compareTimes(): Promise<void> {
  console.log(`ffmpeg ${ffmpeg.version}; medians of ${ROUNDS}, a clip of 8 s, 720p24, B-frames\n`)
  console.log('| way | one GOP | of ours | 2 s GOPs | of ours |')
  console.log('|---|---|---|---|---|')
  const rows = WAYS.map(([name]) => [name])
  for (const gop of [null, 2]) {
    const [clip = ''] = await makeChain(join(folder, 'clip'), { ...MODEL_CLIP, gop })
    const times: number[][] = WAYS.map(() => [])
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, [, ending, way]] of WAYS.entries()) {
        const started = performance.now()
        await way(clip, join(folder, `last.${ending}`))
        times[i]?.push(performance.now() - started)
      }
    }
    const ours = median(times[0] ?? [])
    for (const [i, row] of rows.entries()) {
      const ms = median(times[i] ?? [])
      row.push(`${ms.toFixed(0)} ms`, (ms / ours).toFixed(2))
    }
  }
  for (const row of rows) console.log(`| ${row.join(' | ')} |`)
}

async function compareColours(): Promise<void> {
  const kinds = [720, 480].flatMap((height) => [true, false].map((tagged) => ({ height, tagged })))
  console.log(`\nAfter ${LINKS} clips of a perfect model: PSNR, mean shift\n`)
  console.log(`| way | ${kinds.map(nameOf).join(' | ')} |`)
  console.log(`|---|${kinds.map(() => '---|').join('')}`)
  for (const [name, ending, way] of WAYS) {
    const cells: string[] = []
    for (const kind of kinds) {
      const width = Math.round((kind.height * 16) / 9 / 2) * 2
      const first = await makePicture(join(folder, `first-${kind.height}.png`), width, kind.height)
      const { psnr, shift } = compare(
        await pixels(first),
        await pixels(await chain(first, kind, ending, way)),
      )
      cells.push(`${psnr.toFixed(1)} dB, ${shift.toFixed(2)}`)
    }
    console.log(`| ${[name, ...cells].join(' | ')} |`)
  }
}

interface Kind {
  height: number
  tagged: boolean
}

function nameOf({ height, tagged }: Kind): string {
  return `${height}p ${tagged ? 'tagged' : 'untagged'}`
}

/** A picture that goes from clip to clip. The model shows its picture, tagged BT.709 or untagged as real models' clips are. */
async function chain(first: string, { tagged }: Kind, ending: string, way: Way): Promise<string> {
  const matrix = tagged ? 'bt709' : UNTAGGED_MATRIX
  const filter = `[0:v]loop=loop=11:size=1,scale=out_color_matrix=${matrix}:out_range=tv:flags=${EXACT_SCALING},format=yuv420p[v]`
  const tags = tagged ? ':colorprim=bt709:transfer=bt709:colormatrix=bt709' : ''
  const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-x264-params', `qp=2${tags}`]
  let picture = first
  for (let link = 0; link < LINKS; link++) {
    const clip = join(folder, 'link.mp4')
    await ffmpeg.run({
      inputs: [{ source: picture, options: ['-r', '24'] }],
      filter,
      options: ['-map', '[v]', ...encoder],
      output: clip,
    })
    picture = join(folder, `link-${link}.${ending}`)
    await way(clip, picture)
  }
  return picture
}

async function pixels(picture: string): Promise<Buffer> {
  const raw = `${picture}.raw`
  const options = ['-vf', `scale=flags=${EXACT_SCALING},format=rgb24`, '-c:v', 'rawvideo']
  await ffmpeg.run({ inputs: [{ source: picture }], options, output: raw })
  return readFile(raw)
}

function compare(a: Buffer, b: Buffer): { psnr: number; shift: number } {
  let squares = 0
  const shifts = [0, 0, 0]
  for (const [i, level] of a.entries()) {
    const difference = (b[i] ?? 0) - level
    squares += difference * difference
    shifts[i % 3] = (shifts[i % 3] ?? 0) + difference
  }
  const psnr = 10 * Math.log10((255 * 255 * a.length) / squares)
  return { psnr, shift: Math.max(...shifts.map((sum) => Math.abs(sum / (a.length / 3)))) }
}
