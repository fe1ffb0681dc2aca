import type { ClipFile, ClipInspection, ClipMeasures, ClipsBefore } from '../clip-measures.ts'
import type { Matrix, UntaggedMatrix } from '../colour.ts'
import type { Continuation, Encoded, FilmCheck, Seam } from '../film-check.ts'
import type { Locale, ModelCapabilities } from '../request.ts'

/** What a video file holds. Seconds, pixels, frames a second; `audioSeconds` and `audioCodec` are null without a sound track. */
export interface ClipInfo {
  width: number
  height: number
  fps: number
  seconds: number
  audioSeconds: number | null
  /** By the sample entry's four letters, such as `avc1` and `mp4a`. */
  codec: string
  audioCodec: string | null
  /** Some frames are decoded before others that are shown earlier. */
  bFrames: boolean
  /** Frames that can be decoded alone: 1 where only the first one can. */
  syncFrames: number
  /** How the file says that its colours are meant, such as `bt709`; null where it says nothing. */
  matrix: string | null
  /** When the first and the last frame are shown, in seconds from the film's start. */
  firstFrame: number
  lastFrame: number
}

/** What a film says of itself in its metadata. */
export interface FilmLabel {
  title: string
  model: string
  /** The day on which it was made. */
  made: Date
  /** IPTC's term: pictures of a trained model, or of a program without one. */
  source: 'trainedAlgorithmicMedia' | 'algorithmicMedia'
}

/** What a film is to be made of, each clip going on from the last frame of the one before. */
export interface JoinOrder {
  clips: readonly ClipFile[]
  /** What was measured of each when it came. What is missing is measured by the join, which takes longer than all the rest. */
  measures?: readonly (ClipMeasures | null)[]
  label: FilmLabel
  /** The language of the mark that the picture's first seconds carry; null: the metadata alone says how the film was made. */
  mark: Locale | null
  /** How long each segment dissolves into the next, in ms; 0: not at all. */
  crossfadeMs: number
  /** Brings every clip's sound to one loudness; else only jumps are evened out. */
  levelSound: boolean
}

/** A stretch of a film that comes from one file. Seconds. */
export interface FilmPiece {
  path: string
  matrix: Matrix
  /** The clip to which it counts, from 0. */
  clip: number
  /** It is that clip's own file: nothing of it was encoded. */
  copied: boolean
  /** Where it begins, in the film and in its file, and how long the film shows it. */
  at: number
  from: number
  seconds: number
}

/** What joining did. */
export interface JoinedFilm {
  /** Seconds that the picture lasts. */
  seconds: number
  seams: readonly Seam[]
  pieces: readonly FilmPiece[]
  encoded: Encoded
  /** Reads the film again. Returns in what it differs from what was planned, or null. */
  compare(signal: AbortSignal): Promise<string | null>
}

/** A clip, and the path of the picture that it was asked to open on. */
export interface ChainLink {
  clip: ClipFile
  opening: string
}

/** What a clip is that a provider delivered, and what was done to make it joinable. */
export interface ReceivedClip extends ClipInfo {
  /** What had to be encoded: a container, or a codec that no film has. */
  encoded: { picture: boolean; sound: boolean }
}

/** How a clip opens on the picture that was sent. */
export interface ClipOpening {
  /** The matrix that its first frame shows; null if the picture has too little colour to tell. */
  measured: UntaggedMatrix | null
  /** The matrix that the clip names; null if it names none. */
  tagged: Matrix | null
  continuation: Continuation
}

/** Pictures and clips. Files that it writes are whole or not there. Throws `MediaError` with the tool's own words. */
export interface Media {
  probe(clip: string, signal?: AbortSignal): Promise<ClipInfo>
  /** Checks a picture that somebody gave. Throws `UserError` `image_…`. */
  checkImage(path: string): Promise<void>
  /** Makes a picture of any size into a PNG of exactly this size, cut at its longer sides. */
  fitImage(
    path: string,
    size: { width: number; height: number },
    png: string,
    signal: AbortSignal,
  ): Promise<void>
  /**
   * Makes `clip` of a file that a provider delivered, which is then gone: as it is if it can be joined, otherwise with as little encoding as
   * possible. `anchor` `sharpest`: cut after a far sharper frame shortly before its end, if there is one. `salvage`: takes what is
   * there of a file that is not whole.
   */
  receive(
    delivered: string,
    clip: string,
    how: { anchor: ModelCapabilities['anchor']; salvage: boolean },
    signal: AbortSignal,
  ): Promise<ReceivedClip>
  /** Compares a clip's first frame with the picture that was sent (a PNG's path). */
  compareOpening(clip: ClipFile, sent: string, signal: AbortSignal): Promise<ClipOpening>
  /** Writes a clip's last shown frame as a PNG. */
  lastFrame(clip: ClipFile, png: string, signal: AbortSignal): Promise<void>
  /**
   * The same for the last clip of a chain that began with the clip `first`: nudged towards that one's colours where the others have drifted
   * away from them.
   */
  nudgedFrame(first: ClipFile, others: readonly ChainLink[], png: string, signal: AbortSignal): Promise<void>
  /** Measures a clip for the join; `opening` and `before` are null for a film's first clip. */
  measure(
    clip: ClipFile,
    opening: ClipOpening | null,
    before: ClipsBefore | null,
    signal: AbortSignal,
  ): Promise<ClipMeasures>
  /** Decodes a clip from end to end. Damage is part of the result; only a full disk is thrown. */
  inspect(clip: ClipFile, signal: AbortSignal): Promise<ClipInspection>
  /** Joins clips into one film. */
  join(order: JoinOrder, film: string, signal: AbortSignal): Promise<JoinedFilm>
  /**
   * Checks a joined film, with what was seen of its clips when they came (by clip; null: it is inspected now). Damage is part of the result;
   * only a full disk is thrown.
   */
  check(
    film: string,
    joined: JoinedFilm,
    inspections: readonly (ClipInspection | null)[],
    signal: AbortSignal,
  ): Promise<FilmCheck>
}

/** What is made of a film for places that can't take it as it is. Files that it writes are whole or not there. Throws `MediaError`. */
export interface Previews {
  /** Writes its best frame as a JPEG. */
  poster(film: string, jpg: string, signal: AbortSignal): Promise<void>
  /** Writes four frames of each segment as one JPEG, a row a segment. `starts`: where the segments begin, in seconds. */
  contactSheet(film: string, jpg: string, starts: readonly number[], signal: AbortSignal): Promise<void>
  /** Writes moments of it as a small animated WebP, without sound. */
  preview(film: string, webp: string, signal: AbortSignal): Promise<void>
  /** Writes a picture, such as a last frame, as a small JPEG. */
  still(png: string, jpg: string, signal: AbortSignal): Promise<void>
  /** Writes all of it, with sound, as an MP4 of at most `maxBytes`. Throws `UserError` `size_unreachable`. */
  smaller(
    film: string,
    mp4: string,
    order: { maxBytes: number; label: FilmLabel },
    signal: AbortSignal,
  ): Promise<void>
}
