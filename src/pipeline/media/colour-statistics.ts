import type { Thumbnail } from './thumbnails.ts'

/** A picture's colours: of red, green and blue the mean and the deviation, in levels of 0..255. */
export type ColourStatistics = readonly { mean: number; deviation: number }[]

/** The colours of one frame, or of several on average. */
export function statisticsOf(frames: readonly Thumbnail[]): ColourStatistics {
  return [0, 1, 2].map((channel) => {
    const each = frames.map((frame) => {
      const values = Array.from(frame.filter((_, i) => i % 3 === channel))
      const mean = meanOf(values)
      return { mean, deviation: Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2))) }
    })
    return {
      mean: meanOf(each.map(({ mean }) => mean)),
      deviation: meanOf(each.map(({ deviation }) => deviation)),
    }
  })
}

/** How far apart two colours are, in levels of 0..255: the root mean square over red, green and blue. */
export function colourDistance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((level, i) => level - (b[i] ?? 0))) / Math.sqrt(a.length)
}

/** How far apart two thumbnails' mean colours are, in levels of 0..255. */
export function meanDistance(a: Thumbnail, b: Thumbnail): number {
  const meansOf = (frame: Thumbnail) => statisticsOf([frame]).map(({ mean }) => mean)
  return colourDistance(meansOf(a), meansOf(b))
}

/** Patches that a thumbnail is divided into, across and down. */
const PATCHES = 4

/** How far apart two thumbnails' mean colours are in the patch where they differ most, in levels of 0..255. */
export function farthestPatch(a: Thumbnail, b: Thumbnail): number {
  const side = Math.sqrt(a.length / 3)
  const patchOf = (i: number) => {
    const pixel = Math.floor(i / 3)
    const [x, y] = [pixel % side, Math.floor(pixel / side)]
    return Math.floor((y * PATCHES) / side) * PATCHES + Math.floor((x * PATCHES) / side)
  }
  const pixels = (side / PATCHES) ** 2
  const differences = Array.from({ length: PATCHES ** 2 }, () => [0, 0, 0])
  for (const [i, level] of a.entries()) {
    const sums = differences[patchOf(i)]
    if (sums) sums[i % 3] = (sums[i % 3] ?? 0) + (level - (b[i] ?? 0)) / pixels
  }
  return Math.max(...differences.map((difference) => colourDistance(difference, [0, 0, 0])))
}

/** How far apart two pictures' colours are, in levels: the means' and the deviations' distances, taken together. */
export function statisticsDistance(a: ColourStatistics, b: ColourStatistics): number {
  return Math.hypot(
    ...a.flatMap(({ mean, deviation }, i) => [mean - (b[i]?.mean ?? 0), deviation - (b[i]?.deviation ?? 0)]),
  )
}

/** How alike two pictures are in where they are bright and dark, whatever their colours: Pearson's correlation, -1..1. */
export function likeness(a: Thumbnail, b: Thumbnail): number {
  const [lumaA, lumaB] = [lumaOf(a), lumaOf(b)]
  const [meanA, meanB] = [meanOf(lumaA), meanOf(lumaB)]
  let both = 0
  let squaresA = 0
  let squaresB = 0
  for (const [i, value] of lumaA.entries()) {
    const [offA, offB] = [value - meanA, (lumaB[i] ?? 0) - meanB]
    both += offA * offB
    squaresA += offA * offA
    squaresB += offB * offB
  }
  // An even picture is like none.
  return both === 0 ? 0 : both / Math.sqrt(squaresA * squaresB)
}

/** Brightness by BT.709's weights, pixel by pixel. */
function lumaOf(frame: Thumbnail): number[] {
  const value = (i: number) => frame[i] ?? 0
  return Array.from(
    { length: frame.length / 3 },
    (_, i) => 0.2126 * value(3 * i) + 0.7152 * value(3 * i + 1) + 0.0722 * value(3 * i + 2),
  )
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
