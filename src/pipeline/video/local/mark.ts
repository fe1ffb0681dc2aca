import type { Picture } from './canvas.ts'

/** Letters of 5 × 7 dots, a row in each number's bits. */
const LETTERS: readonly (readonly number[])[] = [
  [16, 16, 16, 16, 16, 16, 31],
  [14, 17, 17, 17, 17, 17, 14],
  [14, 17, 16, 16, 16, 17, 14],
  [14, 17, 17, 31, 17, 17, 17],
  [16, 16, 16, 16, 16, 16, 31],
]

/** Where the mark stands in a frame, in pixels: the letters with a little room around them. */
export function markBox(frame: { width: number; height: number; unit: number }) {
  const dot = Math.max(1, Math.round(frame.unit / 360))
  return {
    x: frame.width - dot * (LETTERS.length * 7 + 10),
    y: frame.height - dot * 18,
    width: dot * (LETTERS.length * 7 + 2),
    height: dot * 11,
  }
}

/** Writes LOCAL, small and translucent, into the corner of a picture that ends at `right` and `bottom` (pixels). */
export function markPicture(
  { width, rgba }: Picture,
  corner: { right: number; bottom: number; unit: number },
): void {
  const dot = Math.max(1, Math.round(corner.unit / 360))
  const left = corner.right - dot * (LETTERS.length * 7 + 8)
  const top = corner.bottom - dot * 16
  for (let y = 0; y < 7 * dot; y += 1) {
    for (let x = 0; x < LETTERS.length * 7 * dot; x += 1) {
      const letter = LETTERS[Math.floor(x / (7 * dot))]
      const column = Math.floor(x / dot) % 7
      if (column > 4 || !((letter?.[Math.floor(y / dot)] ?? 0) & (16 >> column))) continue
      const i = ((top + y) * width + left + x) * 4
      for (let c = 0; c < 3; c += 1) rgba[i + c] = (rgba[i + c] ?? 0) * 0.62 + 255 * 0.38
    }
  }
}
