import type { Matrix, UntaggedMatrix } from './colour.ts'
import type { Continuation, Look, Span } from './film-check.ts'

/** A clip's file. `untagged` is the matrix of its colours if the file itself names none. */
export interface ClipFile {
  path: string
  untagged: Matrix
}

/** How loud a sound is: integrated loudness in LUFS and its highest sample in dBFS (ITU-R BS.1770, EBU R 128). */
export interface Loudness {
  lufs: number
  peak: number
}

/** What the join must know of a clip that only decoding tells. Plain data: it is kept with the segment. */
export interface ClipMeasures {
  /** The matrix by which the chain reads the clip if it has no tag. */
  untagged: Matrix
  /** The matrix that its first frame shows; null if the picture that it opens on has too little colour, or there is none. */
  measured: UntaggedMatrix | null
  /** What had to be encoded of it when it came; null: nothing is known of that. */
  encoded: { picture: boolean; sound: boolean } | null
  /** Null without a sound that can be heard. */
  loudness: Loudness | null
  /** How it goes on from the clip before; null for a film's first. */
  continuation: Continuation | null
  /** How the sound of the clip before fades into its own; null if that can't be known yet. */
  splice: MadeSplice | null
}

/** What decoding a clip from end to end shows. Plain data: it is kept with the segment. Seconds from the clip's start. */
export interface ClipInspection {
  /** Null for a track that isn't there, or can't be decoded at all. */
  seconds: { picture: number | null; sound: number | null }
  /** What a decoder complained of; null: nothing. */
  decodeError: string | null
  /** Null if no frame could be decoded. */
  look: Look | null
  /** Spans that are long enough to tell, and those that touch either end, whatever their length. */
  black: readonly Span[]
  silent: readonly Span[]
}

/** AAC packets (base64) for the place where two clips meet, and the only meeting that they are for. */
export interface MadeSplice {
  meeting: string
  packets: readonly string[]
}

/** What a clip goes on from: all the clips before it, what was measured of them, and a PNG of the last one's last frame. */
export interface ClipsBefore {
  clips: readonly ClipFile[]
  measures: readonly (ClipMeasures | null)[]
  lastFrame: string
}

/** What was measured of one segment's clip so far. */
export interface ClipRecord {
  measures: ClipMeasures | null
  inspection: ClipInspection | null
}
