import type { Rgb } from './canvas.ts'

/** The light of one scene. `stars`, `lit` (windows with a light on) and `veil` (haze over far things) go from 0 to 1. */
export interface Palette {
  name: string
  /** Zenith, half way, horizon. */
  sky: readonly [Rgb, Rgb, Rgb]
  haze: Rgb
  /** What is nearest: silhouettes. */
  ink: Rgb
  /** The sun or the moon. `disc` is its radius as a share of the picture's height, `high` how far up it stands (0–1). */
  light: Rgb
  disc: number
  high: number
  cloud: Rgb
  windows: readonly [Rgb, Rgb]
  stars: number
  lit: number
  veil: number
  aurora: boolean
}

const WARM: readonly [Rgb, Rgb] = [
  [255, 206, 128],
  [255, 236, 190],
]

/** Times of day and of the imagination. */
export const PALETTES: readonly Palette[] = [
  {
    name: 'dawn',
    sky: [
      [74, 104, 168],
      [206, 160, 186],
      [255, 214, 170],
    ],
    haze: [244, 196, 176],
    ink: [62, 52, 88],
    light: [255, 232, 190],
    disc: 0.045,
    high: 0.22,
    cloud: [255, 222, 204],
    windows: WARM,
    stars: 0.08,
    lit: 0.25,
    veil: 0.85,
    aurora: false,
  },
  {
    name: 'night',
    sky: [
      [7, 11, 34],
      [19, 34, 80],
      [66, 96, 150],
    ],
    haze: [58, 84, 132],
    ink: [5, 8, 22],
    light: [236, 238, 250],
    disc: 0.05,
    high: 0.68,
    cloud: [92, 116, 164],
    windows: WARM,
    stars: 1,
    lit: 0.45,
    veil: 0.7,
    aurora: false,
  },
  {
    name: 'noon',
    sky: [
      [44, 112, 196],
      [112, 176, 230],
      [214, 236, 246],
    ],
    haze: [196, 222, 240],
    ink: [34, 64, 84],
    light: [255, 250, 226],
    disc: 0.035,
    high: 0.8,
    cloud: [255, 255, 255],
    windows: [
      [236, 248, 255],
      [200, 228, 246],
    ],
    stars: 0,
    lit: 0.25,
    veil: 0.75,
    aurora: false,
  },
  {
    name: 'neon',
    sky: [
      [14, 8, 42],
      [70, 22, 104],
      [226, 74, 140],
    ],
    haze: [146, 52, 134],
    ink: [12, 6, 32],
    light: [255, 196, 150],
    disc: 0.13,
    high: 0.2,
    cloud: [182, 70, 160],
    windows: [
      [110, 236, 255],
      [255, 140, 214],
    ],
    stars: 0.6,
    lit: 0.42,
    veil: 0.7,
    aurora: false,
  },
  {
    name: 'gold',
    sky: [
      [92, 132, 164],
      [232, 196, 136],
      [255, 230, 160],
    ],
    haze: [244, 208, 148],
    ink: [72, 50, 44],
    light: [255, 246, 206],
    disc: 0.06,
    high: 0.36,
    cloud: [255, 232, 184],
    windows: WARM,
    stars: 0,
    lit: 0.2,
    veil: 0.85,
    aurora: false,
  },
  {
    name: 'aurora',
    sky: [
      [6, 12, 36],
      [12, 38, 66],
      [40, 96, 108],
    ],
    haze: [34, 82, 96],
    ink: [4, 11, 21],
    light: [220, 255, 236],
    disc: 0.028,
    high: 0.85,
    cloud: [50, 110, 116],
    windows: WARM,
    stars: 1,
    lit: 0.4,
    veil: 0.65,
    aurora: true,
  },
  {
    name: 'dusk',
    sky: [
      [42, 36, 92],
      [158, 72, 120],
      [255, 164, 98],
    ],
    haze: [230, 130, 108],
    ink: [32, 20, 50],
    light: [255, 206, 128],
    disc: 0.085,
    high: 0.12,
    cloud: [242, 132, 122],
    windows: WARM,
    stars: 0.3,
    lit: 0.38,
    veil: 0.8,
    aurora: false,
  },
]
