import {
  blend,
  type Canvas,
  clamp,
  createCanvas,
  createNoise,
  createPicture,
  fillBelow,
  mix,
  type Picture,
  type Random,
  type Rgb,
  smooth,
} from './canvas.ts'
import type { Palette } from './palette.ts'
import { paintPine, type SceneKind } from './scene.ts'

/** Something that flies through. `picture` holds `frames` phases of its movement side by side; it faces right. */
export interface Flyer {
  picture: Picture
  frames: number
  /** It stands in the landscape and goes by as the camera does, rather than flying by itself. */
  still: boolean
}

/** What may fly through a scene. */
export const FLYERS = ['birds', 'balloon', 'airship', 'skycar'] as const
export type FlyerKind = (typeof FLYERS)[number]

/** Paints a flyer; `unit` is the picture's shorter side in pixels. */
export function paintFlyer(kind: FlyerKind, palette: Palette, unit: number, random: Random): Flyer {
  if (kind === 'birds') return { picture: paintBirds(palette, unit, random), frames: WING_BEAT, still: false }
  const paint = { balloon: paintBalloon, airship: paintAirship, skycar: paintSkycar }[kind]
  return { picture: paint(palette, unit, random), frames: 1, still: kind === 'balloon' }
}

/** Frames of one wing beat. */
const WING_BEAT = 10

function paintBirds(palette: Palette, unit: number, random: Random): Picture {
  const span = unit * 0.017
  const width = Math.ceil(unit * 0.36)
  const height = Math.ceil(unit * 0.2)
  const flock = Array.from({ length: 9 }, (_, i) => {
    const rank = Math.ceil(i / 2)
    return {
      x: width - span * 2 - rank * span * 2.9 - random() * span,
      y: height * 0.45 + (i % 2 ? -1 : 1) * rank * span * 0.75 + random() * span * 0.5,
      size: span * (0.8 + 0.3 * random()),
      phase: random() * 0.35 - rank * 0.12,
    }
  })
  const colour = mix(palette.ink, palette.haze, palette.stars > 0.5 ? 0.75 : 0.12)
  const sheet = createPicture(width * WING_BEAT, height)
  for (let frame = 0; frame < WING_BEAT; frame += 1) {
    for (const { x, y, size, phase } of flock) {
      const flap = Math.sin((frame / WING_BEAT + phase) * Math.PI * 2)
      for (let dx = -Math.ceil(size); dx <= size; dx += 1) {
        const out = Math.abs(dx) / size
        const wing = y - size * flap * 0.55 * out ** 1.3 + size * 0.3 * Math.sin(out * Math.PI) * -0.6
        const thick = size * 0.17 * (1 - out) + 0.7
        for (let py = Math.floor(wing - thick - 1); py <= wing + thick + 1; py += 1) {
          dot(sheet, frame * width + Math.round(x) + dx, py, colour, clamp(thick + 0.5 - Math.abs(py - wing)))
        }
      }
    }
  }
  return sheet
}

function paintBalloon(palette: Palette, unit: number, random: Random): Picture {
  const r = unit * 0.062
  const [a, b] = pick<readonly [Rgb, Rgb]>(random, [
    [
      [226, 84, 72],
      [250, 226, 190],
    ],
    [
      [242, 166, 60],
      [120, 60, 110],
    ],
    [
      [64, 120, 190],
      [246, 238, 220],
    ],
  ])
  const night = palette.stars > 0.5 ? 0.5 : 0.18
  return plot(Math.ceil(r * 2.3), Math.ceil(r * 3.4), (x, y) => {
    const cx = r * 1.15
    const cy = r * 1.1
    const dy = y - cy
    const half =
      dy < 0 ? Math.sqrt(Math.max(0, r * r - dy * dy)) : r * (1 - smooth(-0.25, 1.75, dy / r) * 0.86 - 0.03)
    const inBag = dy > -r && dy < r * 1.35 ? clamp(half + 0.5 - Math.abs(x - cx)) : 0
    if (inBag > 0) {
      const across = clamp((x - cx) / Math.max(1, half), -1, 1)
      const stripe = Math.floor((Math.asin(across) / Math.PI + 0.5) * 8.99) % 2 ? a : b
      const shade = mix(mix(stripe, palette.ink, night + 0.28 * smooth(-0.2, 1, across)), palette.light, 0.12)
      return [mix(shade, [255, 190, 110], night * 0.5 * smooth(-0.4, 1.3, dy / r)), inBag]
    }
    const basket = Math.abs(x - cx) < r * 0.17 && dy > r * 1.75 && dy < r * 2.08
    const rope =
      dy >= r * 1.35 && dy <= r * 1.75 ? clamp(1.1 - Math.abs(Math.abs(x - cx) - r * 0.15)) * 0.8 : 0
    return [mix(palette.ink, [96, 64, 44], 0.4), basket ? 1 : rope]
  })
}

function paintAirship(palette: Palette, unit: number): Picture {
  const long = unit * 0.15
  const tall = long * 0.25
  const hull = mix(mix(palette.ink, [232, 226, 220], 0.62), palette.haze, 0.25)
  const dim = palette.stars > 0.5 ? 0.5 : 0.12
  return plot(Math.ceil(long * 2.2), Math.ceil(tall * 3), (x, y) => {
    const dx = (x - long * 1.1) / long
    const dy = (y - tall * 1.25) / tall
    const nose = dx > 0 ? dx : dx * 0.97
    const half = Math.sqrt(Math.max(0, 1 - nose * nose)) * (dx < 0 ? 1 + dx * 0.28 : 1)
    const body = clamp((half - Math.abs(dy)) * tall + 0.5)
    if (body > 0 && half > 0.02) {
      const round = clamp(dy / half, -1, 1)
      const seam = 0.05 * (Math.abs(Math.sin(round * 5)) < 0.12 ? 1 : 0)
      const top = mix(hull, palette.light, 0.35 * smooth(0.2, -1, round))
      return [mix(top, palette.ink, dim + 0.42 * smooth(-0.1, 1, round) + seam), body]
    }
    const cabin = dx > -0.2 && dx < 0.3 && dy > 0.9 && dy < 1.3
    if (cabin) {
      const window = dy > 1 && dy < 1.17 && ((dx + 0.2) * 18) % 1.5 < 0.9
      return [window ? palette.windows[0] : mix(palette.ink, hull, 0.2), 1]
    }
    const fin = dx < -0.66 && dx > -0.98 && Math.abs(dy) < 0.3 + (-0.66 - dx) * 3
    return [mix(hull, palette.ink, dim + 0.3), fin ? 1 : 0]
  })
}

/** A flying car: a dark drop with lit windows, and the trail of its tail light. */
function paintSkycar(palette: Palette, unit: number, random: Random): Picture {
  const long = unit * 0.03
  const trail = unit * (0.34 + 0.2 * random())
  const tail = pick<Rgb>(random, [[255, 84, 96], palette.windows[0], [120, 220, 255]])
  const height = Math.ceil(long * 1.8)
  const front = trail + long * 2
  return plot(Math.ceil(front + long * 1.6), height, (x, y) => {
    const dy = (y - height / 2) / long
    const dx = (x - trail - long) / long
    const half = 0.3 * Math.sqrt(Math.max(0, 1 - dx * dx)) * (dy < 0 ? 1.15 - 0.3 * dx : 0.7)
    const body = clamp((half - Math.abs(dy)) * long + 0.5)
    if (body > 0 && Math.abs(dx) < 1) {
      const glass = dx > -0.3 && dx < 0.6 && dy < -0.06 && dy > -0.22
      return [glass ? palette.windows[0] : mix(palette.ink, palette.haze, 0.22), body]
    }
    if (x < trail + long * 0.2) {
      const t = clamp(x / trail)
      return [
        mix(tail, [255, 255, 255], 0.35 * t ** 6),
        t ** 2.2 * Math.exp(-((dy / (0.06 + 0.07 * t)) ** 2)) * 0.85,
      ]
    }
    const beam = dx - 1
    const lamp =
      beam > 0 ? Math.exp(-((dy / (0.08 + beam * 0.25)) ** 2)) * clamp(1 - beam / 1.4) ** 2 * 0.6 : 0
    return [[255, 246, 220], lamp]
  })
}

// ─── what passes close by ──────────────────────────────────────────────────────────────────────────────────

/**
 * Silhouettes on a rise of ground, `width` × `height` pixels, ending in nothing on both sides.
 * `blur` (pixels) is the smear of something near that passes fast.
 */
export function paintForeground(
  kind: SceneKind,
  palette: Palette,
  size: { width: number; height: number; unit: number; blur: number },
  random: Random,
): Picture {
  const { width, height, unit } = size
  const mask = createCanvas(width, height)
  const noise = createNoise(random)
  const ground = Float32Array.from({ length: width }, (_, x) => {
    const taper = Math.sin((Math.PI * (x + 0.5)) / width) ** 0.6
    return height - unit * (0.13 * taper - 0.02 + 0.05 * taper * (noise.line((x / unit) * 2.5, 3) - 0.5))
  })
  fillBelow(mask, ground, height, (_x, _depth, out) => out.fill(255))
  const thing = {
    city: paintLamp,
    sea: paintReed,
    lake: paintReed,
    dunes: paintPole,
    forest: paintFir,
    valley: paintFir,
  }[kind]
  const [every, tall] = {
    city: [0.42, 0.55],
    sea: [0.012, 0.2],
    lake: [0.011, 0.24],
    dunes: [0.6, 0.6],
    forest: [0.17, 0.62],
    valley: [0.2, 0.52],
  }[kind] as [number, number]
  const margin = unit * 0.16
  for (let x = margin; x < width - margin; x += unit * every * (0.7 + 0.6 * random())) {
    const inside = clamp(Math.min(x - margin, width - margin - x) / (unit * 0.3))
    const foot = (ground[Math.round(x)] ?? height) + unit * 0.012
    thing(mask, x, foot, unit * tall * (0.72 + 0.28 * random()) * (0.55 + 0.45 * inside), random)
  }
  const picture = createPicture(width, height)
  const [r, g, b] = mix(palette.ink, [0, 0, 0], 0.25)
  const reach = Math.max(1, Math.round(size.blur / 2))
  for (let y = 0; y < height; y += 1) {
    let sum = 0
    const at = (x: number) => (x < 0 || x >= width ? 0 : (mask.rgb[(y * width + x) * 3] ?? 0))
    for (let x = -reach; x < reach; x += 1) sum += at(x)
    for (let x = 0; x < width; x += 1) {
      sum += at(x + reach) - at(x - reach - 1)
      const i = (y * width + x) * 4
      picture.rgba[i] = r
      picture.rgba[i + 1] = g
      picture.rgba[i + 2] = b
      picture.rgba[i + 3] = sum / (reach * 2 + 1)
    }
  }
  return picture
}

type Thing = (mask: Canvas, x: number, foot: number, height: number, random: Random) => void

const WHITE: Rgb = [255, 255, 255]

const paintFir: Thing = (mask, x, foot, height, random) => {
  paintPine(mask, { x, foot: foot + height * 0.05, height, lean: random() }, WHITE, WHITE)
}

const paintPole: Thing = (mask, x, foot, height) => {
  bar(mask, x, foot - height, height, height * 0.022)
  bar(mask, x, foot - height * 0.94, height * 0.022, height * 0.3)
  bar(mask, x, foot - height * 0.84, height * 0.022, height * 0.22)
}

const paintLamp: Thing = (mask, x, foot, height) => {
  bar(mask, x, foot - height, height, height * 0.02)
  bar(mask, x + height * 0.07, foot - height, height * 0.02, height * 0.16)
  bar(mask, x + height * 0.14, foot - height, height * 0.035, height * 0.06)
}

const paintReed: Thing = (mask, x, foot, height, random) => {
  const bend = (random() - 0.4) * height * 0.5
  for (let y = Math.floor(foot - height); y < foot; y += 1) {
    const t = (foot - y) / height
    bar(mask, x + bend * t * t, y, 1, height * 0.022 * (1 - t) + (t > 0.8 ? height * 0.03 : 1))
  }
}

function bar(mask: Canvas, x: number, top: number, height: number, width: number): void {
  const half = Math.max(0.8, width / 2)
  for (let y = Math.round(top); y < Math.round(top + Math.max(1, height)); y += 1) {
    for (let px = Math.floor(x - half); px <= x + half; px += 1) {
      blend(mask, px, y, WHITE, clamp(half + 0.5 - Math.abs(px - x)))
    }
  }
}

/** A bank of cloud that ends softly above and below, coarse: the filter graph stretches it. */
export function paintCloudBank(palette: Palette, width: number, height: number, random: Random): Picture {
  const noise = createNoise(random)
  const lit = mix(palette.cloud, palette.light, 0.2)
  const shade = mix(palette.cloud, palette.haze, 0.7)
  return plot(width, height, (x, y) => {
    const t = y / height
    const body = noise.plane((x / width) * 5, t * 5, 5)
    const fade = smooth(0, 0.34, t) * smooth(1, 0.66, t)
    return [
      mix(lit, shade, smooth(0.3, 0.75, t + (body - 0.5) * 0.8)),
      0.9 * smooth(0.3, 0.66, body * 0.75 + fade * 0.42 - 0.22) * smooth(0, 0.12, t) * smooth(1, 0.88, t),
    ]
  })
}

// ─── pixels ────────────────────────────────────────────────────────────────────────────────────────────────

function plot(width: number, height: number, at: (x: number, y: number) => readonly [Rgb, number]): Picture {
  const picture = createPicture(width, height)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [colour, alpha] = at(x + 0.5, y + 0.5)
      picture.rgba.set([...colour, alpha * 255], (y * width + x) * 4)
    }
  }
  return picture
}

function dot({ width, height, rgba }: Picture, x: number, y: number, colour: Rgb, alpha: number): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return
  const i = (y * width + x) * 4
  if (alpha * 255 > (rgba[i + 3] ?? 0)) rgba.set([...colour, alpha * 255], i)
}

function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0]
}
