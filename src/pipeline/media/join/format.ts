import { frameRate } from '../clip-info.ts'
import { matrixOf } from '../colour.ts'
import { readAudioConfig, type SoundFormat } from '../mp4/aac-config.ts'
import type { Colour } from '../mp4/h264-config.ts'
import type { Mp4, Mp4Audio, Mp4Video } from '../mp4/reader.ts'

/** The one format that all clips of a film have. `timescale` is the picture's, in ticks a second. */
export interface FilmFormat {
  width: number
  height: number
  timescale: number
  fps: number
  matrix: 'bt709' | 'bt601'
  /** How the picture says that its colours are meant; null where it says nothing. */
  colour: Colour | null
  sound: SoundFormat
}

const DEFAULT_SOUND: SoundFormat = { sampleRate: 48_000, channels: 2 }

/** Below this (Hz), half a packet is longer than the sound may be off. */
const SAMPLE_RATE_MIN = 44_100

/** ITU-T H.273. */
const BT709: Colour = { primaries: 1, transfer: 1, matrix: 1, fullRange: false }

/** Bytes of the length in front of each NAL unit: the same in all pieces of a film, and ffmpeg always writes four. */
const NAL_LENGTH_SIZE = 4

/** Clips whose frame rates differ by less than this (24 and 23.976) go together: each keeps its own times. */
const RATE_TOLERANCE = 0.005

/** The format of the first clip, and of the first sound; where those can't be kept, H.264 in BT.709 and AAC-LC 48 kHz stereo. */
export function filmFormat(clips: readonly [Mp4, ...Mp4[]]): FilmFormat {
  const { video } = clips[0]
  const even = (pixels: number) => Math.round(pixels / 2) * 2
  const audio = clips.find((clip) => clip.audio !== null)?.audio ?? null
  const format: FilmFormat = {
    width: even(video.width),
    height: even(video.height),
    timescale: video.timescale,
    fps: frameRate(video),
    matrix: matrixOf(video) === 'bt601' ? 'bt601' : 'bt709',
    colour: video.colour,
    sound: filmSound(soundFormat(audio) ?? DEFAULT_SOUND),
  }
  return videoFits(video, format) ? format : { ...format, matrix: 'bt709', colour: BT709 }
}

/** Whether a picture can go into a film of this format as it is. */
export function videoFits(video: Mp4Video, format: FilmFormat): boolean {
  return (
    video.avc?.common === true &&
    video.avc.nalLengthSize === NAL_LENGTH_SIZE &&
    video.squarePixels &&
    video.colour?.fullRange !== true &&
    video.width === format.width &&
    video.height === format.height &&
    matrixOf(video) === format.matrix &&
    Math.abs(frameRate(video) / format.fps - 1) < RATE_TOLERANCE
  )
}

/** The same for a sound; no sound at all fits, since a film can be silent for a while. */
export function audioFits(audio: Mp4Audio | null, format: FilmFormat): boolean {
  if (audio === null) return true
  const sound = soundFormat(audio)
  return sound?.sampleRate === format.sound.sampleRate && sound.channels === format.sound.channels
}

function filmSound(sound: SoundFormat): SoundFormat {
  return sound.sampleRate < SAMPLE_RATE_MIN ? { ...sound, sampleRate: DEFAULT_SOUND.sampleRate } : sound
}

function soundFormat(audio: Mp4Audio | null): SoundFormat | null {
  const sound = audio?.config ? readAudioConfig(audio.config) : null
  return sound?.sampleRate === audio?.timescale ? sound : null
}
