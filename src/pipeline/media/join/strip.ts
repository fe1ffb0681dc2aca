import type { Piece } from './piece.ts'

/** A piece of a film. `clip` is the clip to which it counts (from 0); `seam` is where in it a dissolve is half done, in seconds. */
export interface StripPiece extends Piece {
  clip: number
  seam?: number
}

/** A film's pieces in order. */
export interface Strip {
  pieces: readonly StripPiece[]
  /** Clips, from 0, that had to be encoded from end to end. */
  whole: Set<number>
}
