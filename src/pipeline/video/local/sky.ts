import { type Canvas, clamp, glow, mix, type Noise, type Random, type Rgb, shine, smooth } from './canvas.ts'
import type { Palette } from './palette.ts'

/** A landscape that is being painted. All lengths are in pixels. */
export interface Scene {
  canvas: Canvas
  palette: Palette
  random: Random
  noise: Noise
  /** The part of the canvas that stays in sight: the composition is made for it. */
  view: { x: number; y: number; width: number; height: number }
  /** The length that sizes go by: the shorter side of the view. */
  unit: number
  horizon: number
  sun: { x: number; y: number }
}

/** The sky from zenith to horizon, with the sun or the moon and its halo. */
export function* paintSky({ canvas, palette, horizon, view, sun, unit }: Scene): Generator<void> {
  const { width, height, rgb } = canvas
  const [zenith, middle, low] = palette.sky
  const [red, green, blue] = palette.light
  const disc = palette.disc * unit
  const halo = (disc * 3.2) ** 2
  const wide = (unit * 0.75) ** 2
  const air = palette.stars > 0.5 ? 0.12 : 0.26
  for (let y = 0; y < height; y += 1) {
    if (y % 200 === 0) yield
    const t = clamp((y - view.y) / (horizon - view.y))
    const start = mix(mix(zenith, middle, smooth(-0.3, 0.62, t)), low, smooth(0.42, 1.02, t))
    for (let x = 0, i = y * width * 3; x < width; x += 1, i += 3) {
      const d2 = (x - sun.x) ** 2 + (y - sun.y) ** 2
      let light = 0.42 / (1 + d2 / halo) ** 2 + air / (1 + d2 / wide)
      if (d2 < (disc + 1) ** 2) light += (0.97 - light) * clamp(disc + 0.5 - Math.sqrt(d2))
      rgb[i] = start[0] + light * (red - start[0] * 0.9)
      rgb[i + 1] = start[1] + light * (green - start[1] * 0.9)
      rgb[i + 2] = start[2] + light * (blue - start[2] * 0.9)
    }
  }
}

/** Stars, where the palette has them: fewer towards the horizon, none in front of the moon. */
export function paintStars({ canvas, palette, horizon, random, sun, unit, view }: Scene): void {
  const count = palette.stars * ((canvas.width * canvas.height) / (unit * unit)) * 260
  for (let star = 0; star < count; star += 1) {
    const x = random() * canvas.width
    const y = random() * horizon
    const faint = 1 - smooth(0.35, 0.95, (y - view.y) / (horizon - view.y))
    const bright = (0.15 + 0.85 * random() ** 5) * faint
    const size = (unit / 720) * (1 + 1.3 * random() ** 6)
    const apart = Math.hypot(x - sun.x, y - sun.y)
    if (apart > palette.disc * unit * 1.5) glow(canvas, x, y, size * 1.6, [226, 234, 255], bright)
  }
}

/** Two curtains of northern lights, where the palette has them. */
export function* paintAurora({ canvas, palette, horizon, noise, unit, view }: Scene): Generator<void> {
  if (!palette.aurora) return
  for (const [curtain, colour] of [
    [0, [120, 90, 220]],
    [1, [60, 230, 150]],
  ] as const satisfies readonly (readonly [number, Rgb])[]) {
    for (let x = 0; x < canvas.width; x += 1) {
      if (x % 300 === 0) yield
      const u = x / unit
      const foot =
        view.y +
        (horizon - view.y) * (0.46 + 0.2 * curtain + 0.5 * (noise.line(u * 1.1 + curtain * 40, 2) - 0.5))
      const rays = 0.45 + 0.55 * noise.line(u * 16 + curtain * 9, 3)
      const power = smooth(0.18, 0.5, noise.line(u * 1.4 + 70 + curtain * 30, 2)) * rays * 0.72
      const reach = unit * (0.16 + 0.2 * noise.line(u * 5 + 20, 2))
      for (let y = Math.max(0, Math.floor(foot - reach * 3)); y < foot + 14; y += 1) {
        const above = (foot - y) / reach
        const amount = power * (above > 0 ? Math.exp(-above * 1.5) : 1) * smooth(-0.12, 0.12, above)
        if (amount > 0.004) shine(canvas, x, y, mix(colour, [150, 90, 230], clamp(above / 2.4)), amount)
      }
    }
  }
}

/** Clouds are worked out on a coarse grid and stretched: they have no edges that would show it. */
export function* paintClouds({ canvas, palette, horizon, noise, unit, view, sun }: Scene): Generator<void> {
  const cell = 5
  const cols = Math.ceil(canvas.width / cell) + 2
  const rows = Math.ceil(horizon / cell) + 2
  const { rgb } = canvas
  const [red, green, blue] = palette.cloud
  const cover = new Float32Array(cols * rows)
  for (let j = 0; j < rows; j += 1) {
    const up = (horizon - j * cell) / (horizon - view.y)
    for (let i = 0; i < cols; i += 1) {
      const thick = noise.plane((i * cell) / unit / 0.42 + 5, (j * cell) / unit / 0.13, 4)
      cover[j * cols + i] =
        smooth(0.5, 0.78, thick) * smooth(0.02, 0.3, up) * (palette.stars > 0.5 ? 0.4 : 0.8)
    }
  }
  for (let y = 0; y < horizon; y += 1) {
    if (y % 200 === 0) yield
    const j = Math.floor(y / cell)
    const v = y / cell - j
    for (let x = 0; x < canvas.width; x += 1) {
      const i = Math.floor(x / cell)
      const u = x / cell - i
      const at = j * cols + i
      const top = (cover[at] ?? 0) * (1 - u) + (cover[at + 1] ?? 0) * u
      const under = (cover[at + cols] ?? 0) * (1 - u) + (cover[at + cols + 1] ?? 0) * u
      const amount = top * (1 - v) + under * v
      if (amount < 0.004) continue
      const near = 1 / (1 + ((x - sun.x) ** 2 + (y - sun.y) ** 2) / (unit * unit * 0.12))
      const grey = clamp(0.82 + near * 0.3 - (under - top) * 0.9, 0.6, 1.08)
      const p = (y * canvas.width + x) * 3
      const old = 1 - amount
      rgb[p] = (rgb[p] ?? 0) * old + red * grey * amount
      rgb[p + 1] = (rgb[p + 1] ?? 0) * old + green * grey * amount
      rgb[p + 2] = (rgb[p + 2] ?? 0) * old + blue * grey * amount
    }
  }
}
