import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  blend,
  type Canvas,
  clamp,
  createCanvas,
  createNoise,
  fillBelow,
  glow,
  mix,
  type Random,
  type Rgb,
  smooth,
} from './canvas.ts'
import type { Palette } from './palette.ts'
import { paintAurora, paintClouds, paintSky, paintStars, type Scene } from './sky.ts'

/** The landscapes there are. */
export const SCENE_KINDS = ['city', 'lake', 'dunes', 'sea', 'forest', 'valley'] as const
export type SceneKind = (typeof SCENE_KINDS)[number]

/** What to paint. The canvas is `width` × `height` pixels; the composition is made for `view`, the part that stays in sight. */
export interface SceneOrder {
  kind: SceneKind
  palette: Palette
  width: number
  height: number
  view: { x: number; y: number; width: number; height: number }
  random: Random
}

/**
 * Paints a landscape. Between its layers it lets the event loop have a turn, so that a busy process stays awake.
 * Throws the signal's reason.
 */
export async function paintScene(order: SceneOrder, signal: AbortSignal): Promise<Canvas> {
  const { view, palette, random } = order
  const horizon = view.y + view.height * (0.6 + 0.1 * random())
  const scene: Scene = {
    view,
    palette,
    random,
    canvas: createCanvas(order.width, order.height),
    noise: createNoise(random),
    unit: Math.min(view.width, view.height),
    horizon,
    sun: {
      x: view.x + view.width * (0.25 + 0.5 * random()),
      y: horizon - (horizon - view.y) * (0.08 + 0.84 * palette.high),
    },
  }
  for (const step of [paintSky, paintStars, paintAurora, paintClouds, ...LAYERS[order.kind]]) {
    for (const _ of step(scene) ?? []) await nextTurn(undefined, { signal })
    await nextTurn(undefined, { signal })
  }
  return scene.canvas
}

/** Paints one layer; a slow one yields where the event loop may have a turn. */
type Step = (scene: Scene) => Generator<void> | undefined | void

const LAYERS: Record<SceneKind, readonly Step[]> = {
  city: [
    (scene) => paintRidge(scene, { far: 0.95, rise: 0.14, rough: 3, detail: 4 }),
    (scene) => paintTowers(scene, 0.8),
    (scene) => paintTowers(scene, 0.5),
    (scene) => paintTowers(scene, 0.15),
    (scene) => paintWater(scene, scene.horizon + scene.unit * 0.13),
  ],
  lake: [
    (scene) => paintRidge(scene, { far: 0.9, rise: 0.42, rough: 2.2, detail: 7, facets: 1 }),
    (scene) => paintRidge(scene, { far: 0.65, rise: 0.28, rough: 2.6, detail: 7, facets: 0.8 }),
    (scene) => paintRidge(scene, { far: 0.3, rise: 0.1, rough: 3, detail: 5 }),
    (scene) => paintPines(scene, { far: 0.22, base: 0.03, size: 0.1, gap: 0.03 }),
    (scene) => paintWater(scene, scene.horizon + scene.unit * 0.03),
  ],
  dunes: [
    (scene) => paintRidge(scene, { far: 0.95, rise: 0.12, rough: 2.5, detail: 5 }),
    (scene) => paintDune(scene, 0.78, -0.01),
    (scene) => paintDune(scene, 0.58, 0.05),
    (scene) => paintDune(scene, 0.38, 0.14),
    (scene) => paintDune(scene, 0.2, 0.27),
  ],
  sea: [
    (scene) => paintRidge(scene, { far: 0.85, rise: 0.24, rough: 1.3, detail: 7, sparse: true }),
    (scene) => paintRidge(scene, { far: 0.55, rise: 0.17, rough: 2.1, detail: 7, sparse: true }),
    (scene) => paintWater(scene, scene.horizon),
    (scene) => paintRidge(scene, { far: 0.1, rise: 0.3, rough: 1.2, detail: 7, sparse: true, low: 0.42 }),
  ],
  forest: [
    (scene) => paintRidge(scene, { far: 0.92, rise: 0.3, rough: 2.4, detail: 6, facets: 0.7 }),
    (scene) => paintPines(scene, { far: 0.72, base: 0.02, size: 0.16, gap: 0.022 }),
    (scene) => paintPines(scene, { far: 0.5, base: 0.09, size: 0.24, gap: 0.036 }),
    (scene) => paintSnow(scene),
    (scene) => paintPines(scene, { far: 0.12, base: 0.31, size: 0.5, gap: 0.17 }),
  ],
  valley: [
    (scene) => paintRidge(scene, { far: 0.95, rise: 0.4, rough: 1.8, detail: 6, facets: 0.6 }),
    (scene) => paintRidge(scene, { far: 0.78, rise: 0.28, rough: 2, detail: 6, facets: 0.4, low: 0.02 }),
    (scene) => paintRidge(scene, { far: 0.6, rise: 0.22, rough: 2.2, detail: 6, low: 0.09 }),
    (scene) => paintRidge(scene, { far: 0.4, rise: 0.2, rough: 2.4, detail: 6, low: 0.18 }),
    (scene) => paintRidge(scene, { far: 0.16, rise: 0.2, rough: 2.4, detail: 7, low: 0.31 }),
    (scene) => paintPines(scene, { far: 0.06, base: 0.4, size: 0.16, gap: 0.05 }),
  ],
}

// ─── the land ──────────────────────────────────────────────────────────────────────────────────────────────

/** The colour of something `far` away (0 near, 1 at the horizon): the air lies over it. */
function inAir({ palette }: Scene, far: number): Rgb {
  return mix(palette.ink, palette.haze, far ** 0.85 * (0.25 + palette.veil * 0.75))
}

/**
 * A line of hills `rise` high (of the unit) with its foot `low` under the horizon.
 * `facets` lights the slopes that face the sun; `sparse`: islands with open horizon between them.
 */
function paintRidge(
  scene: Scene,
  shape: {
    far: number
    rise: number
    rough: number
    detail: number
    low?: number
    facets?: number
    sparse?: boolean
  },
): void {
  const { canvas, noise, unit, horizon, palette, random, sun } = scene
  const seed = random() * 900
  const foot = horizon + (shape.low ?? 0) * unit + (shape.sparse ? 1 : shape.rise * unit * 0.12)
  const crest = new Float32Array(canvas.width)
  for (let x = 0; x < canvas.width; x += 1) {
    const u = (x / unit) * shape.rough + seed
    const hill = noise.line(u, shape.detail)
    // creases where the noise crosses its middle make peaks; without facets the hills stay round
    const height = shape.facets
      ? 1 - Math.abs(hill * 2 - 1) * 1.15 - 0.1 * noise.line(u * 9, 4)
      : hill * 1.25 - 0.15
    crest[x] = foot - unit * shape.rise * (shape.sparse ? smooth(0.42, 1.02, height + 0.1) - 0.05 : height)
  }
  const face = inAir(scene, shape.far)
  const mist = mix(face, palette.haze, 0.55 * palette.veil + 0.1)
  const warm = mix(face, palette.light, 0.32)
  const depthOf = Math.max(1, unit * shape.rise * (shape.sparse ? 3 : 1.15))
  const { width, height } = canvas
  const slope = new Float32Array(width + height * 2)
  if (shape.facets) {
    for (let i = 0; i < slope.length; i += 1) {
      const u = ((i - height) / unit) * shape.rough * 5 + seed
      slope[i] = (noise.line(u, 3) - noise.line(u + 0.55, 3)) * 1.9 * shape.facets
    }
  }
  // what the next layer hides needn't be painted
  const bottom = shape.sparse && !shape.low ? horizon + 1 : shape.far > 0.2 ? foot + unit * 0.2 : height
  fillBelow(canvas, crest, bottom, (x, depth, out) => {
    const t = Math.min(1, depth / depthOf)
    const side = x < sun.x ? 1 : -1
    // right under the sun the light changes sides: no slope is lit there
    const aslant = Math.min(1, Math.abs(x - sun.x) / (unit * 0.12))
    const facing = (slope[Math.round(x + depth * 0.55 * side) + height] ?? 0) * side
    const lit = facing > 0 ? facing * aslant * (1 - t * 0.8) : 0
    const own = (1 - t) * (1 - lit)
    const far = t * (1 - lit)
    out[0] = face[0] * own + mist[0] * far + warm[0] * lit
    out[1] = face[1] * own + mist[1] * far + warm[1] * lit
    out[2] = face[2] * own + mist[2] * far + warm[2] * lit
  })
}

function paintDune(scene: Scene, far: number, low: number): void {
  const { canvas, noise, unit, horizon, palette, random, sun } = scene
  const seed = random() * 900
  const crest = new Float32Array(canvas.width)
  const split = new Float32Array(canvas.width)
  const phase = new Float32Array(canvas.width)
  for (let x = 0; x < canvas.width; x += 1) {
    const u = (x / unit) * (0.9 + far * 1.4) + seed
    const sharp = 1 - Math.abs(noise.line(u, 1) * 2 - 1)
    crest[x] = horizon + unit * (low + 0.06 - 0.17 * sharp * (1.1 - far * 0.6) - 0.01 * noise.line(u * 4, 2))
    split[x] = noise.line(u + 0.13, 1) * 2 - 1
    phase[x] = noise.line((x / unit) * 7 + seed, 2) * 16
  }
  const sand = mix(mix(palette.sky[2], palette.light, 0.3), [226, 168, 108], 0.42)
  const bright = mix(mix(palette.ink, sand, 0.4 + palette.veil * 0.45), palette.haze, far * 0.6)
  const dark = mix(mix(palette.ink, sand, 0.22), palette.haze, far * 0.6 * palette.veil)
  const side = sun.x > canvas.width / 2 ? 1 : -1
  const bottom = far > 0.2 ? horizon + unit * (low + 0.26) : canvas.height
  fillBelow(canvas, crest, bottom, (x, depth, out) => {
    // the crest's shadow side bends away down the slope
    const bend = (split[clamp(Math.round(x - side * depth * 0.9), 0, canvas.width - 1)] ?? 0) * side
    const ripple = 0.035 * Math.sin(depth * (0.5 + far) + (phase[x] ?? 0))
    const lit = clamp(smooth(-0.07, 0.09, bend) + ripple * (1 - far)) * (1 - clamp(depth / unit) * 0.5)
    out[0] = dark[0] + (bright[0] - dark[0]) * lit
    out[1] = dark[1] + (bright[1] - dark[1]) * lit
    out[2] = dark[2] + (bright[2] - dark[2]) * lit
  })
}

function paintSnow(scene: Scene): void {
  const { canvas, noise, unit, horizon, palette, random } = scene
  const seed = random() * 900
  const crest = Float32Array.from(
    { length: canvas.width },
    (_, x) => horizon + unit * (0.1 + 0.09 * noise.line((x / unit) * 1.3 + seed, 2)),
  )
  const white = mix(mix(palette.sky[2], palette.light, 0.5), [240, 246, 255], 0.25)
  const top = mix(palette.sky[1], white, 0.45 + palette.veil * 0.4)
  const foot = mix(palette.ink, palette.sky[1], 0.62)
  const drifts = Float32Array.from(
    { length: canvas.width + canvas.height * 2 },
    (_, i) => 0.16 * (noise.line((i / unit) * 2.4 + seed, 2) - 0.5),
  )
  fillBelow(canvas, crest, canvas.height, (x, depth, out) => {
    const t = clamp(depth / (unit * 0.36) + (drifts[Math.round(x + depth * 1.7)] ?? 0))
    out[0] = top[0] + (foot[0] - top[0]) * t
    out[1] = top[1] + (foot[1] - top[1]) * t
    out[2] = top[2] + (foot[2] - top[2]) * t
  })
}

/** A row of firs, `size` high and `gap` apart (of the unit), standing `base` under the horizon. */
function paintPines(scene: Scene, row: { far: number; base: number; size: number; gap: number }): void {
  const { canvas, noise, unit, horizon, palette, random } = scene
  const colour = inAir(scene, row.far)
  const foggy = mix(colour, palette.haze, 0.5 * palette.veil)
  const seed = random() * 900
  for (
    let x = -row.gap * unit;
    x < canvas.width + row.gap * unit;
    x += row.gap * unit * (0.35 + 1.3 * random())
  ) {
    const height =
      row.size * unit * (0.55 + 0.45 * random()) * (0.6 + 0.6 * noise.line((x / unit) * 2 + seed, 2))
    const foot = horizon + unit * (row.base + 0.04 * noise.line((x / unit) * 1.3 + seed, 2))
    paintPine(canvas, { x, foot, height, lean: random() }, colour, foggy)
  }
}

/** One fir: tiers of boughs that widen downwards. */
export function paintPine(
  canvas: Canvas,
  tree: { x: number; foot: number; height: number; lean: number },
  top: Rgb,
  bottom: Rgb,
): void {
  const tiers = 5 + Math.floor(tree.lean * 4)
  for (let y = Math.floor(tree.foot - tree.height); y < tree.foot; y += 1) {
    const t = clamp((y - tree.foot + tree.height) / tree.height)
    const tier = (t * tiers + tree.lean) % 1
    const half = t > 0.94 ? tree.height * 0.016 : tree.height * 0.23 * t ** 0.8 * (0.52 + 0.48 * tier) + 0.5
    const colour = mix(top, bottom, t * t)
    for (let x = Math.floor(tree.x - half); x <= tree.x + half; x += 1) {
      blend(canvas, x, y, colour, clamp(half + 0.5 - Math.abs(x - tree.x)))
    }
  }
}

// ─── the city ──────────────────────────────────────────────────────────────────────────────────────────────

function* paintTowers(scene: Scene, far: number): Generator<void> {
  const { canvas, unit, horizon, random, noise } = scene
  const ground = horizon + unit * (0.135 - far * 0.02)
  const wide = unit * (0.115 - far * 0.06)
  const seed = random() * 900
  for (let x = -wide; x < canvas.width + wide; ) {
    const width = wide * (0.5 + random())
    const bulk = noise.line((x / unit) * 2.2 + seed, 2)
    const height = unit * (0.12 + 0.66 * bulk ** 1.9 + 0.16 * random()) * (0.72 + far * 0.36)
    paintTower(scene, { x: Math.round(x), width: Math.round(width), top: ground - height, ground, far })
    yield
    x += width * (far > 0.3 ? 1.04 : 1.1 + 0.9 * random())
  }
}

function paintTower(
  { canvas, palette, random, unit, ...rest }: Scene,
  tower: { x: number; width: number; top: number; ground: number; far: number },
): void {
  const scene = { canvas, palette, random, unit, ...rest }
  const { x: left, width, top, ground, far } = tower
  const wall = inAir(scene, far * 0.92)
  const foot = mix(wall, palette.haze, 0.5 * palette.veil)
  const shape = Math.floor(random() * 5)
  const slant = random() < 0.5
  const height = ground - top
  const light = random() < 0.7 ? palette.windows[0] : palette.windows[1]
  const lit = palette.lit * (0.35 + random()) * (1 - far * 0.35)
  const step = unit / 720
  const cell = {
    w: Math.max(3, Math.round((5 + 4 * random()) * step)),
    h: Math.max(4, Math.round((7 + 4 * random()) * step)),
  }
  const salt = Math.floor(random() * 2 ** 30)
  const roof = Float32Array.from({ length: width }, (_, i) => {
    const u = (i + 0.5) / width
    const off = Math.abs(u - 0.5)
    if (shape === 1) return top + width * 0.45 * (slant ? u : 1 - u)
    if (shape === 2) return top + width * 2.4 * off * off
    if (shape === 3) return top + (off > 0.28 ? width * 0.45 : 0)
    return top + (shape === 4 && height > width * 2.5 ? off * width * 1.8 : 0)
  })
  const sunny = rest.sun.x > left ? 0.16 : -0.16
  for (let y = Math.max(0, Math.floor(top)); y < ground; y += 1) {
    const t = clamp((y - top) / height)
    const [r, g, b] = mix(wall, foot, t ** 1.6)
    const floor = Math.floor((y - top) / cell.h)
    const ceiling = Math.floor(y - top) % cell.h <= 2.4 * step
    const busy = lit * (0.7 + 0.6 * chance(salt, 7, floor))
    for (let i = Math.max(0, -left); i < width && left + i < canvas.width; i += 1) {
      const from = roof[i] ?? top
      if (y + 1 <= from) continue
      const shade = 1 + sunny * ((i + 0.5) / width - 0.5)
      blend(canvas, left + i, y, [r * shade, g * shade, b * shade], Math.min(1, y + 1 - from))
      if (ceiling || i % cell.w <= 0.9 * step) continue
      if (i < 2 * step || width - i < 3 * step || y < from + 5 * step) continue
      const room = Math.floor(i / cell.w)
      if (chance(salt, room, floor) > busy) continue
      blend(
        canvas,
        left + i,
        y,
        light,
        (0.3 + 0.6 * chance(salt, floor, room)) * (1 - far * 0.62) * (1 - t * 0.35),
      )
    }
  }
  if (shape === 4 || width < unit * 0.045 || random() > 0.75) {
    const mast = Math.round(left + width / 2)
    const tip = top - width * (0.3 + 0.7 * random())
    for (let y = Math.floor(tip); y < top + width * 0.3; y += 1) blend(canvas, mast, y, wall, 0.8)
    if (palette.lit > 0.3) glow(canvas, mast, tip, 4 * step, [255, 90, 80], 0.8 * (1 - far * 0.6))
  }
}

/** A number from 0 to 1 for a cell of a grid. */
function chance(salt: number, x: number, y: number): number {
  let h = Math.imul(salt ^ Math.imul(x + 11, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(y + 7, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x27d4eb2f)
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32
}

// ─── the water ─────────────────────────────────────────────────────────────────────────────────────────────

/** Water from `shore` down: what stands above it, upside down, stretched by ripples that grow towards the viewer. */
function* paintWater({ canvas, palette, noise, sun, unit, random }: Scene, shore: number): Generator<void> {
  const { width, height, rgb } = canvas
  const { light } = palette
  const line = Math.round(shore)
  const deep = mix(palette.ink, palette.sky[0], 0.55)
  const seed = random() * 900
  const waves = Float32Array.from(
    { length: width * 2 },
    (_, x) => noise.line((x / unit) * 26 + seed, 2) - 0.5,
  )
  for (let y = line; y < height; y += 1) {
    if (y % 100 === 0) yield
    const depth = y - line
    const near = depth / Math.max(1, height - line)
    const swell = noise.line(depth ** 0.72 * 0.9 + seed, 2) - 0.5
    const shift = Math.floor(noise.line(depth * 0.37 + seed, 1) * width)
    const dull = 0.2 + 0.42 * near
    for (let x = 0; x < width; x += 1) {
      const wave = (waves[x + shift] ?? 0) + swell
      const from = clamp(Math.round(line - 1 - depth * 1.15 - wave * (1.5 + depth * 0.34)), 0, line - 1)
      const source = (from * width + x) * 3
      const i = (y * width + x) * 3
      const aside = ((x - sun.x) / (unit * (0.035 + 0.16 * near))) ** 2
      const glint = aside > 6 ? 0 : Math.exp(-aside) * smooth(0.05, 0.42, wave) * (0.75 - 0.35 * near)
      const clear = (1 - dull) * (1 - glint)
      const tint = dull * (1 - glint)
      rgb[i] = (rgb[source] ?? 0) * clear + deep[0] * tint + light[0] * glint
      rgb[i + 1] = (rgb[source + 1] ?? 0) * clear + deep[1] * tint + light[1] * glint
      rgb[i + 2] = (rgb[source + 2] ?? 0) * clear + deep[2] * tint + light[2] * glint
    }
  }
  for (let x = 0; x < width; x += 1) blend(canvas, x, line, palette.haze, 0.45)
}
