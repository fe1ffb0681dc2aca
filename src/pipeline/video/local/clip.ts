import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { UNTAGGED_MATRIX } from '../../../core/colour.ts'
import type { RenderOrder } from '../../../core/ports.ts'
import { frameSize } from '../../../core/request.ts'
import { EXACT_SCALING } from '../../media/colour.ts'
import type { FfmpegCommand } from '../../media/ffmpeg.ts'
import { UNTAGGED } from '../../media/repair.ts'
import { clamp, createNoise, createRandom, type Picture, type Random, smooth, toPicture } from './canvas.ts'
import { markBox, markPicture } from './mark.ts'
import { PALETTES, type Palette } from './palette.ts'
import { paintScene, SCENE_KINDS, type SceneKind } from './scene.ts'
import { CHORDS, soundOf } from './sound.ts'
import { FLYERS, paintCloudBank, paintFlyer, paintForeground } from './sprites.ts'

/** Frames a second of a local clip. */
const LOCAL_FPS = 24

/** The way that the camera goes. */
export type Direction = 'right' | 'left' | 'up' | 'down'

/** What a clip shows, chosen from the order alone: the same order gives the same clip. */
export interface ClipChoice {
  kind: SceneKind
  palette: Palette
  direction: Direction
  chord: number
  seed: number
}

const WAYS: readonly Direction[] = ['right', 'up', 'left', 'right', 'down', 'left']

/**
 * Chooses a clip's scene, light and way. A key such as `job/3` or, with its attempt, `job/3/1` tells its place in a film:
 * neighbours then differ in every choice, where chance alone would sometimes repeat one.
 */
export function chooseClip(order: RenderOrder): ClipChoice {
  const [, film = order.key, place = '0'] = /^(.*?)\D(\d{1,3})(?:\D\d+)?$/.exec(order.key) ?? []
  const index = Number(place)
  const hash = createHash('sha256').update(film).digest()
  const pick = <T>(list: readonly [T, ...T[]] | readonly T[], byte: number, step: number): T =>
    list[((hash[byte] ?? 0) + index * step) % list.length] as T
  return {
    kind: pick(SCENE_KINDS, 0, 1),
    palette: pick(PALETTES, 1, 1),
    // an opening without a given frame is one wide landscape, and landscapes are wide to the sides
    direction: order.firstFrame === null ? 'right' : pick(WAYS, 2, 1),
    chord: pick([...CHORDS.keys()], 3, 1),
    seed: createHash('sha256').update(`${order.key}\0${order.prompt}`).digest().readUInt32LE(),
  }
}

/** A picture that passes before the camera. `x` and `y` are ffmpeg expressions of the frame number `n`, in pixels. */
interface Layer {
  name: string
  picture: Picture
  frames: number
  /** The size to stretch it to, where that isn't its own. */
  stretch: { width: number; height: number } | null
  flip: boolean
  x: string
  y: string
}

/** Everything that ffmpeg needs besides the first frame. */
export interface PaintedClip {
  choice: ClipChoice
  scene: Picture
  layers: readonly Layer[]
}

interface Geometry {
  width: number
  height: number
  unit: number
  frames: number
  upright: boolean
  /** The soft seam between the given frame and the scene, and the camera's whole way, in pixels. */
  seam: number
  way: number
}

function geometryOf(order: RenderOrder, direction: Direction): Geometry {
  const { width, height } = frameSize(order.resolution, order.aspect)
  const upright = direction === 'up' || direction === 'down'
  const side = upright ? height : width
  // a side-on seam shows two skies at once: it takes longer to pass from one to the other
  const seam = Math.round(side * (upright ? 0.125 : 0.2)) * 2
  const way = order.firstFrame === null ? Math.round((width * 3) / 8) * 2 : side + seam
  return {
    width,
    height,
    unit: Math.min(width, height),
    frames: order.seconds * LOCAL_FPS,
    upright,
    seam,
    way,
  }
}

/** Paints a clip's pictures, with a turn for the event loop in between. Throws the signal's reason. */
export async function paintClip(order: RenderOrder, signal: AbortSignal): Promise<PaintedClip> {
  const choice = chooseClip(order)
  const { kind, palette, direction } = choice
  const size = geometryOf(order, direction)
  const random = createRandom(choice.seed)
  const sides = size.upright
    ? { width: size.width, height: size.way }
    : { width: size.width, height: size.height }
  const width = size.upright ? size.width : order.firstFrame === null ? size.width + size.way : size.way
  const view = {
    x: !size.upright && direction === 'right' ? width - size.width : 0,
    y: direction === 'down' ? size.seam : 0,
    width: size.width,
    height: size.height,
  }
  const canvas = await paintScene({ kind, palette, width, height: sides.height, view, random }, signal)
  const scene = toPicture(canvas)
  await nextTurn(undefined, { signal })
  markPicture(scene, { right: view.x + size.width, bottom: view.y + size.height, unit: size.unit })
  if (order.firstFrame !== null) {
    await softenSeam(scene, direction, size.seam, palette, random, signal)
  }
  const layers: Layer[] = []
  for (const flyer of flyersOf(choice, size, random)) {
    layers.push(flyer)
    await nextTurn(undefined, { signal })
  }
  layers.push(foregroundOf(choice, size, random))
  await nextTurn(undefined, { signal })
  return { choice, scene, layers }
}

/** Lets the scene's edge dissolve in drifting mist, under which the given frame goes on as its own mirror image. */
async function softenSeam(
  scene: Picture,
  direction: Direction,
  seam: number,
  palette: Palette,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const { width, height, rgba } = scene
  const noise = createNoise(random)
  const upright = direction === 'up' || direction === 'down'
  const grain = upright ? width : height
  const thick = upright ? 0.92 : 0.3
  const left = direction === 'left' ? width - seam : 0
  const right = direction === 'right' ? seam : width
  const top = direction === 'up' ? height - seam : 0
  const bottom = direction === 'down' ? seam : height
  for (let y = top; y < bottom; y += 1) {
    if (y % 100 === 0) await nextTurn(undefined, { signal })
    for (let x = left; x < right; x += 1) {
      const inward = upright ? y - top : x - left
      const across = direction === 'right' || direction === 'down' ? inward : seam - 1 - inward
      const drift =
        (noise.plane((x / grain) * 3.5, (y / grain) * (upright ? 9 : 5), 3) - 0.5) * (upright ? 0.7 : 0.5)
      const edge = across / seam
      const t = edge + drift * Math.min(1, edge * 4, (1 - edge) * 4)
      const own = upright ? smooth(0.3, 0.85, t) : smooth(0.05, 0.98, t)
      const mist = thick * smooth(0, 0.45, t) * smooth(1, 0.5, t)
      const alpha = 1 - (1 - mist) * (1 - own)
      const i = (y * width + x) * 4
      for (let c = 0; c < 3; c += 1) {
        const lit =
          ((1 - mist) * own * (rgba[i + c] ?? 0) + mist * (palette.haze[c] ?? 0)) / Math.max(alpha, 1e-6)
        rgba[i + c] = lit
      }
      rgba[i + 3] = clamp(alpha) * 255
    }
  }
}

// ─── what moves ────────────────────────────────────────────────────────────────────────────────────────────

/** How far the camera is along its way at frame `n`, 0 to 1: it starts and ends at rest. */
function eased(frames: number): string {
  const p = `(n/${frames - 1})`
  return `(${p}*${p}*(3-2*${p}))`
}

function* flyersOf({ palette, direction }: ClipChoice, size: Geometry, random: Random): Generator<Layer> {
  const start = Math.floor(random() * FLYERS.length)
  const kinds = palette.stars > 0.5 ? (['skycar', 'airship', 'birds', 'balloon'] as const) : FLYERS
  for (const [i, part] of [0.1, 0.34].entries()) {
    const kind = kinds[(start + i) % kinds.length] ?? 'birds'
    const { picture, frames, still } = paintFlyer(kind, palette, size.unit, random)
    const width = picture.width / frames
    // what stands still goes the scenery's way; what flies may overtake it
    const leftwards = size.upright ? random() < 0.5 : still ? direction === 'right' : direction === 'left'
    const top = size.height * (0.08 + 0.2 * random() + i * 0.14)
    const progress =
      still && !size.upright
        ? `(${eased(size.frames)}*1.06-0.03)`
        : `((n/${size.frames - 1}-${part})/${0.56 + 0.08 * random()})`
    const from = leftwards ? size.width : -width
    const to = leftwards ? -width : size.width
    const sink = { up: 0.3, down: -0.2, left: 0, right: 0 }[direction] * size.height
    const bob = still ? 0.01 : 0.004
    yield {
      name: `${kind}-${i}`,
      picture,
      frames,
      stretch: null,
      flip: leftwards && !still,
      x: `${from}+${to - from}*${progress}`,
      y: `${Math.round(top)}+${sink}*${progress}+${bob * size.unit}*sin(n/11)`,
    }
  }
}

/** Near things pass faster than the view by `pace`: beside it before the first frame, past it after the last. */
function foregroundOf({ kind, palette, direction }: ClipChoice, size: Geometry, random: Random): Layer {
  const side = size.upright ? size.height : size.width
  const pace = size.upright ? 1.62 : Math.max(1.7, (side * 1.9) / size.way)
  const room = pace * size.way - side
  const shift = `${pace * size.way}*${eased(size.frames)}`
  const sign = direction === 'right' || direction === 'down' ? -1 : 1
  const length = Math.floor(Math.min(room * 0.96, side * (size.upright ? 0.95 : 1.1)))
  const lead = Math.floor((room - length) / 2)
  const start = sign < 0 ? side + lead : -length - lead
  const path = `${start}${sign < 0 ? '-' : '+'}${shift}`
  if (size.upright) {
    const bank = paintCloudBank(palette, Math.ceil(size.width / 6), Math.ceil(length / 6), random)
    const stretch = { width: size.width, height: length }
    return { name: 'clouds', picture: bank, frames: 1, stretch, flip: false, x: '0', y: path }
  }
  const height = Math.ceil(size.unit * 0.74)
  const blur = (0.5 * pace * size.way) / size.frames
  const picture = paintForeground(kind, palette, { width: length, height, unit: size.unit, blur }, random)
  return {
    name: 'near',
    picture,
    frames: 1,
    stretch: null,
    flip: false,
    x: path,
    y: `${size.height - height}`,
  }
}

// ─── the graph ─────────────────────────────────────────────────────────────────────────────────────────────

/** RGB to YUV as nearly every model does it, without the rounding that would darken a chain of clips a little with every link. */
const TO_YUV = `scale=out_color_matrix=${UNTAGGED_MATRIX}:out_range=tv:flags=bicubic+${EXACT_SCALING}`

/** What a clip says of itself in its `comment` tag. */
export const LOCAL_COMMENT = 'Local stand-in: drawn by a program, not by a video model'

/** The ffmpeg run that turns the painted pictures, written to `files`, and the first frame into a clip. */
export function clipCommand(
  order: RenderOrder,
  { choice, scene, layers }: PaintedClip,
  files: { scene: string; layers: readonly string[]; firstFrame: string | null; output: string },
): FfmpegCommand {
  const size = geometryOf(order, choice.direction)
  const still = { options: ['-f', 'image2', '-pattern_type', 'none', '-framerate', String(LOCAL_FPS)] }
  const sources = [files.scene, ...files.layers, ...(files.firstFrame === null ? [] : [files.firstFrame])]
  const forward = choice.direction === 'right' || choice.direction === 'down'
  const shift = `${size.way}*${forward ? '' : '(1-'}${eased(size.frames)}${forward ? '' : ')'}`
  const graph = [
    ...(files.firstFrame === null
      ? ['[0:v]null[wide]']
      : panorama(choice.direction, size, sources.length - 1, scene)),
    `[wide]${TO_YUV},format=yuv444p,loop=loop=${size.frames - 1}:size=1:start=0,setpts=N/${LOCAL_FPS}/TB,` +
      `crop=w=${size.width}:h=${size.height}:x='${size.upright ? 0 : `round(${shift})`}':y='${size.upright ? `round(${shift})` : 0}'[v0]`,
    ...layers.flatMap((layer, i) => overlay(layer, i, size.frames)),
    `[v${layers.length}]scale=flags=bicubic+${EXACT_SCALING},format=yuv420p,setsar=1,${UNTAGGED}[v]`,
    soundOf(choice, order.seconds),
  ]
  return {
    inputs: sources.map((source) => ({ source, ...still })),
    filter: graph.join(';'),
    options: [
      ...['-map', '[v]', '-map', '[a]', '-r', String(LOCAL_FPS)],
      // as models write them: High, B-frames, one frame that can be decoded alone, and no word of the colours
      ...['-c:v', 'libx264', '-preset', 'superfast', '-profile:v', 'high', '-crf', '18'],
      ...['-bf', '2', '-g', '9999', '-sc_threshold', '0'],
      ...['-c:a', 'aac', '-b:a', '128k', '-ar', '48000', '-ac', '2', '-movflags', '+faststart'],
      ...['-metadata', `comment=${LOCAL_COMMENT}`],
    ],
    output: files.output,
  }
}

/** The given frame, its mirrored continuation under the seam, and the scene. */
function panorama(direction: Direction, size: Geometry, given: number, scene: Picture): string[] {
  const { width, height, upright, seam } = size
  const forward = direction === 'right' || direction === 'down'
  const [turn, stack] = upright ? ['vflip', 'vstack'] : ['hflip', 'hstack']
  const cut = upright
    ? `crop=${width}:${seam}:0:${forward ? 0 : height - seam}`
    : `crop=${seam}:${height}:${forward ? 0 : width - seam}:0`
  const whole = upright ? `${width}:${height + scene.height}` : `${width + scene.width}:${height}`
  const givenAt = forward ? '0:0' : upright ? `0:${height}` : `${width}:0`
  const sceneAt = forward ? (upright ? `0:${height}` : `${width}:0`) : '0:0'
  const mark = markBox(size)
  // the mark of the clip before would otherwise stand there once more, mirrored
  const clean = `format=yuv444p,delogo=x=${mark.x}:y=${mark.y}:w=${mark.width}:h=${mark.height},format=rgb24`
  return [
    `[${given}:v]scale=${width}:${height}:force_original_aspect_ratio=increase,crop=${width}:${height},format=rgb24,split[g0][g1]`,
    `[g1]${clean},${turn},${cut}[mirror]`,
    `${forward ? '[g0][mirror]' : '[mirror][g0]'}${stack},pad=${whole}:${givenAt}[ground]`,
    `[ground][0:v]overlay=${sceneAt}:format=rgb[wide]`,
  ]
}

function overlay(layer: Layer, i: number, frames: number): string[] {
  const sheet = layer.picture.width / layer.frames
  const look = [
    layer.stretch ? `scale=${layer.stretch.width}:${layer.stretch.height}:flags=bicubic` : '',
    // phases lie side by side: every second frame shows the next
    layer.frames > 1
      ? `loop=loop=${frames - 1}:size=1:start=0,setpts=N/${LOCAL_FPS}/TB,crop=w=${sheet}:h=${layer.picture.height}:x='${sheet}*mod(floor(n/2),${layer.frames})':y=0`
      : '',
    layer.flip ? 'hflip' : '',
    `${TO_YUV},format=yuva444p`,
  ]
  return [
    `[${i + 1}:v]${look.filter(Boolean).join(',')}[s${i}]`,
    `[v${i}][s${i}]overlay=x='${layer.x}':y='${layer.y}':format=yuv444[v${i + 1}]`,
  ]
}
