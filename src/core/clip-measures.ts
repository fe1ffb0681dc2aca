import type { Continuation } from './film-check.ts'

/** How loud a sound is: integrated loudness in LUFS and its highest sample in dBFS (ITU-R BS.1770, EBU R 128). */
export interface Loudness {
  lufs: number
  peak: number
}

/** What joining must know of a clip that only decoding tells. */
export interface ClipMeasures {
  /** Null where it has no sound, or none that can be heard. */
  loudness: Loudness | null
  /** How it goes on from the clip before; null for a film's first. */
  continuation: Continuation | null
  /** How the sound of the clip before fades into its own; null where that can't be known yet. */
  splice: MadeSplice | null
}

/** AAC packets for the place where two clips meet, and the only meeting that they are for. */
export interface MadeSplice {
  meeting: string
  packets: readonly Uint8Array[]
}

/** What a clip goes on from: paths of all the clips before it, what was measured of them, and a PNG of the last one's last frame. */
export interface ClipsBefore {
  clips: readonly string[]
  measures: readonly (ClipMeasures | null)[]
  lastFrame: string
}
