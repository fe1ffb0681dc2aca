import { open, readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { MadeSplice } from '../../../core/clip-measures.ts'
import type { Scratch } from '../clip-file.ts'
import type { Ffmpeg, FfmpegInput } from '../ffmpeg.ts'
import { AAC_PACKET, type SoundFormat, silentPacket } from '../mp4/aac-config.ts'
import { fromAdts, toAdts } from '../mp4/adts.ts'
import type { FilmSample } from '../mp4/film-plan.ts'
import type { Mp4Audio } from '../mp4/reader.ts'
import { twoAtATime } from '../two-at-a-time.ts'
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

/** Blocks on either side that are encoded with a splice, and not used: an encoder looks around itself. */
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

/** Where two clips' sounds meet: film packets `first` up to, not including, `end`, which are encoded anew. */
export interface Splice {
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
 * it is. What was made before is taken from `made`. Returns the film's samples. Throws `MediaError`.
 */
export async function smoothSplices(
  ffmpeg: Ffmpeg,
  plan: JoinPlan,
  pieces: readonly Piece[],
  made: readonly (MadeSplice | null)[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<readonly FilmSample[]> {
  const known = new Map(made.flatMap((splice) => (splice ? [[splice.meeting, splice]] : [])))
  const anew = new Map<number, Uint8Array>()
  await twoAtATime(findSplices(plan, pieces), signal, async (splice, _, stop) => {
    const before = known.get(meetingOf(splice, plan.audio))
    const { packets } = before ?? (await encodeSplice(ffmpeg, splice, plan.audio, scratch, stop))
    for (const [i, packet] of packets.entries()) anew.set(splice.first + i, Buffer.from(packet, 'base64'))
  })
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
export function findSplices(plan: JoinPlan, pieces: readonly Piece[]): Splice[] {
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

/** The blocks of a splice that are decoded and mixed. The first has only half of what is to be heard: its packet's window overlaps none. */
function blocksOf({ first, end }: Splice): { first: number; count: number } {
  return { first: first - SETTLE, count: end - first + 1 + 2 * SETTLE }
}

/** Everything that a splice's packets depend on: the same packets of the same files, faded in the same places. */
function meetingOf({ first, end, left, right, out, in: into }: Splice, format: SoundFormat): string {
  const inFile = ({ path, packets }: Side) => [
    basename(path),
    first - packets.film + packets.file,
    end - first,
  ]
  const times = [out.from, out.to, into.from, into.to].map((time) => time - first * AAC_PACKET)
  return JSON.stringify([inFile(left), inFile(right), times, format.sampleRate, format.channels])
}

/**
 * Decodes both sides of a splice, fades them into each other and encodes that, in one go (70 ms). Without packets where a decoder gives other
 * blocks than there are packets: a crack is better than sound from elsewhere. Throws `MediaError`.
 */
export async function encodeSplice(
  ffmpeg: Ffmpeg,
  splice: Splice,
  format: SoundFormat,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<MadeSplice> {
  const { sampleRate, channels } = format
  const raw = ['-f', 'f32le', '-ar', `${sampleRate}`, '-ac', `${channels}`]
  const inputs: FfmpegInput[] = []
  for (const side of ['left', 'right'] as const) {
    const sound = await scratch('.aac')
    await writeFile(sound, toAdts(await readPackets(splice, splice[side], channels), format))
    const gains = await scratch('.raw')
    await writeFile(gains, gainsOf(splice, side, channels))
    inputs.push({ source: sound, options: ['-f', 'aac'] }, { source: gains, options: raw })
  }
  const sum = channels === 1 ? 'mono|c0=c0+c1' : 'stereo|c0=c0+c2|c1=c1+c3'
  const filter = `[0][1]amultiply[left];[2][3]amultiply[right];[left][right]amerge,pan=${sum}`
  // More than enough for its few packets: they must sound like those beside them.
  const options = ['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', channels === 1 ? '128k' : '256k']
  const output = await scratch('.aac')
  await ffmpeg.run({ inputs, filter, options, output }, signal)
  const encoded = fromAdts(await readFile(output))
  // Packet n of the encoder is that of blocks n − 1 and n.
  const from = SETTLE + 1
  const packets = encoded.slice(from, from + splice.end - splice.first)
  return {
    meeting: meetingOf(splice, format),
    packets: encoded.length > blocksOf(splice).count ? packets.map((bytes) => bytes.toString('base64')) : [],
  }
}

/** A side's packets for all blocks of a splice, silent ones where it has none. */
async function readPackets(splice: Splice, side: Side, channels: 1 | 2): Promise<Buffer[]> {
  const { first, count } = blocksOf(splice)
  const { offsets, sizes } = side.audio.samples
  const from = first - side.packets.film + side.packets.file
  const packets: Buffer[] = []
  const file = await open(side.path)
  try {
    for (let i = from; i < from + count; i++) {
      const size = sizes[i]
      const position = offsets[i]
      if (size === undefined || position === undefined) packets.push(silentPacket(channels))
      else packets.push((await file.read(Buffer.alloc(size), 0, size, position)).buffer)
    }
  } finally {
    await file.close()
  }
  return packets
}

/** How loud each sample of a side is in a splice's blocks, 0..1, as little-endian floats. */
function gainsOf(splice: Splice, side: 'left' | 'right', channels: number): Uint8Array {
  const { first, count } = blocksOf(splice)
  const { from, to } = side === 'left' ? splice.out : splice.in
  // Two sounds that have nothing in common are equally loud all the way.
  const gainAt = side === 'left' ? Math.cos : Math.sin
  const gains = new Float32Array(count * AAC_PACKET * channels)
  for (let i = 0; i < gains.length; i++) {
    const passed = (first * AAC_PACKET + Math.floor(i / channels) - from) / (to - from)
    gains[i] = gainAt((Math.min(1, Math.max(0, passed)) * Math.PI) / 2)
  }
  return new Uint8Array(gains.buffer)
}
