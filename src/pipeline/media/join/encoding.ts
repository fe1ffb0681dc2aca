import type { Colour } from '../mp4/h264-config.ts'
import { UNTAGGED } from '../repair.ts'
import type { FilmFormat } from './format.ts'

/**
 * Options that encode a picture for a film, nearly without loss. Without B-frames: a repeated last frame can then simply be left out,
 * and a cut be made anywhere.
 */
export function pictureEncoding({ streamColour, fps, timescale }: FilmFormat): readonly string[] {
  return [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-bf', '0', '-pix_fmt', 'yuv420p'],
    // from ffmpeg 7 on, a filter that sets times forgets the rate
    ...['-r', `${fps}`, '-video_track_timescale', `${timescale}`],
    ...(streamColour === null ? [] : tagsOf(streamColour)),
  ]
}

/** The end of a filter for such a picture: what the film's streams don't say of their colours, an encoded one doesn't either. */
export function streamTags({ streamColour }: Pick<FilmFormat, 'streamColour'>): string {
  return streamColour === null ? UNTAGGED : 'null'
}

/** If tags changed in mid-film, a decoder would begin again. Numbers of ITU-T H.273, which ffmpeg knows too. */
function tagsOf({ matrix, primaries, transfer }: Colour): readonly string[] {
  const tags = ['-colorspace', `${matrix}`, '-color_primaries', `${primaries}`, '-color_trc', `${transfer}`]
  return [...tags, '-color_range', 'tv', '-movflags', '+write_colr']
}

/** Options that encode sound for a film. ffmpeg's default coder takes three times as long. */
export function soundEncoding({ sound }: FilmFormat): readonly string[] {
  const bitrate = sound.channels === 1 ? '96k' : '192k'
  const shape = ['-ar', `${sound.sampleRate}`, '-ac', `${sound.channels}`]
  return ['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', bitrate, ...shape]
}
