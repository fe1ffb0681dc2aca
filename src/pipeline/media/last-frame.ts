import type { Clip } from './clip-file.ts'
import { fromLastFrame, toRgb } from './clip-info.ts'
import type { Ffmpeg } from './ffmpeg.ts'

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
  const inputs = [{ source: clip.path, options: fromLastFrame(clip.mp4) }]
  const options = ['-map', '0:V:0', '-frames:v', '1', '-vf', `${toRgb(clip)},${filter}`]
  await ffmpeg.run({ inputs, options, output: png }, signal)
}
