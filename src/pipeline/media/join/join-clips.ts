import type { JoinedFilm, JoinOrder } from '../../../core/ports.ts'
import { type Clip, openClip, type Scratch, withScratch } from '../clip-file.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'
import { filmHeader } from '../mp4/writer.ts'
import { writeFilm } from './film-file.ts'
import { type FilmFormat, filmFormat } from './format.ts'
import { normalise } from './normalise.ts'
import { planJoin } from './plan.ts'
import { findRepeats } from './seam.ts'

/**
 * Joins clips into one film at the level of the container: packets are copied, not encoded, apart from clips whose
 * format differs from the first one's. The film appears under its name only when it is whole and on disk.
 * Throws `MediaError`, `UserError` `disk_full`.
 */
export function joinClips(
  ffmpeg: Ffmpeg,
  { clips: paths, label }: JoinOrder,
  film: string,
  signal: AbortSignal,
): Promise<JoinedFilm> {
  return withScratch(film, async (scratch) => {
    const { clips, format } = await sameFormat(ffmpeg, paths, scratch, signal)
    const [first] = clips
    const avc = first.mp4.video.avc
    if (avc === null) throw new MediaError(`${paths[0]} could not be made H.264`)
    const repeats = await findRepeats(ffmpeg, clips, signal)
    const tables = clips.map((clip) => clip.mp4)
    const plan = planJoin(tables, repeats, format.sound)
    const header = filmHeader(plan, { ...first.mp4.video, avcC: avc.bytes }, label)
    const files = clips.map((clip) => clip.path)
    await writeFilm(film, header, plan.samples, files, signal)
    const seconds = plan.video.length / plan.video.timescale
    return { seconds, seams: [], encoded: { picture: [], sound: [] } }
  })
}

/** Opens all clips and brings them to one format, one after the other: encoding takes every core by itself. */
async function sameFormat(
  ffmpeg: Ffmpeg,
  paths: readonly string[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<{ clips: [Clip, ...Clip[]]; format: FilmFormat }> {
  const [firstPath, ...otherPaths] = paths
  if (firstPath === undefined) throw new MediaError('No clips to join')
  const first = await openClip(ffmpeg, firstPath, scratch, signal)
  const others: Clip[] = []
  for (const path of otherPaths) others.push(await openClip(ffmpeg, path, scratch, signal))
  const format = filmFormat([first.mp4, ...others.map((clip) => clip.mp4)])
  const clips: [Clip, ...Clip[]] = [await normalise(ffmpeg, first, format, scratch, signal)]
  for (const clip of others) clips.push(await normalise(ffmpeg, clip, format, scratch, signal))
  return { clips, format }
}
