import type { SoundFormat } from './aac-config.ts'

/** One sample of a film, in file order: `inserted` bytes, then `size` bytes from `offset` of the file numbered `source`. */
export interface FilmSample {
  track: 'video' | 'audio'
  source: number
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

/** Which samples make a film, and when they are shown. */
export interface FilmPlan {
  video: FilmVideo
  audio: FilmAudio
  samples: readonly FilmSample[]
}
