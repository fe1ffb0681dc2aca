import { AAC_PACKET, type SoundFormat, silentPacket } from '../mp4/aac-config.ts'
import { inBandParameterSets } from '../mp4/h264-config.ts'
import type { Mp4, Mp4Audio } from '../mp4/reader.ts'

/** One sample of the film, in file order: `inserted` bytes, then `size` bytes of a clip's file from `offset`. */
export interface FilmSample {
  track: 'video' | 'audio'
  clip: number
  offset: number
  size: number
  inserted: Uint8Array | null
}

/** The picture's times in decode order, in `timescale`. `mediaTime` is where the edit list starts, `length` what it shows. */
export interface FilmVideo {
  timescale: number
  mediaTime: number
  length: number
  dts: number[]
  pts: number[]
  sync: boolean[]
}

/** The sound: `packets` of 1024 samples; `mediaTime` and `length` in samples. */
export interface FilmAudio extends SoundFormat {
  packets: number
  mediaTime: number
  length: number
}

/** Which samples of which clip make the film, and when they are shown. */
export interface FilmPlan {
  video: FilmVideo
  audio: FilmAudio
  samples: FilmSample[]
}

/**
 * What happens where a clip opens on the last frame of the one before. `drop`: that last frame is left out. `tick`: it is shown for one
 * tick of the clock, because frames that are decoded after it need it. `keep`: the frames differ and both are shown.
 */
export type Seam = 'drop' | 'tick' | 'keep'

/** A tick must be far shorter than a frame. */
const TIMESCALE_MIN = 10_000

/**
 * Plans a film from clips of one format. `repeats[i]` says whether clip i + 1 opens on the last frame of clip i.
 * Nothing is decoded: pictures stay as they are, sound is spliced between packets, never more than half a packet (10.7 ms at 48 kHz)
 * away from the picture's cut.
 */
export function planJoin(clips: readonly Mp4[], repeats: readonly boolean[], sound: SoundFormat): FilmPlan {
  const seams = clips.map((clip, i): Seam => (i + 1 < clips.length && repeats[i] ? seamAfter(clip) : 'keep'))
  const picture = planVideo(clips, seams)
  const { audio, packetsOf } = planAudio(clips, picture, sound)
  const parameterSets = inBandSets(clips)
  const samples = clips.flatMap((clip, i) => [
    ...inFileOrder(clip, i, picture.kept[i] ?? 0, packetsOf[i] ?? NO_PACKETS, parameterSets[i] ?? null),
    ...silence(i, packetsOf[i]?.silent ?? 0, sound.channels),
  ])
  return { video: picture.video, audio, samples }
}

/** A frame can be left out where nothing is decoded after it; with B-frames the last one shown is seldom the last one decoded. */
function seamAfter({ video }: Mp4): Seam {
  const last = video.samples.count - 1
  if (last < 1) return 'keep'
  const pts = (video.samples.dts[last] ?? 0) + (video.samples.compositionOffsets[last] ?? 0)
  return pts === video.lastPts ? 'drop' : 'tick'
}

interface PlannedPicture {
  video: FilmVideo
  /** Samples that are kept of each clip. */
  kept: number[]
  /** When each clip ends, in the film's timescale. */
  ends: number[]
}

function planVideo(clips: readonly Mp4[], seams: readonly Seam[]): PlannedPicture {
  const base = clips[0]?.video.timescale ?? TIMESCALE_MIN
  const timescale = base * Math.ceil(TIMESCALE_MIN / base)
  const video: FilmVideo = { timescale, mediaTime: 0, length: 0, dts: [], pts: [], sync: [] }
  const kept: number[] = []
  const ends: number[] = []
  const scale = (ticks: number, clip: Mp4) => Math.round((ticks * timescale) / clip.video.timescale)
  // One delay between decoding and showing for the whole film: the longest of all clips.
  video.mediaTime = Math.max(
    0,
    ...clips.map((clip) => scale(clip.video.samples.compositionOffsets[0] ?? 0, clip)),
  )
  let start = 0
  let previousDts = -1
  for (const [i, clip] of clips.entries()) {
    const { samples, firstPts, lastPts, shown } = clip.video
    const seam = seams[i] ?? 'keep'
    const count = seam === 'drop' ? samples.count - 1 : samples.count
    const afterTick = seams[i - 1] === 'tick' ? 1 : 0
    for (let k = 0; k < count; k++) {
      const dts = samples.dts[k] ?? 0
      const pts = dts + (samples.compositionOffsets[k] ?? 0)
      // After a tick the first frame takes the place of the last one, whose decoding time is already in use.
      previousDts = Math.max(start + scale(dts, clip), previousDts + 1)
      video.dts.push(previousDts)
      video.pts.push(start + scale(pts - firstPts, clip) + video.mediaTime + (k === 0 ? afterTick : 0))
      video.sync.push(samples.sync[k] === 1)
    }
    // Absolute times are rounded, never sums of rounded ones within a clip: nothing adds up.
    start += scale(seam === 'keep' ? shown : lastPts - firstPts, clip)
    kept.push(count)
    ends.push(start)
  }
  video.length = start
  return { video, kept, ends }
}

/** Which packets of a clip are taken: `count` from `first`, then `silent` ones. */
interface Packets {
  first: number
  count: number
  silent: number
}

const NO_PACKETS: Packets = { first: 0, count: 0, silent: 0 }

function planAudio(clips: readonly Mp4[], picture: PlannedPicture, sound: SoundFormat) {
  const { timescale, length } = picture.video
  const toSamples = (ticks: number) => (ticks * sound.sampleRate) / timescale
  const mediaTime = clips[0]?.audio?.mediaTime ?? 0
  let packets = 0
  const packetsOf = picture.ends.map((end, i): Packets => {
    const audio = clips[i]?.audio ?? null
    // Packet n sounds until (n + 1) · 1024 − mediaTime: the film has as many as end nearest to the picture's cut.
    const wanted = Math.floor((toSamples(end) + AAC_PACKET / 2 + mediaTime) / AAC_PACKET) - packets
    const first = i === 0 ? 0 : primingPackets(audio)
    const count = Math.max(0, Math.min(wanted, (audio?.samples.count ?? 0) - first))
    packets += wanted
    return { first, count, silent: wanted - count }
  })
  const audio: FilmAudio = {
    ...sound,
    packets,
    mediaTime,
    length: Math.min(packets * AAC_PACKET - mediaTime, Math.round(toSamples(length))),
  }
  return { audio, packetsOf }
}

/** Packets at a clip's start that only warm the decoder up; the edit list leaves them out. */
function primingPackets(audio: Mp4Audio | null): number {
  return audio === null ? 0 : Math.round(audio.mediaTime / AAC_PACKET)
}

/**
 * The parameter sets that go in front of each clip's sync samples, or null where one description serves all. Where one clip differs,
 * every clip carries its own: a viewer may jump from any to any.
 */
function inBandSets(clips: readonly Mp4[]): (Uint8Array | null)[] {
  const configs = clips.map((clip) => clip.video.avc)
  const first = configs[0]
  const same = configs.every((config) => config && first && config.bytes.equals(first.bytes))
  return configs.map((config) => (same || config === null ? null : inBandParameterSets(config)))
}

/** A clip's samples as they lie in its file: neighbours stay neighbours and are copied in one go. */
function* inFileOrder(
  { video, audio }: Mp4,
  clip: number,
  frames: number,
  packets: Packets,
  parameterSets: Uint8Array | null,
): Generator<FilmSample> {
  let frame = 0
  let packet = packets.first
  const packetsEnd = packets.first + packets.count
  while (frame < frames || packet < packetsEnd) {
    const frameOffset = frame < frames ? (video.samples.offsets[frame] ?? 0) : Number.POSITIVE_INFINITY
    const packetOffset =
      packet < packetsEnd ? (audio?.samples.offsets[packet] ?? 0) : Number.POSITIVE_INFINITY
    if (frameOffset < packetOffset) {
      const inserted = video.samples.sync[frame] === 1 ? parameterSets : null
      yield { track: 'video', clip, offset: frameOffset, size: video.samples.sizes[frame] ?? 0, inserted }
      frame += 1
    } else {
      yield {
        track: 'audio',
        clip,
        offset: packetOffset,
        size: audio?.samples.sizes[packet] ?? 0,
        inserted: null,
      }
      packet += 1
    }
  }
}

function silence(clip: number, count: number, channels: 1 | 2): FilmSample[] {
  const inserted = silentPacket(channels)
  return Array.from({ length: count }, () => ({ track: 'audio', clip, offset: 0, size: 0, inserted }))
}
