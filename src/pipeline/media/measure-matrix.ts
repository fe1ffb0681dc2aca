import type { UntaggedMatrix } from '../../core/colour.ts'
import type { Thumbnail } from './thumbnails.ts'

/** A picture whose colours differ by less than this between the matrices (levels, root mean square) can't tell them apart. */
const DIFFERENCE_MIN = 1.5

/**
 * Where the picture lies on the way from the frame as read by BT.601 (0) to the frame as read by BT.709 (1). Measured on 22 clips with the
 * picture that they were given: −0.66 to 0.28 for models that encode by BT.601, 0.80 to 1.16 for CogVideoX and FramePack, which encode
 * by BT.709. In between nothing is concluded.
 */
const BT601_MAX = 0.4
const BT709 = { min: 0.8, max: 1.25 }

/**
 * How many times the matrices' difference a model may have changed the picture by itself (root mean square). First frames of eight models on
 * one picture, compared with another model's frame of it, kept within 0.14 of the right matrix up to this.
 */
const REST_MAX = 2

/**
 * The matrix that a clip was encoded by, given the picture that it opens on and its first frame as read by either: the frame that was read
 * by the right one lies where the picture is. Null if the picture has too little colour, if the frame lies in between, or if the model has
 * changed the picture so much that it would be chance. A wrong answer is worse than none.
 */
export function measureMatrix(
  picture: Thumbnail,
  frame: Readonly<Record<UntaggedMatrix, Thumbnail>>,
): UntaggedMatrix | null {
  let way = 0
  let length = 0
  let distance = 0
  for (const [i, level] of picture.entries()) {
    const from = frame.bt601[i] ?? 0
    const difference = (frame.bt709[i] ?? 0) - from
    way += (level - from) * difference
    length += difference ** 2
    distance += (level - from) ** 2
  }
  const share = way / length
  // What is left of the distance between the picture and the line from the one frame to the other.
  const rest = distance - share * way
  if (Math.sqrt(length / picture.length) < DIFFERENCE_MIN || rest > REST_MAX ** 2 * length) return null
  if (share <= BT601_MAX) return 'bt601'
  return share >= BT709.min && share <= BT709.max ? 'bt709' : null
}
