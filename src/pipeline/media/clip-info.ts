import type { Matrix } from '../../core/colour.ts'
import type { ClipInfo } from '../../core/ports/media.ts'
import { EXACT_SCALING, taggedMatrix } from './colour.ts'
import { frameGaps, shownTimes } from './mp4/frame-times.ts'
import type { Mp4, Mp4Video } from './mp4/reader.ts'

/** What the tables say about a clip. */
export function clipInfo({ video, audio }: Mp4): ClipInfo {
  return {
    width: video.width,
    height: video.height,
    fps: Math.round(frameRate(video) * 1000) / 1000,
    seconds: video.shown / video.timescale,
    audioSeconds: audio === null ? null : audio.shown / audio.timescale,
    codec: video.codec,
    audioCodec: audio?.codec ?? null,
    bFrames: video.samples.compositionOffsets.some((offset, _, all) => offset !== all[0]),
    syncFrames: video.samples.sync.reduce((sum, sync) => sum + sync, 0),
    matrix: taggedMatrix(video.colour),
    firstFrame: shownAt(video, video.firstPts),
    lastFrame: shownAt(video, video.lastPts),
  }
}

/** Seconds from the film's start at which a composition time is shown. */
export function shownAt(video: Mp4Video, pts: number): number {
  return video.delay + (pts - video.mediaTime) / video.timescale
}

/** Frames a second, as they are shown. */
export function frameRate({ samples, shown, timescale }: Mp4Video): number {
  return timescale / (frameGaps(samples).usual || shown)
}

/**
 * Options before `-i` that make ffmpeg decode a clip from its last frame, or from the one that is shown `before` seconds earlier: from half
 * a frame before it, so that rounding can't miss it.
 */
export function fromLastFrame({ video }: Mp4, before = 0): readonly string[] {
  const half = Math.min(1 / frameRate(video), lastGap(video)) / 2
  const seconds = shownAt(video, video.lastPts) - before
  // Without seek_timestamp the start of the earliest track would be added.
  return ['-seek_timestamp', '1', '-ss', Math.max(0, seconds - half).toFixed(6)]
}

/** Seconds from the last frame but one to the last: frames need not come evenly. */
function lastGap({ samples, lastPts, timescale }: Mp4Video): number {
  const earlier = shownTimes(samples).at(-2)
  return earlier === undefined ? Number.POSITIVE_INFINITY : (lastPts - earlier) / timescale
}

/** The filter that gives a clip's frames their right colours as RGB. */
export function toRgb({ matrix }: { matrix: Matrix }): string {
  return `scale=in_color_matrix=${matrix}:flags=${EXACT_SCALING},format=rgb24`
}
