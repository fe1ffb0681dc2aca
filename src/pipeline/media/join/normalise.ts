import { type Clip, openClip, type Scratch } from '../clip-file.ts'
import { EXACT_SCALING } from '../colour.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import { SECONDS_MAX } from '../mp4/reader.ts'
import type { Encode } from './encode-once.ts'
import { pictureEncoding, soundEncoding, streamTags } from './encoding.ts'
import { audioFits, type FilmFormat, isEven, videoFits } from './format.ts'

/**
 * Makes a clip fit a film's format, its sound made louder by `gain` dB: what differs is encoded (8 s of 720p: 2.3 s), what fits is
 * copied. What is encoded has one frame for each of the film's; `evenly` asks for that even if nothing else differs. A clip that fits is
 * handed back as it is. Throws `MediaError`.
 */
export async function normalise(
  ffmpeg: Ffmpeg,
  clip: Clip,
  format: FilmFormat,
  { gain, evenly }: { gain: number; evenly: boolean },
  encode: Encode,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Clip> {
  const { audio } = clip.mp4
  const again = {
    picture: !videoFits(clip, format) || (evenly && !isEven(clip, format)),
    sound: !audioFits(audio, format) || (audio !== null && gain !== 0),
  }
  const encoded = {
    picture: again.picture || clip.encoded.picture,
    sound: again.sound || clip.encoded.sound,
  }
  if (!again.picture && !again.sound) return clip
  const options = [
    ...['-map', '0:V:0', '-map', '0:a:0?', '-t', `${SECONDS_MAX}`],
    ...(again.picture
      ? ['-vf', pictureFilter(clip, format), ...pictureEncoding(format)]
      : ['-c:v', 'copy', '-video_track_timescale', `${format.timescale}`]),
    ...(again.sound ? ['-af', `volume=${gain}dB`, ...soundEncoding(format)] : ['-c:a', 'copy']),
  ]
  const path = await encode({ inputs: [{ source: clip.path }], options })
  const file = { path, untagged: again.picture ? format.matrix : clip.matrix }
  return { ...(await openClip(ffmpeg, file, scratch, signal)), encoded }
}

function pictureFilter(clip: Clip, format: FilmFormat): string {
  const { width, height, matrix, fps } = format
  return [
    `fps=${fps}`,
    // The largest even size that fits inside the film's, in the clip's own shape.
    `scale=w='min(${width},trunc(${height}*dar/2+0.5)*2)':h='min(${height},trunc(${width}/dar/2+0.5)*2)'` +
      `:in_color_matrix=${clip.matrix}:out_color_matrix=${matrix}:out_range=tv` +
      `:flags=bicubic+${EXACT_SCALING}`,
    'format=yuv420p',
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`,
    'setsar=1',
    streamTags(format),
  ].join(',')
}
