import { dirname, join } from 'node:path'
import type { Media } from '../../core/ports.ts'
import { cutToAnchor } from './anchor.ts'
import { openClip, withScratch } from './clip-file.ts'
import { clipInfo } from './clip-info.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import { checkFilm } from './film-check.ts'
import { joinClips } from './join/join-clips.ts'
import { measureNext } from './join/measure-clip.ts'
import { writeLastFrame } from './last-frame.ts'
import { writeNudgedFrame } from './nudge.ts'
import { checkImage, fitImage } from './picture.ts'

/** Pictures and clips, by our own MP4 reader and writer where they will do, and by ffmpeg where something must be decoded. */
export function createMedia(ffmpeg: Ffmpeg): Media {
  return {
    probe: (clip, signal) =>
      withScratch(clip, async (scratch) => clipInfo((await openClip(ffmpeg, clip, scratch, signal)).mp4)),
    lastFrame: (clip, png, signal) =>
      withScratch(join(dirname(png), 'last-frame'), async (scratch) =>
        writeLastFrame(ffmpeg, await openClip(ffmpeg, clip, scratch, signal), png, signal),
      ),
    nudgedFrame: (first, others, png, signal) =>
      withScratch(join(dirname(png), 'last-frame'), (scratch) =>
        writeNudgedFrame(ffmpeg, first, others, png, scratch, signal),
      ),
    cutToAnchor: (whole, clip, signal) => cutToAnchor(ffmpeg, whole, clip, signal),
    checkImage: (path) => checkImage(ffmpeg, path),
    fitImage: (path, size, png, signal) => fitImage(ffmpeg, path, size, png, signal),
    measure: (clip, before, signal) =>
      withScratch(clip, async (scratch) =>
        measureNext(ffmpeg, await openClip(ffmpeg, clip, scratch, signal), before, scratch, signal),
      ),
    join: (order, film, signal) => joinClips(ffmpeg, order, film, signal),
    check: (film, joined, signal) => checkFilm(ffmpeg, film, joined, signal),
  }
}
