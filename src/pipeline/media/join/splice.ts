import { open, readFile, writeFile } from 'node:fs/promises'
import type { Scratch } from '../clip-file.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import { AAC_PACKET, type SoundFormat } from '../mp4/aac-config.ts'
import { fromAdts, toAdts } from '../mp4/adts.ts'
import type { FilmSample } from '../mp4/film-plan.ts'
import type { Mp4Audio } from '../mp4/reader.ts'
import type { Piece } from './piece.ts'
import type { JoinPlan, PacketRange } from './plan.ts'

/** How long one sound fades into the other, at the most, in samples (21 ms at 48 kHz): shorter than a frame that both have. */
const FADE = 1024

/** Where one sound ends before the other begins, each fades by itself, in samples (5 ms at 48 kHz). */
const FADE_ALONE = 256

/** With less than this in common (samples), the two don't fade into each other. */
const COMMON_MIN = 64

/** Sounds that are this far apart (samples) have silence between them, not a splice. */
const GAP_MAX = 2 * AAC_PACKET

/** Packets on either side that are encoded with a splice, and not used: an encoder looks around itself. */
const SETTLE = 2

/** One side of a splice: the packets of a piece, in its file and in the film. */
interface Side {
  path: string
  audio: Mp4Audio
  packets: PacketRange
}

/** A gain that goes from one end to the other, in the film's samples. */
interface Fade {
  from: number
  to: number
}

/** Film packets `first` up to, not including, `end`, which are encoded anew. */
interface Splice {
  first: number
  end: number
  left: Side
  right: Side
  out: Fade
  in: Fade
}

/**
 * Sound that is cut between packets cracks: a clip's last packets were encoded with the silence that follows its end, its first ones with
 * what comes before it. So the few packets around each splice are decoded, faded into each other and encoded anew; all else stays as
 * it is. Returns the film's samples. Throws `MediaError`.
 */
export async function smoothSplices(
  ffmpeg: Ffmpeg,
  plan: JoinPlan,
  pieces: readonly Piece[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<FilmSample[]> {
  const splices = findSplices(plan, pieces)
  if (splices.length === 0) return plan.samples
  const decoded = await decodeSides(ffmpeg, splices, plan.audio, scratch, signal)
  if (decoded === null) return plan.samples
  const mixed = splices.map((splice, i) => mix(splice, plan.audio.channels, decoded[i]))
  const encoded = await encode(ffmpeg, mixed, plan.audio, scratch, signal)
  const anew = new Map<number, Buffer>()
  let block = 0
  for (const [i, { first, end }] of splices.entries()) {
    // Packet n of the encoder is that of blocks n − 1 and n.
    for (let packet = first; packet < end; packet++) {
      const bytes = encoded[block + SETTLE + packet - first + 1]
      if (bytes !== undefined) anew.set(packet, bytes)
    }
    block += (mixed[i]?.length ?? 0) / (AAC_PACKET * plan.audio.channels)
  }
  let packet = 0
  return plan.samples.map((sample) => {
    const inserted = sample.track === 'audio' ? anew.get(packet++) : undefined
    return inserted === undefined ? sample : { ...sample, offset: 0, size: 0, inserted }
  })
}

/**
 * A packet's window reaches over the block of 1024 samples that it begins, and the next one. Film packet n begins block n; times are in
 * samples from the film's first block on.
 */
function findSplices(plan: JoinPlan, pieces: readonly Piece[]): Splice[] {
  const sides = pieces.map(({ path, mp4: { audio } }, i): Side | null => {
    const packets = plan.pieces[i]?.packets
    return audio === null || packets === undefined || packets.count === 0 ? null : { path, audio, packets }
  })
  const splices: Splice[] = []
  for (const [i, left] of sides.entries()) {
    const right = sides[i + 1]
    if (!left || !right) continue
    const { audio } = left
    const ending = Math.min(audio.mediaTime + audio.shown, audio.samples.count * AAC_PACKET) + shiftOf(left)
    const beginning = right.audio.mediaTime + shiftOf(right)
    const cut = right.packets.film * AAC_PACKET
    const fades = fadesAt(cut, ending, beginning)
    if (fades === null) continue
    const leftEnd = left.packets.film + left.packets.count
    const first = Math.min(Math.floor(fades.out.from / AAC_PACKET) - 1, leftEnd)
    const end = Math.max(Math.ceil(fades.in.to / AAC_PACKET), right.packets.film)
    // What is copied on either side must be this very clip's, and not another splice.
    const free = Math.max(left.packets.film, splices.at(-1)?.end ?? 0)
    const last = right.packets.film + right.packets.count
    if (first > free && end < last) splices.push({ first, end, left, right, ...fades })
  }
  return splices
}

/** Null where there is nothing to be heard on one side. */
function fadesAt(cut: number, ending: number, beginning: number): { out: Fade; in: Fade } | null {
  if (ending < cut - GAP_MAX || beginning > cut + GAP_MAX) return null
  const common = ending - beginning
  if (common < COMMON_MIN) {
    return {
      out: { from: ending - FADE_ALONE, to: ending },
      in: { from: beginning, to: beginning + FADE_ALONE },
    }
  }
  const length = Math.min(FADE, common)
  const from = Math.min(Math.max(cut - length / 2, beginning), ending - length)
  const both = { from, to: from + length }
  return { out: both, in: both }
}

/** How many samples later a file's sound stands in the film. */
function shiftOf({ packets: { film, file } }: Side): number {
  return (film - file) * AAC_PACKET
}

/** The blocks of a splice that are mixed, settling included. */
function blocksOf({ first, end }: Splice): { first: number; count: number } {
  return { first: first - SETTLE, count: end - first + 1 + 2 * SETTLE }
}

/** A side's decoded blocks; `first` is the film's number of the first of them. */
interface Decoded {
  first: number
  pcm: Float32Array
}

/** Decodes both sides of all splices in one go; null where a decoder doesn't give a block for each packet. */
async function decodeSides(
  ffmpeg: Ffmpeg,
  splices: readonly Splice[],
  format: SoundFormat,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<{ left: Decoded; right: Decoded }[] | null> {
  const runs = splices.flatMap((splice) => [runOf(splice, splice.left), runOf(splice, splice.right)])
  const packets: Buffer[] = []
  for (const run of runs) packets.push(...(await readPackets(run)))
  const stream = await scratch('.aac')
  await writeFile(stream, toAdts(packets, format))
  const output = await scratch('.raw')
  const options = ['-c:a', 'pcm_f32le', '-f', 'f32le']
  await ffmpeg.run({ inputs: [{ source: stream, options: ['-f', 'aac'] }], options, output }, signal)
  const bytes = await readFile(output)
  const blockSamples = AAC_PACKET * format.channels
  if (bytes.length !== packets.length * blockSamples * 4) return null
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  let done = 0
  const decoded = runs.map(({ side, from, count }): Decoded => {
    const begin = done * blockSamples
    done += count
    // The first block has half of what stood before it in the stream.
    const pcm = all.subarray(begin + blockSamples, done * blockSamples)
    return { first: from + 1 + side.packets.film - side.packets.file, pcm }
  })
  return splices.map((_, i) => ({
    left: decoded[2 * i] ?? { first: 0, pcm: new Float32Array() },
    right: decoded[2 * i + 1] ?? { first: 0, pcm: new Float32Array() },
  }))
}

/** Packets of a file, `count` from `from` on. */
interface Run {
  side: Side
  from: number
  count: number
}

function runOf(splice: Splice, side: Side): Run {
  const { first, count } = blocksOf(splice)
  const inFile = first - side.packets.film + side.packets.file
  const from = Math.max(0, inFile - 1)
  const end = Math.min(side.audio.samples.count, inFile + count)
  return { side, from, count: Math.max(0, end - from) }
}

async function readPackets({ side: { path, audio }, from, count }: Run): Promise<Buffer[]> {
  const { offsets, sizes } = audio.samples
  const packets: Buffer[] = []
  const file = await open(path)
  try {
    for (let i = from; i < from + count; i++) {
      const size = sizes[i] ?? 0
      const { buffer } = await file.read(Buffer.alloc(size), 0, size, offsets[i] ?? 0)
      packets.push(buffer)
    }
  } finally {
    await file.close()
  }
  return packets
}

function mix(splice: Splice, channels: number, sides?: { left: Decoded; right: Decoded }): Float32Array {
  const { first, count } = blocksOf(splice)
  const mixed = new Float32Array(count * AAC_PACKET * channels)
  if (sides === undefined) return mixed
  const add = ({ first: begin, pcm }: Decoded, gainAt: (sample: number) => number) => {
    const shift = (first - begin) * AAC_PACKET * channels
    for (let i = Math.max(0, -shift); i < mixed.length && i + shift < pcm.length; i++) {
      const gain = gainAt(first * AAC_PACKET + Math.floor(i / channels))
      mixed[i] = (mixed[i] ?? 0) + gain * (pcm[i + shift] ?? 0)
    }
  }
  // Two sounds that have nothing in common are equally loud all the way.
  add(sides.left, (sample) => Math.cos(turnOf(splice.out, sample)))
  add(sides.right, (sample) => Math.sin(turnOf(splice.in, sample)))
  return mixed
}

/** A quarter turn from a fade's one end to the other. */
function turnOf({ from, to }: Fade, sample: number): number {
  return (Math.min(1, Math.max(0, (sample - from) / (to - from))) * Math.PI) / 2
}

async function encode(
  ffmpeg: Ffmpeg,
  mixed: readonly Float32Array[],
  { sampleRate, channels }: SoundFormat,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Buffer[]> {
  const raw = await scratch('.raw')
  await writeFile(raw, Buffer.concat(mixed.map((pcm) => new Uint8Array(pcm.buffer))))
  const output = await scratch('.aac')
  const source = { source: raw, options: ['-f', 'f32le', '-ar', `${sampleRate}`, '-ac', `${channels}`] }
  // More than enough for its few packets: they must sound like those beside them.
  const options = ['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', channels === 1 ? '128k' : '256k']
  await ffmpeg.run({ inputs: [source], options, output }, signal)
  return fromAdts(await readFile(output))
}
