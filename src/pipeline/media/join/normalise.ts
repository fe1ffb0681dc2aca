import { type Clip, openClip, type Scratch } from '../clip-file.ts'
import { EXACT_SCALING, matrixOf } from '../colour.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import { audioFits, type FilmFormat, videoFits } from './format.ts'

/**
 * Makes a clip fit a film's format: what differs is encoded anew (8 s of 720p: 2.3 s), what fits is copied. A clip that fits is handed
 * back as it is. Throws `MediaError`.
 */
export async function normalise(
  ffmpeg: Ffmpeg,
  clip: Clip,
  format: FilmFormat,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Clip> {
  const { video, audio } = clip.mp4
  const keepsVideo = videoFits(video, format)
  const keepsAudio = audioFits(audio, format)
  if (keepsVideo && keepsAudio) return clip
  const output = await scratch()
  const options = [
    ...['-map', '0:V:0', '-map', '0:a:0?', '-video_track_timescale', `${format.timescale}`],
    ...(keepsVideo ? ['-c:v', 'copy'] : videoOptions(clip, format)),
    ...(keepsAudio ? ['-c:a', 'copy'] : audioOptions(format)),
  ]
  await ffmpeg.run({ inputs: [{ source: clip.path }], options, output }, signal)
  return openClip(ffmpeg, output, scratch, signal)
}

/** Without B-frames, so that a repeated last frame can simply be left out. */
function videoOptions(
  { mp4 }: Clip,
  { width, height, timescale, frame, matrix }: FilmFormat,
): readonly string[] {
  const tag = matrix === 'bt709' ? 'bt709' : 'smpte170m'
  const toMatrix = matrix === 'bt709' ? 'bt709' : 'bt601'
  const filter = [
    `fps=${timescale}/${frame}`,
    // The largest even size that fits inside the film's, in the clip's own shape.
    `scale=w='min(${width},trunc(${height}*dar/2+0.5)*2)':h='min(${height},trunc(${width}/dar/2+0.5)*2)'` +
      `:in_color_matrix=${matrixOf(mp4.video)}:out_color_matrix=${toMatrix}:out_range=tv` +
      `:flags=bicubic+${EXACT_SCALING}`,
    'format=yuv420p',
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`,
    'setsar=1',
  ]
  return [
    ...['-vf', filter.join(','), '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-bf', '0'],
    ...['-colorspace', tag, '-color_primaries', tag, '-color_trc', tag, '-color_range', 'tv'],
    ...['-movflags', '+write_colr'],
  ]
}

/** The default coder takes three times as long. */
function audioOptions({ sound }: FilmFormat): readonly string[] {
  const bitrate = sound.channels === 1 ? '96k' : '192k'
  return [
    '-c:a',
    'aac',
    '-aac_coder',
    'fast',
    '-b:a',
    bitrate,
    '-ar',
    `${sound.sampleRate}`,
    '-ac',
    `${sound.channels}`,
  ]
}
