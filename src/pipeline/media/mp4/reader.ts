import { AAC_PACKET, readEsds } from './aac-config.ts'
import {
  type Box,
  type ByteSource,
  boxesIn,
  ImplausibleMp4,
  NotPlainMp4,
  optionalBox,
  requiredBox,
  TruncatedMp4,
  topLevelBoxes,
} from './box.ts'
import { frameGaps } from './frame-times.ts'
import { type AvcConfig, type Colour, readAvcConfig } from './h264-config.ts'
import { readSampleTable, type SampleTable } from './sample-table.ts'

/**
 * A track. `mediaTime` is where its edit list starts, `shown` how much of it is played, both in `timescale`; `delay` is how many
 * seconds after the film's start it begins.
 */
export interface Mp4Track {
  codec: string
  timescale: number
  delay: number
  mediaTime: number
  shown: number
  samples: SampleTable
}

/** The picture. `firstPts` and `lastPts` are composition times; the first sample is the first shown. */
export interface Mp4Video extends Mp4Track {
  width: number
  height: number
  squarePixels: boolean
  /** Null for another codec than H.264. */
  avc: AvcConfig | null
  /** Of the container, else of the H.264 stream. */
  colour: Colour | null
  firstPts: number
  lastPts: number
}

/** The sound. `config` is the AudioSpecificConfig where the codec is AAC. */
export interface Mp4Audio extends Mp4Track {
  config: Buffer | null
}

/** A plain progressive MP4: one picture, at most one sound, everything described by one `moov`. */
export interface Mp4 {
  video: Mp4Video
  audio: Mp4Audio | null
}

/** A film of an hour has a `moov` of some 5 MB. */
const MOOV_MAX = 64 * 1024 * 1024

/** A picture may start this long after the film does, in seconds; eyes don't notice. Sound may be missing for as long as it likes. */
const START_GAP_MAX = 0.1

/** Longer than any film, in seconds. */
export const SECONDS_MAX = 3600

/**
 * Reads an MP4's tables, never its samples. Throws `NotPlainMp4` for anything but the plain kind,
 * `TruncatedMp4` where bytes are missing, `ImplausibleMp4` where nobody should go on.
 */
export async function readMp4(source: ByteSource): Promise<Mp4> {
  try {
    const top = await topLevelBoxes(source)
    if (top.some((box) => box.type === 'moof')) throw new NotPlainMp4('Fragmented')
    const moovs = top.filter((box) => box.type === 'moov')
    const moov = moovs[0]
    if (moov === undefined || moovs.length > 1) throw new NotPlainMp4(`${moovs.length} moov boxes`)
    if (moov.length > MOOV_MAX) throw new NotPlainMp4(`A moov box of ${moov.length} bytes`)
    const body = await source.readAt(moov.offset, moov.length)
    if (body.length < moov.length) throw new TruncatedMp4('The file became shorter')
    return readMoov(boxesIn(body), source.size)
  } catch (error) {
    // A Buffer refuses to read past its end: a box was too short for its fields.
    if (error instanceof RangeError) throw new NotPlainMp4('A box ends too early', { cause: error })
    throw error
  }
}

function readMoov(moov: readonly Box[], fileSize: number): Mp4 {
  if (moov.some((box) => box.type === 'mvex')) throw new NotPlainMp4('Fragmented')
  const mvhd = requiredBox(moov, 'mvhd')
  const movieTimescale = mvhd.readUInt32BE(mvhd.readUInt8(0) === 1 ? 20 : 12)
  if (movieTimescale === 0) throw new NotPlainMp4('A movie without a timescale')
  let video: Mp4Video | null = null
  let audio: Mp4Audio | null = null
  for (const { type, body } of moov) {
    if (type !== 'trak') continue
    const trak = boxesIn(body)
    const mdia = boxesIn(requiredBox(trak, 'mdia'))
    const handler = requiredBox(mdia, 'hdlr').toString('latin1', 8, 12)
    // A second one's tables aren't even read: a small file could name thousands.
    if (handler === 'vide') {
      if (video !== null) throw new NotPlainMp4('Several pictures')
      video = readVideo(trak, mdia, movieTimescale, fileSize)
    }
    if (handler === 'soun') {
      if (audio !== null) throw new NotPlainMp4('Several sounds')
      audio = readAudio(trak, mdia, movieTimescale, fileSize)
    }
  }
  if (video === null) throw new NotPlainMp4('No picture')
  const seconds = video.shown / video.timescale
  if (seconds > SECONDS_MAX) throw new ImplausibleMp4(`A picture of ${Math.round(seconds)} s`)
  return { video, audio }
}

function readVideo(
  trak: readonly Box[],
  mdia: readonly Box[],
  movieTimescale: number,
  fileSize: number,
): Mp4Video {
  const { entry, ...track } = readTrack(trak, mdia, movieTimescale, fileSize)
  if (!isUpright(requiredBox(trak, 'tkhd'))) throw new NotPlainMp4('A turned picture')
  const children = boxesIn(entry.subarray(78))
  const pasp = optionalBox(children, 'pasp')
  const avcC = optionalBox(children, 'avcC')
  const avc = track.codec === 'avc1' && avcC !== null ? readAvcConfig(avcC) : null
  const { samples, mediaTime, timescale } = track
  const firstPts = samples.compositionOffsets[0] ?? 0
  let lastPts = firstPts
  for (let i = 1; i < samples.count; i++) {
    const pts = (samples.dts[i] ?? 0) + (samples.compositionOffsets[i] ?? 0)
    if (pts <= firstPts) throw new NotPlainMp4('The first sample is not the first shown')
    if (pts > lastPts) lastPts = pts
  }
  const last = samples.count - 1
  const frame = last > 0 ? (lastPts - firstPts) / last : (samples.durations[0] ?? 0)
  const end = lastPts + lastFrameTicks(samples)
  if (samples.sync[0] !== 1) throw new NotPlainMp4('The first sample can not be decoded alone')
  if (track.delay > START_GAP_MAX) throw new NotPlainMp4('The picture starts late')
  if (mediaTime > firstPts + frame / 2 || firstPts - mediaTime > START_GAP_MAX * timescale) {
    throw new NotPlainMp4('The edit list does not start on the first frame')
  }
  if (track.editDuration !== null && mediaTime + track.editDuration < end - frame) {
    throw new NotPlainMp4('The edit list leaves out frames')
  }
  return {
    ...track,
    shown: end - firstPts,
    width: entry.readUInt16BE(24),
    height: entry.readUInt16BE(26),
    squarePixels: pasp === null || pasp.readUInt32BE(0) === pasp.readUInt32BE(4),
    avc,
    colour: readColr(children) ?? avc?.colour ?? null,
    firstPts,
    lastPts,
  }
}

/**
 * How long the last frame is shown. The table has times between decodings: they tell it only if frames are shown in the order of decoding,
 * and some writers, which don't know it, say 0.
 */
function lastFrameTicks(samples: SampleTable): number {
  const { count, durations, compositionOffsets } = samples
  const reordered = compositionOffsets.some((offset) => offset !== compositionOffsets[0])
  const stated = durations[count - 1] ?? 0
  return reordered || stated === 0 ? Math.round(frameGaps(samples).usual) : stated
}

function readAudio(
  trak: readonly Box[],
  mdia: readonly Box[],
  movieTimescale: number,
  fileSize: number,
): Mp4Audio {
  const { entry, ...track } = readTrack(trak, mdia, movieTimescale, fileSize)
  if (entry.readUInt16BE(8) !== 0) throw new NotPlainMp4('A QuickTime sound description')
  const { samples, mediaTime, editDuration } = track
  const esds = track.codec === 'mp4a' ? optionalBox(boxesIn(entry.subarray(28)), 'esds') : null
  const last = samples.count - 1
  const end = (samples.dts[last] ?? 0) + (samples.durations[last] ?? 0)
  if (esds !== null && samples.durations.some((duration, i) => duration !== AAC_PACKET && i < last)) {
    throw new NotPlainMp4('AAC packets of unusual lengths')
  }
  if (mediaTime >= end) throw new NotPlainMp4('The edit list leaves out all sound')
  const shown = Math.min(end - mediaTime, editDuration ?? end)
  return { ...track, shown, config: esds === null ? null : readEsds(esds) }
}

/** What picture and sound have in common; `entry` is the sample description's body. */
function readTrack(trak: readonly Box[], mdia: readonly Box[], movieTimescale: number, fileSize: number) {
  const mdhd = requiredBox(mdia, 'mdhd')
  const timescale = mdhd.readUInt32BE(mdhd.readUInt8(0) === 1 ? 20 : 12)
  if (timescale === 0) throw new NotPlainMp4('A track without a timescale')
  const minf = boxesIn(requiredBox(mdia, 'minf'))
  const dref = requiredBox(boxesIn(requiredBox(minf, 'dinf')), 'dref')
  const inThisFile = 1
  if (boxesIn(dref.subarray(8)).some(({ body }) => body.readUInt32BE(0) !== inThisFile)) {
    throw new NotPlainMp4('Samples in another file')
  }
  const stbl = boxesIn(requiredBox(minf, 'stbl'))
  const descriptions = boxesIn(requiredBox(stbl, 'stsd').subarray(8))
  const description = descriptions[0]
  if (description === undefined || descriptions.length > 1) {
    throw new NotPlainMp4(`${descriptions.length} sample descriptions`)
  }
  return {
    codec: description.type,
    entry: description.body,
    timescale,
    ...readEditList(trak, timescale, movieTimescale),
    samples: readSampleTable(stbl, fileSize),
  }
}

/** ISO/IEC 14496-12, 8.6.6: an empty edit (media time -1) delays the track, the other one says where it starts. */
function readEditList(trak: readonly Box[], timescale: number, movieTimescale: number) {
  const edts = optionalBox(trak, 'edts')
  const elst = edts === null ? null : optionalBox(boxesIn(edts), 'elst')
  const long = elst?.readUInt8(0) === 1
  const entryLength = long ? 20 : 12
  const entries = elst?.readUInt32BE(4) ?? 0
  if (elst === null || entries === 0) return { delay: 0, mediaTime: 0, editDuration: null }
  if (entries > 2) throw new NotPlainMp4(`${entries} edits`)
  const edits = Array.from({ length: entries }, (_, i) => {
    const at = 8 + i * entryLength
    return {
      seconds: Number(long ? elst.readBigUInt64BE(at) : elst.readUInt32BE(at)) / movieTimescale,
      mediaTime: long ? Number(elst.readBigInt64BE(at + 8)) : elst.readInt32BE(at + 4),
      rate: elst.readUInt32BE(at + entryLength - 4),
    }
  })
  const edit = edits.pop()
  const empty = edits.pop()
  const normalRate = 0x10000
  if (edit === undefined || edit.mediaTime < 0 || edit.rate !== normalRate)
    throw new NotPlainMp4('An unusual edit')
  if (empty !== undefined && empty.mediaTime !== -1) throw new NotPlainMp4('An unusual edit')
  // A duration of 0 means: all there is (14496-12, for fragments; writers use it elsewhere too).
  const editDuration = edit.seconds === 0 ? null : edit.seconds * timescale
  return { delay: empty?.seconds ?? 0, mediaTime: edit.mediaTime, editDuration }
}

/** The matrix of a `tkhd` box: anything but the identity turns or moves the picture. */
function isUpright(tkhd: Buffer): boolean {
  const at = tkhd.readUInt8(0) === 1 ? 52 : 40
  const identity = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]
  return identity.every((value, i) => tkhd.readUInt32BE(at + i * 4) === value)
}

function readColr(children: readonly Box[]): Colour | null {
  for (const { type, body } of children) {
    const kind = body.toString('latin1', 0, 4)
    if (type !== 'colr' || (kind !== 'nclx' && kind !== 'nclc')) continue
    return {
      primaries: body.readUInt16BE(4),
      transfer: body.readUInt16BE(6),
      matrix: body.readUInt16BE(8),
      fullRange: kind === 'nclx' && (body.readUInt8(10) & 0x80) !== 0,
    }
  }
  return null
}
