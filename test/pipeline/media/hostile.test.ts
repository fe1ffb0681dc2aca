import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FilmLabel } from '../../../src/core/ports/media.ts'
import { MediaError } from '../../../src/pipeline/media/ffmpeg.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { boxesIn, ImplausibleMp4, NotPlainMp4, TruncatedMp4 } from '../../../src/pipeline/media/mp4/box.ts'
import { box, fullBox, u32 } from '../../../src/pipeline/media/mp4/build.ts'
import { type Mp4, readMp4 } from '../../../src/pipeline/media/mp4/reader.ts'
import { filmHeader } from '../../../src/pipeline/media/mp4/writer.ts'
import {
  B_FRAMES,
  type ClipRecipe,
  clipFiles,
  ffmpeg,
  makeClip,
  numbered,
  testFolder,
} from '../../support/clips.ts'
import { fuzz, type Victim } from '../../support/mp4-fuzz.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const clip = await makeClip(join(folder, 'clip.mp4'), {
  numbers: numbered(0, 24),
  options: [...B_FRAMES, '-movflags', '+faststart'],
})
const bytes = await readFile(clip)
const never = new AbortController().signal
const label: FilmLabel = { title: 'Film', model: 'local', made: new Date(0), source: 'algorithmicMedia' }

function read(file: Buffer): Promise<Mp4> {
  return readMp4({
    size: file.length,
    readAt: async (offset, length) => file.subarray(offset, offset + length),
  })
}

/** What reading it ends in: its tables, or one of the reader's errors; anything else fails the test. */
async function outcome(file: Buffer): Promise<'read' | 'refused'> {
  try {
    await read(file)
    return 'read'
  } catch (error) {
    if (error instanceof NotPlainMp4) return 'refused'
    if (error instanceof TruncatedMp4 || error instanceof ImplausibleMp4) return 'refused'
    throw error
  }
}

test('a clip that was cut short anywhere is refused', async () => {
  for (let length = 0; length < bytes.length; length += 37) {
    expect(await outcome(bytes.subarray(0, length))).toBe('refused')
  }
  for (const share of [0.3, 0.9, 0.999]) {
    const path = join(folder, 'cut.mp4')
    await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * share)))
    await expect(media.probe(path)).rejects.toThrow(/cut\.mp4 is not whole/)
  }
})

/** The clip with the boxes within its tables as `change` makes them; null leaves one as it is. */
function withTables(change: (type: string) => Buffer[] | null, pictures = 1): Buffer {
  const moovAt = bytes.indexOf('moov') - 4
  const moovSize = bytes.readUInt32BE(moovAt)
  const rebuilt = (body: Buffer): Buffer[] =>
    boxesIn(body).flatMap(({ type, body: inner }) => {
      const changed = change(type)
      if (changed !== null) return changed
      const holdsBoxes = ['trak', 'mdia', 'minf', 'stbl'].includes(type)
      return [box(type, ...(holdsBoxes ? rebuilt(inner) : [inner]))]
    })
  const [header, picture] = rebuilt(bytes.subarray(moovAt + 8, moovAt + moovSize))
  if (header === undefined || picture === undefined) throw new Error('no tables')
  const moov = box('moov', header, ...Array<Buffer>(pictures).fill(picture))
  return Buffer.concat([bytes.subarray(0, moovAt), moov, bytes.subarray(moovAt + moovSize)])
}

test('a small file that names thousands of pictures, each of half a million frames, is refused in little memory', async () => {
  const frames = 500_000
  const tables: Record<string, Buffer[]> = {
    stsz: [fullBox('stsz', 0, 0, u32(1, frames))],
    stts: [fullBox('stts', 0, 0, u32(1, frames, 512))],
    stsc: [fullBox('stsc', 0, 0, u32(1, 1, frames, 1))],
    stco: [fullBox('stco', 0, 0, u32(1, 0))],
    edts: [],
    ctts: [],
    stss: [],
  }
  const file = Buffer.concat([withTables((type) => tables[type] ?? null, 2000), Buffer.alloc(frames)])
  const before = process.memoryUsage().arrayBuffers
  await expect(read(file)).rejects.toThrow('Several pictures')
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000)
})

test('a clip that says to last for hours is refused, and nobody begins to fill them', async () => {
  const path = join(folder, 'hours.mp4')
  const hour = 12_288 * 3600
  const tables: Record<string, Buffer[]> = {
    stts: [fullBox('stts', 0, 0, u32(1, 24, hour))],
    edts: [],
    ctts: [],
  }
  await writeFile(
    path,
    withTables((type) => tables[type] ?? null),
  )
  await expect(media.probe(path)).rejects.toThrow(/hours\.mp4 is no clip: A picture of \d+ s/)
})

test('twenty thousand damaged files of every kind end in tables or in a clear error, in little memory', async () => {
  const { read, refused, largest } = await fuzz(await realFiles(), 20_000)
  expect(read + refused).toBe(20_000)
  expect(Math.min(read, refused)).toBeGreaterThan(1000)
  // a moov of 64 MB, and the tables of as many samples as are taken
  expect(largest).toBeLessThan(100_000_000)
})

/** A file of each kind that comes from models, cameras and ourselves, small ones. */
async function realFiles(): Promise<Victim[]> {
  const kinds: Record<string, Partial<ClipRecipe>> = {
    'moov last': {},
    'moov first, B-frames': { options: [...B_FRAMES, '-movflags', '+faststart'] },
    fragmented: { options: ['-movflags', '+frag_keyframe+empty_moov'] },
    HEVC: { options: ['-c:v', 'libx265', '-x265-params', 'log-level=error', '-tag:v', 'hvc1'] },
    'late sound': { options: ['-af', 'asetpts=PTS+0.05/TB'] },
    QuickTime: { options: ['-f', 'mov'] },
    'no sound': { tone: null },
  }
  const small = { numbers: numbered(0, 12), width: 64, height: 64 }
  const paths: [string, string][] = []
  for (const [kind, recipe] of Object.entries(kinds)) {
    paths.push([kind, await makeClip(join(folder, `${kind}.mp4`), { ...small, ...recipe })])
  }
  const film = join(folder, 'film.mp4')
  const clips = paths.slice(0, 2).map(([, path]) => path)
  await media.join(
    { clips: clipFiles(clips), label, mark: null, crossfadeMs: 0, levelSound: false },
    film,
    never,
  )
  paths.push(['our own film', film])
  const files = paths.map(async ([name, path]) => {
    const bytes = await readFile(path)
    return { name, bytes, size: bytes.length }
  })
  return [...(await Promise.all(files)), await wideFilm()]
}

/** A film of five gigabytes, as its header has it: places of 64 bits. */
async function wideFilm(): Promise<Victim> {
  const { video } = await read(bytes)
  const { count, dts, sync } = video.samples
  const size = Math.ceil(5e9 / count)
  const times = { dts: [...dts], pts: [...dts], sync: [...sync].map((one) => one === 1) }
  const header = filmHeader(
    {
      video: { timescale: video.timescale, mediaTime: 0, length: video.shown, ...times },
      audio: { sampleRate: 48_000, channels: 2, packets: 1, mediaTime: 0, length: 1024 },
      samples: Array.from({ length: count + 1 }, (_, i) => {
        const track = i === count ? 'audio' : 'video'
        return { track, source: 0, offset: 0, size, inserted: null }
      }),
    },
    { width: 64, height: 64, avcC: video.avc?.bytes ?? Buffer.alloc(0), colour: null },
    label,
  )
  return { name: 'co64', bytes: header, size: header.length + size * (count + 1) }
}

test.each(['stts', 'ctts', 'stsz', 'stsc', 'stco', 'stss', 'elst', 'stsd'])(
  'a %s box that claims four thousand million entries is refused without taking memory for them',
  async (type) => {
    const lying = Buffer.from(bytes)
    const body = lying.indexOf(type, 0, 'latin1') + 4
    lying.writeUInt32BE(0xffff_fff0, body + (type === 'stsz' ? 8 : 4))
    const before = process.memoryUsage().arrayBuffers
    // stsd has its own boxes to count; the claim is ignored there.
    expect(await outcome(lying)).toBe(type === 'stsd' ? 'read' : 'refused')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
  },
)

test.each([
  ['an HLS playlist', '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nclip.mp4\n#EXT-X-ENDLIST\n'],
  ['an ffconcat list', 'ffconcat version 1.0\nfile clip.mp4\n'],
])('a clip that is %s opens no other file', async (_, list) => {
  const path = join(folder, 'list.mp4')
  await writeFile(path, list)
  await expect(media.probe(path)).rejects.toThrow(/not on whitelist/)
})

test('a box inside itself, an endless box and a size of nothing are refused', async () => {
  const moov = bytes.indexOf('moov') - 4
  for (const size of [1, 4, 7, 0xffff_ffff]) {
    const lying = Buffer.from(bytes)
    lying.writeUInt32BE(size, moov)
    expect(await outcome(lying)).toBe('refused')
  }
})

test('a file that is no video is refused in words, and nothing is left beside it', async () => {
  const path = join(folder, 'letter.mp4')
  await writeFile(path, '{"error":"not found"}')
  await expect(media.probe(path)).rejects.toBeInstanceOf(MediaError)
  await expect(media.probe(path)).rejects.toThrow(/Invalid data found/)
  expect((await readdir(folder)).filter((name) => name.startsWith('letter'))).toEqual(['letter.mp4'])
})
