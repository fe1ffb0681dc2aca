import type { Matrix } from '../../../core/colour.ts'
import type { Clip } from '../clip-file.ts'
import { frameRate } from '../clip-info.ts'
import { filmColour, taggedMatrix } from '../colour.ts'
import { readAudioConfig, type SoundFormat } from '../mp4/aac-config.ts'
import { frameGaps } from '../mp4/frame-times.ts'
import type { Colour } from '../mp4/h264-config.ts'
import type { Mp4Audio } from '../mp4/reader.ts'

/** The one format that all clips of a film have. `timescale` is the picture's, in ticks a second. */
export interface FilmFormat {
  width: number
  height: number
  timescale: number
  fps: number
  /** The matrix of all its pictures. */
  matrix: Matrix
  /** How the film says that its colours are meant. */
  colour: Colour
  /** What its H.264 streams say of that themselves; null: nothing, as with nearly every model's clips. */
  streamColour: Colour | null
  sound: SoundFormat
}

const DEFAULT_SOUND: SoundFormat = { sampleRate: 48_000, channels: 2 }

/** Below this (Hz), half a packet is longer than the sound may be off. */
const SAMPLE_RATE_MIN = 44_100

/** Clips whose frame rates differ by less than this (24 and 23.976) have one rate. */
const RATE_TOLERANCE = 0.005

/** Size and rate of the first clip, the first sound's format, and the matrix of most clips: fewest are converted then. */
export function filmFormat(clips: readonly [Clip, ...Clip[]]): FilmFormat {
  const { video } = clips[0].mp4
  const even = (pixels: number) => Math.round(pixels / 2) * 2
  const audio = clips.find((clip) => clip.mp4.audio !== null)?.mp4.audio ?? null
  const matrix = commonest(clips.map((clip) => clip.matrix))
  const example = clips.find((clip) => clip.matrix === matrix)?.mp4.video
  return {
    width: even(video.width),
    height: even(video.height),
    timescale: video.timescale,
    fps: frameRate(video),
    matrix,
    colour: filmColour(example?.colour ?? null, matrix),
    streamColour: saidByStream(example?.avc?.colour ?? null),
    sound: filmSound(soundFormat(audio) ?? DEFAULT_SOUND),
  }
}

function saidByStream(colour: Colour | null): Colour | null {
  return taggedMatrix(colour) === null ? null : colour
}

/** The first of those that occur most often. */
function commonest(matrices: readonly Matrix[]): Matrix {
  const count = (matrix: Matrix) => matrices.filter((other) => other === matrix).length
  return matrices.reduce((best, matrix) => (count(matrix) > count(best) ? matrix : best))
}

/** Whether a clip's picture can go into a film of this format as it is. Its frames keep their own times. */
export function videoFits(clip: Clip, format: FilmFormat): boolean {
  const { width, height } = clip.mp4.video
  const sameSize = width === format.width && height === format.height
  return sameSize && clip.matrix === format.matrix && hasFilmRate(clip, format)
}

function hasFilmRate({ mp4: { video } }: Clip, { fps }: FilmFormat): boolean {
  return Math.abs(frameRate(video) / fps - 1) < RATE_TOLERANCE
}

/** Whether every frame lasts as long as the film's, as filters that count frames need it: none is left out, held or hidden. */
export function isEven(clip: Clip, format: FilmFormat): boolean {
  return hasFilmRate(clip, format) && frameGaps(clip.mp4.video.samples).even
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
