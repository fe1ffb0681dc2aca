import { join } from 'node:path'
import type { ClipFile, ClipMeasures } from '../../src/core/clip-measures.ts'
import { UNTAGGED_MATRIX } from '../../src/core/colour.ts'
import type { ChainLink, Media } from '../../src/core/ports/media.ts'
import { clipFiles, ffmpeg } from './clips.ts'

/** A clip of a model without loss. */
export interface ChainClip {
  /** How its RGB becomes YUV. */
  matrix?: 'bt709' | 'bt601'
  /** A filter over RGB: what has become of the picture by the last frame. */
  drift?: string
  /** Options for the encoder, after the usual ones. */
  options?: readonly string[]
}

/** Makes a clip of two frames, of which the first is the given picture, as exactly as 4:2:0 can hold it. */
export async function clipFrom(picture: string, clip: string, recipe: ChainClip = {}): Promise<string> {
  const { matrix = 'bt601', drift = 'null', options = [] } = recipe
  const exact = `scale=out_color_matrix=${matrix}:flags=accurate_rnd+full_chroma_int+full_chroma_inp`
  const filter = [
    '[0:v]format=rgb24,split[first][next]',
    `[next]${drift}[last]`,
    `[first][last]concat,${exact},format=yuv420p[out]`,
  ].join(';')
  const encoder = ['-map', '[out]', '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '4']
  await ffmpeg.run({
    inputs: [{ source: picture, options: ['-framerate', '12'] }],
    filter,
    options: [...encoder, ...options],
    output: clip,
  })
  return clip
}

/** A model that makes everything a little redder, and adds a little contrast, in each clip. */
export const REDDENING = (() => {
  const contrast = 'round((val-128)*0.01)'
  return `lutrgb=r='val+1+${contrast}':g='val+${contrast}':b='val+${contrast}'`
})()

/** Clips of which each opens on the last frame of the one before, and what their last frames were when they came. */
export interface MadeChain {
  first: ClipFile
  others: ChainLink[]
  lastFrames: string[]
}

/** Makes a chain, a clip for each `drift`. `nudged`: each clip opens on a nudged frame, as far as there is one to be nudged. */
export async function makeChain(
  media: Media,
  folder: string,
  picture: string,
  drifts: readonly string[],
  nudged: boolean,
): Promise<MadeChain> {
  const signal = new AbortController().signal
  const fileOf = (number: number) => ({ path: join(folder, `clip-${number}.mp4`), untagged: UNTAGGED_MATRIX })
  const chain: MadeChain = { first: fileOf(1), others: [], lastFrames: [] }
  let opening = picture
  for (const [i, drift] of drifts.entries()) {
    const clip = fileOf(i + 1)
    await clipFrom(opening, clip.path, { drift })
    if (i > 0) chain.others.push({ clip, opening })
    const lastFrame = join(folder, `last-frame-${i + 1}.png`)
    await media.lastFrame(clip, lastFrame, signal)
    chain.lastFrames.push(lastFrame)
    opening = lastFrame
    if (!nudged) continue
    opening = join(folder, `opening-${i + 2}.png`)
    await media.nudgedFrame(chain.first, chain.others, opening, signal)
  }
  return chain
}

/** What a job has measured of a chain's clips when the last one has come. */
export async function measureChain(media: Media, paths: readonly string[]): Promise<ClipMeasures[]> {
  const { signal } = new AbortController()
  const measures: ClipMeasures[] = []
  const clips = clipFiles(paths)
  for (const [i, clip] of clips.entries()) {
    const lastFrame = `${clips[i - 1]?.path}.png`
    const before = i === 0 ? null : { clips: clips.slice(0, i), measures, lastFrame }
    const opening = before && (await media.compareOpening(clip, lastFrame, signal))
    measures.push(await media.measure(clip, opening, before, signal))
    await media.lastFrame(clip, `${clip.path}.png`, signal)
  }
  return measures
}
