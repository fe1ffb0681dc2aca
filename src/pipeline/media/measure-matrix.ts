import type { UntaggedMatrix } from '../../core/colour.ts'
import type { Thumbnail } from './thumbnails.ts'

/** A picture whose colours differ by less than this between the matrices (levels, root mean square) can't tell them apart. */
const DIFFERENCE_MIN = 1.5

/** How far a frame may lie from the one matrix on the way to the other (0..1) and still speak for the one. */
const SHARE_MAX = 0.25

/**
 * The matrix that a clip was encoded by, given the picture that it opens on and its first frame as read by either: the frame that was read
 * by the right one lies where the picture is. Null if the picture has too little colour, or the frame lies in between.
 */
export function measureMatrix(
  picture: Thumbnail,
  frame: Readonly<Record<UntaggedMatrix, Thumbnail>>,
): UntaggedMatrix | null {
  let way = 0
  let square = 0
  for (const [i, level] of picture.entries()) {
    const from = frame.bt601[i] ?? 0
    const difference = (frame.bt709[i] ?? 0) - from
    way += (level - from) * difference
    square += difference * difference
  }
  if (Math.sqrt(square / picture.length) < DIFFERENCE_MIN) return null
  const share = way / square
  if (Math.abs(share) <= SHARE_MAX) return 'bt601'
  return Math.abs(share - 1) <= SHARE_MAX ? 'bt709' : null
}
