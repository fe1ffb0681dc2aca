import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UntaggedMatrix } from '../../src/core/colour.ts'
import { EXACT_SCALING } from '../../src/pipeline/media/colour.ts'
import { ffmpeg } from './clips.ts'
import type { MakeClip } from './fal-clip.ts'

/** The colours of the card that a clip shows which opens on nothing: bands from left to right, in RGB. */
export const CARD = {
  red: [255, 0, 0],
  green: [0, 128, 0],
  blue: [0, 0, 255],
  skin: [224, 172, 138],
  grey: [128, 128, 128],
} as const

/** How a model writes its clips. Without a size it is as large as it was asked to be. */
export interface StillModel {
  /** The matrix by which it makes its RGB YUV. */
  matrix: UntaggedMatrix
  /** Whether its clips say so. */
  tagged?: boolean
  size?: { width: number; height: number }
  seconds?: number
}

/**
 * A model that holds the picture still that it is given, or the card, and writes it as real models do: exactly, High, two B-frames, and only
 * one frame that can be decoded alone.
 */
export function stillModel({ matrix, tagged = false, size, seconds = 0.5 }: StillModel): MakeClip {
  return async ({ opening, ...order }) => {
    const { width, height } = size ?? order
    const folder = await mkdtemp(join(tmpdir(), 'still-clip-'))
    try {
      const picture = join(folder, 'picture.png')
      if (opening === null) await writeCard(picture, width, height)
      else await writeFile(picture, opening)
      const output = join(folder, 'clip.mp4')
      const frames = Math.round(seconds * order.fps)
      const exact = `out_color_matrix=${matrix}:out_range=tv:flags=bicubic+${EXACT_SCALING}`
      // from ffmpeg 7 on, an encoder writes down by which matrix a filter made YUV
      const colours = tagged
        ? 'null'
        : 'setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown'
      const tags = ['-colorspace', matrix, '-color_primaries', matrix, '-color_trc', matrix]
      const tone = {
        source: `sine=frequency=330:sample_rate=48000:duration=${seconds}`,
        options: ['-f', 'lavfi'],
      }
      await ffmpeg.run({
        inputs: [
          { source: picture, options: ['-framerate', `${order.fps}`] },
          ...(order.sound ? [tone] : []),
        ],
        filter: `[0:v]format=rgb24,loop=${frames - 1}:1:0,scale=${width}:${height}:${exact},format=yuv420p,${colours},setsar=1[v]`,
        options: [
          ...['-map', '[v]', '-r', `${order.fps}`, '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '2'],
          ...['-profile:v', 'high', '-bf', '2', '-g', '9999'],
          ...(tagged ? [...tags, '-movflags', '+write_colr'] : []),
          ...(order.sound ? ['-map', '1:a', '-c:a', 'aac'] : []),
        ],
        output,
      })
      return await readFile(output)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Bands of strong colours with soft edges: 4:2:0 can't hold hard ones. */
async function writeCard(png: string, width: number, height: number): Promise<void> {
  const names = Object.values(CARD)
  const band = Math.ceil(width / names.length)
  const hex = (colour: readonly number[]) => Buffer.from(colour).toString('hex')
  const inputs = names.map((colour) => ({
    source: `color=c=0x${hex(colour)}:size=${band}x${height}:rate=1:duration=1,format=rgb24`,
    options: ['-f', 'lavfi'],
  }))
  const filter = `hstack=inputs=${names.length},format=gbrp,crop=${width}:${height}:0:0,gblur=sigma=8[out]`
  const options = ['-map', '[out]', '-frames:v', '1', '-pix_fmt', 'rgb24']
  await ffmpeg.run({ inputs, filter, options, output: png })
}
