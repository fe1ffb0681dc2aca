/** A colour, 0–255 a channel. */
export type Rgb = readonly [red: number, green: number, blue: number]

/** A picture that is being painted: floats from 0 to 255, so that soft gradients meet the 8 bits only once, at the end. */
export interface Canvas {
  width: number
  height: number
  rgb: Float32Array
}

/** A finished picture with straight (not premultiplied) alpha. */
export interface Picture {
  width: number
  height: number
  rgba: Uint8ClampedArray
}

/** An empty, black canvas. */
export function createCanvas(width: number, height: number): Canvas {
  return { width, height, rgb: new Float32Array(width * height * 3) }
}

/** An empty, wholly transparent picture. */
export function createPicture(width: number, height: number): Picture {
  return { width, height, rgba: new Uint8ClampedArray(width * height * 4) }
}

/** Random numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export type Random = () => number

/** Starts a row of random numbers. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The value, or the nearer end of the range. */
export const clamp = (value: number, low = 0, high = 1) => Math.min(high, Math.max(low, value))

/** 0 below `from`, 1 above `to`, and a soft rise in between. */
export function smooth(from: number, to: number, value: number): number {
  const t = clamp((value - from) / (to - from))
  return t * t * (3 - 2 * t)
}

/** The colour at `t` on the way from `a` to `b`. */
export function mix(a: Rgb, b: Rgb, t: number): Rgb {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/** Smooth noise from 0 to 1 in one or two dimensions, with `octaves` of detail; features are about 1 wide. */
export interface Noise {
  line(x: number, octaves: number): number
  plane(x: number, y: number, octaves: number): number
}

/** Makes noise from a table of random numbers. */
export function createNoise(random: Random): Noise {
  const table = Float32Array.from({ length: 4096 }, random)
  const at = (i: number, j: number) => table[(i + Math.imul(j, 1619)) & 4095] ?? 0
  const one = (x: number, y: number) => {
    const i = Math.floor(x)
    const j = Math.floor(y)
    const fx = x - i
    const fy = y - j
    const u = fx * fx * (3 - 2 * fx)
    const v = fy * fy * (3 - 2 * fy)
    const top = at(i, j) + (at(i + 1, j) - at(i, j)) * u
    const bottom = at(i, j + 1) + (at(i + 1, j + 1) - at(i, j + 1)) * u
    return top + (bottom - top) * v
  }
  const plane = (x: number, y: number, octaves: number) => {
    let sum = 0
    let weight = 0
    for (let octave = 0, size = 1; octave < octaves; octave += 1, size *= 2) {
      sum += one(x * size + octave * 17.3, y * size + octave * 9.1) / size
      weight += 1 / size
    }
    return sum / weight
  }
  const line = (x: number, octaves: number) => {
    let sum = 0
    let weight = 0
    for (let octave = 0, size = 1; octave < octaves; octave += 1, size *= 2) {
      const at = x * size + octave * 17.3
      const i = Math.floor(at)
      const f = at - i
      const low = table[i & 4095] ?? 0
      sum += (low + ((table[(i + 1) & 4095] ?? 0) - low) * f * f * (3 - 2 * f)) / size
      weight += 1 / size
    }
    return sum / weight
  }
  return { plane, line }
}

/** Lays a colour over one pixel; outside the canvas nothing happens. */
export function blend(canvas: Canvas, x: number, y: number, colour: Rgb, alpha: number): void {
  if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return
  const { rgb } = canvas
  const i = (y * canvas.width + x) * 3
  for (let c = 0; c < 3; c += 1) {
    const old = rgb[i + c] ?? 0
    rgb[i + c] = old + ((colour[c] ?? 0) - old) * alpha
  }
}

/** Adds light to one pixel the way that light adds up: what is bright already gains less. */
export function shine(canvas: Canvas, x: number, y: number, light: Rgb, amount: number): void {
  if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return
  const { rgb } = canvas
  const i = (y * canvas.width + x) * 3
  for (let c = 0; c < 3; c += 1) {
    const old = rgb[i + c] ?? 0
    rgb[i + c] = old + ((light[c] ?? 0) * amount * (255 - old)) / 255
  }
}

/** Adds a round soft light; `radius` in pixels is where it has all but gone. */
export function glow(canvas: Canvas, x: number, y: number, radius: number, light: Rgb, amount: number): void {
  for (let py = Math.floor(y - radius); py <= y + radius; py += 1) {
    for (let px = Math.floor(x - radius); px <= x + radius; px += 1) {
      const fall = 1 - ((px - x) ** 2 + (py - y) ** 2) / (radius * radius)
      if (fall > 0) shine(canvas, px, py, light, amount * fall * fall)
    }
  }
}

/** Fills columns from a skyline to the bottom. `colour` is asked for each pixel with its depth below the skyline. */
export function fillBelow(
  canvas: Canvas,
  skyline: ArrayLike<number>,
  bottom: number,
  colour: (x: number, depth: number, out: Float32Array) => void,
): void {
  const out = new Float32Array(3)
  const { width, rgb } = canvas
  const end = Math.min(canvas.height, Math.ceil(bottom))
  let first = end
  for (let x = 0; x < width; x += 1) first = Math.min(first, Math.floor(skyline[x] ?? end))
  for (let y = Math.max(0, first); y < end; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const depth = y + 1 - (skyline[x] ?? end)
      if (depth <= 0) continue
      colour(x, depth, out)
      const i = (y * width + x) * 3
      if (depth >= 1) {
        rgb[i] = out[0] ?? 0
        rgb[i + 1] = out[1] ?? 0
        rgb[i + 2] = out[2] ?? 0
        continue
      }
      for (let c = 0; c < 3; c += 1) {
        const old = rgb[i + c] ?? 0
        rgb[i + c] = old + ((out[c] ?? 0) - old) * depth
      }
    }
  }
}

/**
 * Rounds a canvas to 8 bits. Half a level of noise before rounding hides the bands that a dark gradient would show.
 * `alpha` (0–1 a pixel) is left out for an opaque picture.
 */
export function toPicture(canvas: Canvas): Picture {
  const picture = createPicture(canvas.width, canvas.height)
  const { rgba } = picture
  const { rgb } = canvas
  let state = 0x2545f491
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    const dither = (state >>> 16) / 65536 - 0.5
    rgba[to] = (rgb[from] ?? 0) + dither
    rgba[to + 1] = (rgb[from + 1] ?? 0) + dither
    rgba[to + 2] = (rgb[from + 2] ?? 0) + dither
    rgba[to + 3] = 255
  }
  return picture
}

/** A picture as a PAM file: a few lines of text and the raw pixels, which ffmpeg reads without any decoding. */
export function pamOf({ width, height, rgba }: Picture): Buffer {
  const head = `P7\nWIDTH ${width}\nHEIGHT ${height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), new Uint8Array(rgba.buffer)])
}
