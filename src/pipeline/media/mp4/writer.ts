import type { FilmLabel } from '../../../core/ports/media.ts'
import { AAC_PACKET, audioConfig } from './aac-config.ts'
import { box, fullBox, runs, u16, u32, u32List, u64List } from './build.ts'
import type { FilmAudio, FilmPlan, FilmSample, FilmVideo } from './film-plan.ts'
import type { Colour } from './h264-config.ts'
import { userDataBox, xmpBox } from './label.ts'

/** How the film's picture is described: size in pixels, the `avcC` body, and the colours where they are known. */
export interface VideoDescription {
  width: number
  height: number
  avcC: Uint8Array
  colour: Colour | null
}

/** MP4 counts seconds from 1904. */
const SECONDS_1904_TO_1970 = 2_082_844_800

/**
 * Everything of the film that comes before its samples: `ftyp`, `moov`, the label, and the header of `mdat`. The samples follow in the
 * plan's order. Throws a `RangeError` for a film of more than 2^32 ticks (13 hours at 90 kHz).
 */
export function filmHeader(plan: FilmPlan, description: VideoDescription, label: FilmLabel): Buffer {
  const ftyp = box('ftyp', Buffer.from('isom'), u32(512), Buffer.from('isomiso2avc1mp41'))
  const { payload, ...places } = placesOf(plan.samples)
  const xmp = xmpBox(label)
  const tables = {
    video: Buffer.concat([
      videoDescription(description),
      ...videoTimes(plan.video),
      ...sizeBoxes(places.video),
    ]),
    audio: Buffer.concat([
      audioDescription(plan.audio),
      fullBox('stts', 0, 0, u32(1, plan.audio.packets, AAC_PACKET)),
      ...sizeBoxes(places.audio),
    ]),
  }
  // moov comes first and holds places that depend on its own length: that length is the same wherever mdat starts.
  const wide = payload > 0xffff_ffff - 0x1000_0000
  const mdat = wide
    ? Buffer.concat([u32(1), Buffer.from('mdat'), u64List([payload + 16])])
    : mdatHeader(payload)
  const header = (dataOffset: number) => {
    const stbl = (track: 'video' | 'audio') =>
      box('stbl', tables[track], chunkOffsetBox(places[track].chunkOffsets, dataOffset, wide))
    return Buffer.concat([ftyp, movie(plan, description, label, stbl('video'), stbl('audio')), xmp, mdat])
  }
  return header(header(0).length)
}

function mdatHeader(payload: number): Buffer {
  return Buffer.concat([u32(payload + 8), Buffer.from('mdat')])
}

function movie(
  plan: FilmPlan,
  description: VideoDescription,
  label: FilmLabel,
  videoTable: Buffer,
  audioTable: Buffer,
): Buffer {
  const { video, audio } = plan
  const made = Math.floor(label.made.getTime() / 1000) + SECONDS_1904_TO_1970
  const audioLength = Math.round((audio.length * video.timescale) / audio.sampleRate)
  const header = fullBox(
    'mvhd',
    0,
    0,
    u32(made, made, video.timescale, video.length, 0x10000),
    u16(0x100),
    Buffer.alloc(10),
    IDENTITY,
    Buffer.alloc(24),
    u32(3),
  )
  const picture = box(
    'trak',
    trackHeader({ id: 1, made, length: video.length, volume: 0, ...description }),
    editList(video.length, video.mediaTime),
    box(
      'mdia',
      mediaHeader(made, video.timescale, video.length),
      handler('vide', 'VideoHandler'),
      box('minf', fullBox('vmhd', 0, 1, Buffer.alloc(8)), DATA_IN_THIS_FILE, videoTable),
    ),
  )
  const sound = box(
    'trak',
    trackHeader({ id: 2, made, length: audioLength, volume: 0x100, width: 0, height: 0 }),
    editList(audioLength, audio.mediaTime),
    box(
      'mdia',
      mediaHeader(made, audio.sampleRate, audio.packets * AAC_PACKET),
      handler('soun', 'SoundHandler'),
      box('minf', fullBox('smhd', 0, 0, Buffer.alloc(4)), DATA_IN_THIS_FILE, audioTable),
    ),
  )
  return box('moov', header, picture, sound, userDataBox(label))
}

const IDENTITY = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)

const DATA_IN_THIS_FILE = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)))

interface TrackHeader {
  id: number
  made: number
  length: number
  volume: number
  width: number
  height: number
}

function trackHeader({ id, made, length, volume, width, height }: TrackHeader): Buffer {
  const enabledInMovie = 3
  return fullBox(
    'tkhd',
    0,
    enabledInMovie,
    u32(made, made, id, 0, length, 0, 0),
    u16(0, 0, volume, 0),
    IDENTITY,
    u32(width * 0x10000, height * 0x10000),
  )
}

function editList(length: number, mediaTime: number): Buffer {
  return box('edts', fullBox('elst', 0, 0, u32(1, length, mediaTime, 0x10000)))
}

function mediaHeader(made: number, timescale: number, length: number): Buffer {
  const undetermined = 0x55c4
  return fullBox('mdhd', 0, 0, u32(made, made, timescale, length), u16(undetermined, 0))
}

function handler(type: string, name: string): Buffer {
  return fullBox('hdlr', 0, 0, u32(0), Buffer.from(type), u32(0, 0, 0), Buffer.from(`${name}\0`))
}

function videoDescription({ width, height, avcC, colour }: VideoDescription): Buffer {
  const dpi72 = 0x480000
  const entry = [
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(16),
    u16(width, height),
    u32(dpi72, dpi72, 0),
    u16(1),
    Buffer.alloc(32),
    u16(24, 0xffff),
    box('avcC', avcC),
    box('pasp', u32(1, 1)),
  ]
  if (colour !== null) {
    const { primaries, transfer, matrix, fullRange } = colour
    const range = Buffer.from([fullRange ? 0x80 : 0])
    entry.push(box('colr', Buffer.from('nclx'), u16(primaries, transfer, matrix), range))
  }
  return fullBox('stsd', 0, 0, u32(1), box('avc1', ...entry))
}

function audioDescription({ sampleRate, channels }: FilmAudio): Buffer {
  const config = descriptor(5, audioConfig({ sampleRate, channels }))
  const aac = 0x40
  const audioStream = 0x15
  const decoder = descriptor(4, Buffer.from([aac, audioStream]), Buffer.alloc(11), config)
  const es = descriptor(3, u16(2), Buffer.alloc(1), decoder, descriptor(6, Buffer.from([2])))
  // 16.16 fixed point has no room for more than 65 535 Hz; the AudioSpecificConfig counts.
  const rate = sampleRate < 0x10000 ? sampleRate * 0x10000 : 0
  const entry = [Buffer.alloc(6), u16(1), Buffer.alloc(8), u16(channels, 16, 0, 0), u32(rate)]
  return fullBox('stsd', 0, 0, u32(1), box('mp4a', ...entry, fullBox('esds', 0, 0, es)))
}

/** An MPEG-4 descriptor (ISO/IEC 14496-1, 8.3.3) of fewer than 128 bytes. */
function descriptor(tag: number, ...body: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(body)
  return Buffer.concat([Buffer.from([tag, bytes.length]), bytes])
}

function videoTimes({ dts, pts, sync, length }: FilmVideo): Buffer[] {
  const durations = dts.map((time, i) => Math.max(1, (dts[i + 1] ?? length) - time))
  const offsets = dts.map((time, i) => (pts[i] ?? time) - time)
  const boxes = [pairs('stts', 0, runs(durations))]
  // Version 1 has signed offsets: a clip of uneven frames may have one that is shown before its decoding time.
  if (offsets.some((offset) => offset !== 0)) boxes.push(pairs('ctts', 1, runs(offsets)))
  const syncSamples = sync.flatMap((isSync, i) => (isSync ? [i + 1] : []))
  boxes.push(fullBox('stss', 0, 0, u32List([syncSamples.length, ...syncSamples])))
  return boxes
}

function pairs(type: string, version: number, values: readonly (readonly [number, number])[]): Buffer {
  return fullBox(type, version, 0, u32List([values.length, ...values.flat().map((value) => value >>> 0)]))
}

/** A track's places in the file. Its samples that follow one another there are one chunk, whose offset counts from the first sample. */
interface Places {
  sizes: number[]
  chunkOffsets: number[]
  /** How many samples each chunk has. */
  chunkLengths: number[]
}

function placesOf(samples: readonly FilmSample[]): { video: Places; audio: Places; payload: number } {
  const none = (): Places => ({ sizes: [], chunkOffsets: [], chunkLengths: [] })
  const tracks = { video: none(), audio: none() }
  let payload = 0
  let previous: FilmSample['track'] | null = null
  for (const { track, size, inserted } of samples) {
    const { sizes, chunkOffsets, chunkLengths } = tracks[track]
    const length = size + (inserted?.length ?? 0)
    if (track !== previous) {
      chunkOffsets.push(payload)
      chunkLengths.push(0)
    }
    chunkLengths.push((chunkLengths.pop() ?? 0) + 1)
    sizes.push(length)
    previous = track
    payload += length
  }
  return { ...tracks, payload }
}

function sizeBoxes({ sizes, chunkLengths }: Places): Buffer[] {
  let firstChunk = 1
  const chunks = runs(chunkLengths).flatMap(([count, samples]) => {
    const entry = [firstChunk, samples, 1]
    firstChunk += count
    return entry
  })
  return [
    fullBox('stsz', 0, 0, u32List([0, sizes.length, ...sizes])),
    fullBox('stsc', 0, 0, u32List([chunks.length / 3, ...chunks])),
  ]
}

function chunkOffsetBox(chunkOffsets: readonly number[], dataOffset: number, wide: boolean): Buffer {
  const offsets = chunkOffsets.map((offset) => offset + dataOffset)
  return wide
    ? fullBox('co64', 0, 0, u32(offsets.length), u64List(offsets))
    : fullBox('stco', 0, 0, u32List([offsets.length, ...offsets]))
}
