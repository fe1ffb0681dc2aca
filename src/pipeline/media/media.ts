import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UNTAGGED_MATRIX } from '../../core/colour.ts'
import type { Media } from '../../core/ports/media.ts'
import { cutToAnchor } from './anchor.ts'
import { type Clip, filmFile, openClip, readTables, type Scratch, withScratch } from './clip-file.ts'
import { clipInfo } from './clip-info.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import { checkFilm } from './film-check.ts'
import { inspect } from './inspect.ts'
import { joinClips } from './join/join-clips.ts'
import { measureClip } from './join/measure-clip.ts'
import { compareFrames } from './join/seam.ts'
import { writeLastFrame } from './last-frame.ts'
import { writeNudgedFrame } from './nudge.ts'
import { checkImage, fitImage } from './picture.ts'

/** Pictures and clips, by our own MP4 reader and writer wherever they will do, and by ffmpeg for what must be decoded. */
export function createMedia(ffmpeg: Ffmpeg): Media {
  return {
    probe: (clip, signal) =>
      withScratch(clip, async (scratch) =>
        clipInfo((await readTables(clip)) ?? (await openClip(ffmpeg, filmFile(clip), scratch, signal)).mp4),
      ),
    receive: (delivered, clip, { anchor, salvage }, signal) =>
      withScratch(clip, async (scratch) => {
        const file = { path: delivered, untagged: UNTAGGED_MATRIX }
        const tables = await readTables(delivered, salvage)
        const opened = await openClip(ffmpeg, file, scratch, signal, salvage)
        await keep(ffmpeg, opened, clip, anchor, scratch, signal)
        await rm(delivered, { force: true })
        return { ...clipInfo(tables ?? opened.mp4), encoded: opened.encoded }
      }),
    compareOpening: (clip, sent, signal) =>
      withScratch(clip.path, async (scratch) =>
        compareFrames(ffmpeg, sent, await openClip(ffmpeg, clip, scratch, signal), scratch, signal),
      ),
    lastFrame: (clip, png, signal) =>
      withScratch(join(dirname(png), 'last-frame'), async (scratch) =>
        writeLastFrame(ffmpeg, await openClip(ffmpeg, clip, scratch, signal), png, signal),
      ),
    nudgedFrame: (first, others, png, signal) =>
      withScratch(join(dirname(png), 'last-frame'), (scratch) =>
        writeNudgedFrame(ffmpeg, first, others, png, scratch, signal),
      ),
    checkImage: (path) => checkImage(ffmpeg, path),
    fitImage: (path, size, png, signal) => fitImage(ffmpeg, path, size, png, signal),
    measure: (clip, opening, before, signal) =>
      withScratch(clip.path, async (scratch) => {
        const opened = await openClip(ffmpeg, clip, scratch, signal)
        return measureClip(ffmpeg, opened, opening, before, scratch, signal)
      }),
    inspect: (clip, signal) =>
      withScratch(clip.path, async (scratch) =>
        inspect(ffmpeg, await openClip(ffmpeg, clip, scratch, signal), scratch, signal),
      ),
    join: (order, film, signal) => joinClips(ffmpeg, order, film, signal),
    check: (film, joined, inspections, signal) => checkFilm(ffmpeg, film, joined, inspections, signal),
  }
}

async function keep(
  ffmpeg: Ffmpeg,
  opened: Clip,
  clip: string,
  anchor: 'last' | 'sharpest',
  scratch: Scratch,
  signal: AbortSignal,
): Promise<void> {
  if (anchor === 'sharpest' && (await cutToAnchor(ffmpeg, opened, clip, scratch, signal))) return
  await rename(opened.path, clip)
}
