import type { JoinOrder } from '../../../core/ports/media.ts'
import type { Locale } from '../../../core/request.ts'
import { openClip, type Scratch } from '../clip-file.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import type { Encode } from './encode-once.ts'
import { pictureEncoding, streamTags } from './encoding.ts'
import type { FilmFormat } from './format.ts'
import { MARK_SECONDS, markFilter } from './mark.ts'
import { entryFrom, wholePiece } from './piece.ts'
import type { Strip } from './strip.ts'

/**
 * Lays the mark over a film's first seconds. Only the picture up to the next place where a copy can go on is encoded anew, or the whole
 * first clip where there is none; its sound is copied. Throws `MediaError`.
 */
export async function markOpening(
  ffmpeg: Ffmpeg,
  { pieces: [first, ...others], whole }: Strip,
  locale: Locale,
  { label, crossfadeMs }: Pick<JoinOrder, 'label' | 'crossfadeMs'>,
  format: FilmFormat,
  encode: Encode,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Strip> {
  if (first === undefined) return { pieces: [], whole }
  const { video } = first.mp4
  const { timescale } = video
  const entry = entryFrom(video, video.firstPts + MARK_SECONDS * timescale)
  // what is left must be long enough to dissolve into the next clip
  const reserve = (crossfadeMs / 1000) * format.fps + 1
  const goesOn = entry !== null && first.to - entry > reserve
  const { input, filter } = markFilter(format, label.source, locale)
  const path = await encode({
    inputs: [{ source: first.path }, input],
    filter: `${filter};[marked]setpts=N/${format.fps}/TB,${streamTags(format)}[picture]`,
    options: [
      ...['-map', '[picture]', '-map', '0:a:0?', ...pictureEncoding(format), '-c:a', 'copy'],
      ...(goesOn ? ['-frames:v', `${entry}`] : []),
    ],
  })
  const opened = await openClip(ffmpeg, { path, untagged: format.matrix }, scratch, signal)
  const opening = { ...wholePiece(opened), clip: first.clip }
  return goesOn
    ? { pieces: [opening, { ...first, from: entry }, ...others], whole }
    : { pieces: [opening, ...others], whole: new Set([...whole, first.clip]) }
}
