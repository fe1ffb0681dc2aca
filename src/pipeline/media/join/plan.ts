import { shownAt } from '../clip-info.ts'
import { AAC_PACKET, type SoundFormat, silentPacket } from '../mp4/aac-config.ts'
import type { FilmAudio, FilmPlan, FilmSample, FilmVideo } from '../mp4/film-plan.ts'
import { haveSameSets, inBandParameterSets } from '../mp4/h264-config.ts'
import { type Piece, pieceTimes, ptsOf } from './piece.ts'

/** A film planned from pieces: where each of them starts, in seconds, how late its sound is there, in ms, and its packets. */
export interface JoinPlan extends FilmPlan {
  pieces: { at: number; soundOffsetMs: number; packets: PacketRange }[]
}

/** Packets of a file that a film has: the number of the first one there and here. */
export interface PacketRange {
  film: number
  file: number
  count: number
}

/**
 * What happens where a piece opens on the last frame of the one before. `drop`: that last frame is left out. `tick`: it is shown for one
 * tick of the clock, because frames that are decoded after it need it. `keep`: the frames differ and both are shown.
 */
type Meeting = 'drop' | 'tick' | 'keep'

/** A tick must be far shorter than a frame. */
const TIMESCALE_MIN = 10_000

/** A film's times have 32 bits: five hours of these ticks. A finer clock than this is rounded, by 2 µs at the most. */
const TIMESCALE_MAX = 240_000

/**
 * Plans a film from pieces of one format. `repeats[i]` says whether piece i + 1 opens on the last frame of piece i.
 * Nothing is decoded: pictures stay as they are, sound is spliced between packets, never more than half a packet (10.7 ms at 48 kHz)
 * away from the picture's cut.
 */
export function planJoin(
  pieces: readonly Piece[],
  repeats: readonly boolean[],
  sound: SoundFormat,
): JoinPlan {
  const meetings = pieces.map((piece, i): Meeting => (repeats[i] === true ? meetingAfter(piece) : 'keep'))
  const picture = planVideo(pieces, meetings)
  const { audio, spans, offsets, starts: packetStarts } = planAudio(pieces, picture, sound)
  const parameterSets = inBandSets(pieces)
  const samples = pieces.flatMap((piece, i) => {
    const span = spans[i] ?? NO_PACKETS
    return [
      ...silence(i, span.silentBefore, sound.channels),
      ...inFileOrder(piece, i, picture.kept[i] ?? 0, span, parameterSets[i] ?? null),
      ...silence(i, span.silentAfter, sound.channels),
    ]
  })
  const { timescale } = picture.video
  const starts = picture.starts.slice(0, -1)
  return {
    video: picture.video,
    audio,
    samples,
    pieces: starts.map((start, i) => {
      const { silentBefore, first, count } = spans[i] ?? NO_PACKETS
      const packets = { film: (packetStarts[i] ?? 0) + silentBefore, file: first, count }
      return { at: start / timescale, soundOffsetMs: offsets[i] ?? 0, packets }
    }),
  }
}

/** A frame can be left out where nothing is decoded after it; with B-frames the last one shown is seldom the last one decoded. */
function meetingAfter(piece: Piece): Meeting {
  if (piece.to - piece.from < 2) return 'keep'
  return ptsOf(piece.mp4.video, piece.to - 1) === pieceTimes(piece).last ? 'drop' : 'tick'
}

interface PlannedPicture {
  video: FilmVideo
  /** Samples that are kept of each piece. */
  kept: number[]
  /** When each piece starts, and the film ends, in the film's timescale. */
  starts: number[]
}

function planVideo(pieces: readonly Piece[], meetings: readonly Meeting[]): PlannedPicture {
  const base = pieces[0]?.mp4.video.timescale ?? TIMESCALE_MIN
  const timescale = Math.min(TIMESCALE_MAX, base * Math.ceil(TIMESCALE_MIN / base))
  const video: FilmVideo = { timescale, mediaTime: 0, length: 0, dts: [], pts: [], sync: [] }
  const kept: number[] = []
  const starts = [0]
  const scale = (ticks: number, { mp4 }: Piece) => Math.round((ticks * timescale) / mp4.video.timescale)
  const delayOf = (piece: Piece) => scale(piece.mp4.video.samples.compositionOffsets[piece.from] ?? 0, piece)
  // One delay between decoding and showing for the whole film: the longest of all pieces.
  video.mediaTime = Math.max(0, ...pieces.map(delayOf))
  let start = 0
  let previousDts = -1
  for (const [i, piece] of pieces.entries()) {
    const { samples } = piece.mp4.video
    const times = pieceTimes(piece)
    const meeting = meetings[i] ?? 'keep'
    const end = meeting === 'drop' ? piece.to - 1 : piece.to
    const afterTick = meetings[i - 1] === 'tick' ? 1 : 0
    const firstDts = samples.dts[piece.from] ?? 0
    for (let k = piece.from; k < end; k++) {
      const dts = (samples.dts[k] ?? 0) - firstDts
      const pts = ptsOf(piece.mp4.video, k) - times.first
      // After a tick the first frame takes the place of the last one, whose decoding time is already in use.
      previousDts = Math.max(start + scale(dts, piece), previousDts + 1)
      video.dts.push(previousDts)
      video.pts.push(start + scale(pts, piece) + video.mediaTime + (k === piece.from ? afterTick : 0))
      video.sync.push(samples.sync[k] === 1)
    }
    // Absolute times are rounded, never sums of rounded ones within a piece: nothing adds up.
    start += scale((meeting === 'keep' ? times.end : times.last) - times.first, piece)
    kept.push(end - piece.from)
    starts.push(start)
  }
  video.length = start
  return { video, kept, starts }
}

/** Which packets a piece brings: silent ones, then `count` of its file from `first`, then silent ones. */
interface PacketSpan {
  silentBefore: number
  first: number
  count: number
  silentAfter: number
}

const NO_PACKETS: PacketSpan = { silentBefore: 0, first: 0, count: 0, silentAfter: 0 }

/** Packets in front of a film's first audible one, which only warm the decoder up. */
const WARM_UP = 1

function planAudio(pieces: readonly Piece[], picture: PlannedPicture, sound: SoundFormat) {
  const toSamples = (ticks: number) => (ticks * sound.sampleRate) / picture.video.timescale
  const placeOf = pieces.map((piece) => soundPlace(piece, sound.sampleRate))
  const opening = placeOf[0] ?? 0
  const openingPacket = Math.floor(opening / AAC_PACKET) - (opening < AAC_PACKET ? 0 : WARM_UP)
  const mediaTime = opening - openingPacket * AAC_PACKET
  let packets = 0
  const offsets: number[] = []
  const starts: number[] = []
  const spans = pieces.map((piece, i): PacketSpan => {
    const place = placeOf[i] ?? 0
    const first = i === 0 ? openingPacket : Math.round(place / AAC_PACKET)
    // Packet n of the film sounds from n · 1024 − mediaTime on, and this piece's sound belongs so far into its first packet.
    const within = place - first * AAC_PACKET
    const start = toSamples(picture.starts[i] ?? 0)
    offsets.push(((packets * AAC_PACKET - mediaTime + within - start) / sound.sampleRate) * 1000)
    const next = placeOf[i + 1]
    const end = toSamples(picture.starts[i + 1] ?? 0) + mediaTime
    const nextWithin = next === undefined ? 0 : next - Math.round(next / AAC_PACKET) * AAC_PACKET
    // The next piece's sound comes nearest to its picture; the film's own sound lasts as long as the picture.
    const until =
      next === undefined ? Math.ceil(end / AAC_PACKET) : Math.round((end - nextWithin) / AAC_PACKET)
    const wanted = Math.max(0, until - packets)
    starts.push(packets)
    packets += wanted
    const available = Math.max(0, (piece.mp4.audio?.samples.count ?? 0) - Math.max(0, first))
    const silentBefore = piece.mp4.audio === null ? 0 : Math.min(wanted, Math.max(0, -first))
    const count = Math.min(wanted - silentBefore, available)
    return { silentBefore, first: Math.max(0, first), count, silentAfter: wanted - silentBefore - count }
  })
  const length = Math.round(toSamples(picture.video.length))
  const audio: FilmAudio = { ...sound, packets, mediaTime: Math.round(mediaTime), length }
  return { audio, spans, offsets, starts }
}

/** Where in a file's sound, in samples, a piece's first frame is shown. Before 0 where the sound only starts later. */
function soundPlace({ mp4: { video, audio }, from }: Piece, sampleRate: number): number {
  if (audio === null) return 0
  return audio.mediaTime + (shownAt(video, ptsOf(video, from)) - audio.delay) * sampleRate
}

/**
 * The parameter sets that go in front of each piece's sync samples, or null where one description serves all. Where one file differs,
 * every piece carries its own: a viewer may jump from any to any.
 */
function inBandSets(pieces: readonly Piece[]): (Uint8Array | null)[] {
  const configs = pieces.map(({ mp4 }) => mp4.video.avc)
  const first = configs[0]
  const same = configs.every((config) => config && first && haveSameSets(config, first))
  return configs.map((config) => (same || config === null ? null : inBandParameterSets(config)))
}

/** A piece's samples as they lie in its file: neighbours stay neighbours and are copied in one go. */
function* inFileOrder(
  { mp4: { video, audio }, from }: Piece,
  source: number,
  frames: number,
  packets: PacketSpan,
  parameterSets: Uint8Array | null,
): Generator<FilmSample> {
  let frame = from
  const framesEnd = from + frames
  let packet = packets.first
  const packetsEnd = packets.first + packets.count
  while (frame < framesEnd || packet < packetsEnd) {
    const frameOffset = frame < framesEnd ? (video.samples.offsets[frame] ?? 0) : Number.POSITIVE_INFINITY
    const packetOffset =
      packet < packetsEnd ? (audio?.samples.offsets[packet] ?? 0) : Number.POSITIVE_INFINITY
    if (frameOffset < packetOffset) {
      const inserted = video.samples.sync[frame] === 1 ? parameterSets : null
      yield { track: 'video', source, offset: frameOffset, size: video.samples.sizes[frame] ?? 0, inserted }
      frame += 1
    } else {
      const size = audio?.samples.sizes[packet] ?? 0
      yield { track: 'audio', source, offset: packetOffset, size, inserted: null }
      packet += 1
    }
  }
}

function silence(source: number, count: number, channels: 1 | 2): FilmSample[] {
  const inserted = silentPacket(channels)
  return Array.from({ length: count }, () => ({ track: 'audio', source, offset: 0, size: 0, inserted }))
}
