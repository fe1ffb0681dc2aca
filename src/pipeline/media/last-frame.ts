import type { Clip } from './clip-file.ts'
import { frameRate, fromLastFrame, toRgb } from './clip-info.ts'
import { type Ffmpeg, MediaError } from './ffmpeg.ts'

/**
 * Writes the last frame that a viewer sees of a clip as a PNG, in its own colours. Sound that is longer than
 * the picture does not matter. `filter` is what is done to it then, as RGB. Throws `MediaError`.
 */
export async function writeLastFrame(
  ffmpeg: Ffmpeg,
  clip: Clip,
  png: string,
  signal: AbortSignal,
  filter = 'null',
): Promise<void> {
  const options = ['-map', '0:V:0', '-frames:v', '1', '-vf', `${toRgb(clip)},${filter}`]
  const write = (before: number) => {
    const inputs = [{ source: clip.path, options: fromLastFrame(clip.mp4, before) }]
    return ffmpeg.run({ inputs, options, output: png }, signal)
  }
  try {
    await write(0)
  } catch (error) {
    if (!(error instanceof MediaError)) throw error
    // An edit list that ends a moment too early makes ffmpeg leave out the last frame.
    await write(1 / frameRate(clip.mp4.video))
  }
}
