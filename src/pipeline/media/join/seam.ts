import type { Clip } from '../clip-file.ts'
import { fromLastFrame } from '../clip-info.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'

/**
 * Two frames that are more alike than this (dB, all planes) are taken for the same picture. A guess: a real model's first frame is its
 * opening image after encoding, and how close it comes on real models has not been measured yet.
 */
const REPEAT_PSNR_DB = 28

/** Seams that are measured at the same time. */
const PARALLEL = 2

/** For each pair of neighbours, whether the second clip opens on the last frame of the first. All clips have one format. */
export async function findRepeats(
  ffmpeg: Ffmpeg,
  clips: readonly Clip[],
  signal: AbortSignal,
): Promise<boolean[]> {
  const repeats: boolean[] = []
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  let next = 0
  const measure = async () => {
    while (next + 1 < clips.length) {
      const seam = next++
      const [before, after] = [clips[seam], clips[seam + 1]]
      if (before && after) repeats[seam] = (await seamPsnr(ffmpeg, before, after, stop)) > REPEAT_PSNR_DB
    }
  }
  const measuring = Array.from({ length: PARALLEL }, measure)
  try {
    await Promise.all(measuring)
    return repeats
  } catch (error) {
    // No process may still be reading when the caller clears the clips away.
    failed.abort(error)
    await Promise.allSettled(measuring)
    throw error
  }
}

/** PSNR in dB between a clip's last frame and the next one's first; infinite where they are equal. */
async function seamPsnr(ffmpeg: Ffmpeg, before: Clip, after: Clip, signal: AbortSignal): Promise<number> {
  const first = 'trim=end_frame=1,setpts=0'
  const { stderr } = await ffmpeg.run(
    {
      inputs: [{ source: before.path, options: fromLastFrame(before.mp4) }, { source: after.path }],
      filter: `[0:V:0]${first}[last];[1:V:0]${first}[first];[last][first]psnr[compared]`,
      options: ['-map', '[compared]', '-frames:v', '1'],
      output: null,
    },
    signal,
  )
  const average = /PSNR .*average:(\S+)/.exec(stderr)?.[1]
  if (average === undefined) throw new MediaError('ffmpeg measured no PSNR', { stderr })
  return average === 'inf' ? Number.POSITIVE_INFINITY : Number(average)
}
