import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ffmpeg } from './clips.ts'

/** A clip as a model would make it. `opening` is a picture's bytes. */
export interface ClipOrder {
  opening: Buffer | null
  width: number
  height: number
  seconds: number
  fps: number
  sound: boolean
}

/** Makes a clip, and returns its bytes. */
export type MakeClip = (order: ClipOrder) => Promise<Buffer>

const made = new Map<string, Promise<Buffer>>()

/** A real MP4 that opens on the given picture, over which a bar then moves. Made once for each order. */
export function clipOf(order: ClipOrder): Promise<Buffer> {
  const { opening, ...rest } = order
  const name = createHash('sha256')
    .update(JSON.stringify(rest))
    .update(opening ?? '')
    .digest('hex')
  const clip = made.get(name) ?? makeClip(order)
  made.set(name, clip)
  return clip
}

async function makeClip({ opening, width, height, seconds, fps, sound }: ClipOrder): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'fal-clip-'))
  try {
    const picture = join(folder, 'opening.png')
    const output = join(folder, 'clip.mp4')
    if (opening) await writeFile(picture, opening)
    const still = opening
      ? { source: picture, options: ['-loop', '1', '-framerate', `${fps}`] }
      : { source: `color=c=0x335577:size=${width}x${height}:rate=${fps}`, options: ['-f', 'lavfi'] }
    const bar = {
      source: `color=c=white:size=${Math.round(width / 16)}x${height}:rate=${fps}`,
      options: ['-f', 'lavfi'],
    }
    const tone = { source: 'sine=frequency=330:sample_rate=48000', options: ['-f', 'lavfi'] }
    await ffmpeg.run({
      inputs: [still, bar, ...(sound ? [tone] : [])],
      filter: `[0:v]scale=${width}:${height},setsar=1[still];[still][1:v]overlay=x='-w+t*w'[out]`,
      options: [
        ...['-map', '[out]', '-t', `${seconds}`, '-r', `${fps}`, '-pix_fmt', 'yuv420p'],
        ...['-c:v', 'libx264', '-preset', 'ultrafast', '-movflags', '+faststart'],
        ...(sound ? ['-map', '2:a', '-c:a', 'aac'] : []),
      ],
      output,
    })
    return await readFile(output)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
