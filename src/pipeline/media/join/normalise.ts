import { type Clip, openClip, type Scratch } from '../clip-file.ts'
import { EXACT_SCALING, matrixOf } from '../colour.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import { SECONDS_MAX } from '../mp4/reader.ts'
import { pictureEncoding, soundEncoding } from './encoding.ts'
import { audioFits, type FilmFormat, videoFits } from './format.ts'

/** A clip in a film's format, and what of it had to be encoded anew for that. */
export interface NormalisedClip extends Omit<Clip, 'encoded'> {
  encoded: { picture: boolean; sound: boolean }
}

/**
 * Makes a clip fit a film's format, its sound made louder by `gain` dB: what differs is encoded anew (8 s of 720p: 2.3 s), what fits is
 * copied. A clip that fits is handed back as it is. Throws `MediaError`.
 */
export async function normalise(
  ffmpeg: Ffmpeg,
  clip: Clip,
  format: FilmFormat,
  gain: number,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<NormalisedClip> {
  const { video, audio } = clip.mp4
  const anew = {
    picture: !videoFits(video, format),
    sound: !audioFits(audio, format) || (audio !== null && gain !== 0),
  }
  const encoded = {
    picture: anew.picture || clip.encoded,
    sound: anew.sound || (clip.encoded && audio !== null),
  }
  if (!anew.picture && !anew.sound) return { ...clip, encoded }
  const output = await scratch()
  const options = [
    ...['-map', '0:V:0', '-map', '0:a:0?', '-t', `${SECONDS_MAX}`],
    ...(anew.picture
      ? ['-vf', pictureFilter(clip, format), ...pictureEncoding(format)]
      : ['-c:v', 'copy', '-video_track_timescale', `${format.timescale}`]),
    ...(anew.sound ? ['-af', `volume=${gain}dB`, ...soundEncoding(format)] : ['-c:a', 'copy']),
  ]
  await ffmpeg.run({ inputs: [{ source: clip.path }], options, output }, signal)
  return { ...(await openClip(ffmpeg, output, scratch, signal)), encoded }
}

function pictureFilter({ mp4 }: Clip, { width, height, fps, matrix }: FilmFormat): string {
  return [
    `fps=${fps}`,
    // The largest even size that fits inside the film's, in the clip's own shape.
    `scale=w='min(${width},trunc(${height}*dar/2+0.5)*2)':h='min(${height},trunc(${width}/dar/2+0.5)*2)'` +
      `:in_color_matrix=${matrixOf(mp4.video)}:out_color_matrix=${matrix}:out_range=tv` +
      `:flags=bicubic+${EXACT_SCALING}`,
    'format=yuv420p',
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`,
    'setsar=1',
  ].join(',')
}
