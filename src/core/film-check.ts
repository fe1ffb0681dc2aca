/** A place where two segments of a film meet. */
export interface Seam {
  /** Seconds from the film's start. */
  at: number
  /** The second segment opens on the last frame of the first, and the film shows that frame once. */
  repeats: boolean
  /** How alike the two frames on either side are in the clips: SSIM, 0..1. */
  ssim: number
  /** How far apart their mean colours are, in levels of 0..255. */
  colour: number
  /** How far the second segment's sound is from its picture, in ms; later is positive. */
  soundOffsetMs: number
}
