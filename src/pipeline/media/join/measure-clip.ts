import type { ClipMeasures } from '../../../core/ports.ts'
import type { Clip, Scratch } from '../clip-file.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import { measureLoudness } from './loudness.ts'
import { compareFrames } from './seam.ts'

/**
 * Decodes what the join must know of a clip: how loud it is, and how it goes on from `opensOn`, a PNG of the last frame of the clip before
 * (null for a film's first). 8 s: 0.3 s. Throws `MediaError`.
 */
export async function measureClip(
  ffmpeg: Ffmpeg,
  clip: Clip,
  opensOn: string | null,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ClipMeasures> {
  const continuation = opensOn === null ? null : await compareFrames(ffmpeg, opensOn, clip, scratch, signal)
  return { loudness: await measureLoudness(ffmpeg, clip, signal), continuation }
}
