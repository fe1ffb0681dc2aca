import type { FilmFormat } from './format.ts'

/**
 * Options that encode a picture for a film, nearly without loss. Without B-frames: a repeated last frame can then simply be left out,
 * and a cut be made anywhere.
 */
export function pictureEncoding(format: FilmFormat): readonly string[] {
  const tag = format.matrix === 'bt709' ? 'bt709' : 'smpte170m'
  return [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-bf', '0', '-pix_fmt', 'yuv420p'],
    ...['-colorspace', tag, '-color_primaries', tag, '-color_trc', tag, '-color_range', 'tv'],
    ...['-video_track_timescale', `${format.timescale}`, '-movflags', '+write_colr'],
  ]
}

/** Options that encode sound for a film. ffmpeg's default coder takes three times as long. */
export function soundEncoding({ sound }: FilmFormat): readonly string[] {
  const bitrate = sound.channels === 1 ? '96k' : '192k'
  const shape = ['-ar', `${sound.sampleRate}`, '-ac', `${sound.channels}`]
  return ['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', bitrate, ...shape]
}
