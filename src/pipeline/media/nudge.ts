import { readFile } from 'node:fs/promises'
import type { ClipFile } from '../../core/clip-measures.ts'
import type { ChainLink } from '../../core/ports/media.ts'
import { type Clip, openClip, type Scratch } from './clip-file.ts'
import { EXACT_SCALING } from './colour.ts'
import { type ColourStatistics, likeness, statisticsDistance, statisticsOf } from './colour-statistics.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import { writeLastFrame } from './last-frame.ts'
import { type Thumbnail, thumbnails, toThumbnail } from './thumbnails.ts'

/** How much of the way back is gone at once: the whole of it would also undo what a story wants. */
const STRENGTH = 0.5

/** The most that any pixel is changed, in levels of 0..255, so that nobody sees it happen where the clips meet. */
const LEVELS_MAX = 3

/** How many clips in a row must have moved away before it is a drift: one may have its reason in the story. */
const DRIFTING_CLIPS = 2

/** How much farther off a clip must end than it opened to have moved away, in levels. Encoding alone moves less. */
const GROWTH_MIN = 0.25

/** Pictures whose likeness is above this (-1..1) show one scene. A guess until real films are measured. */
const SAME_SCENE = 0.5

/**
 * Writes a chain's last frame as a PNG, for the next clip to open on. Where the clips have drifted away from the colours of the first one,
 * within one scene, it is nudged back towards them: never towards the clip before, which has drifted too. The same chain gives the same
 * picture. Throws `MediaError`.
 */
export async function writeNudgedFrame(
  ffmpeg: Ffmpeg,
  first: ClipFile,
  others: readonly ChainLink[],
  png: string,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<void> {
  const last = await openClip(ffmpeg, others.at(-1)?.clip ?? first, scratch, signal)
  const nudge = await findNudge(ffmpeg, first, others, scratch, signal)
  await writeLastFrame(ffmpeg, last, png, signal, nudge ?? undefined)
}

/** The filter that nudges a chain's last frame; null where nothing has drifted. */
async function findNudge(
  ffmpeg: Ffmpeg,
  first: ClipFile,
  others: readonly ChainLink[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<string | null> {
  if (others.length < DRIFTING_CLIPS) return null
  const open = (file: ClipFile) => openClip(ffmpeg, file, scratch, signal)
  const reference = await thumbnails(ffmpeg, await open(first), scratch, signal)
  const wanted = statisticsOf(reference)
  let colours = wanted
  for (const link of others.slice(-DRIFTING_CLIPS)) {
    const clip = await open(link.clip)
    const last = (await thumbnails(ffmpeg, clip, scratch, signal)).slice(-1)
    if (!last.some((frame) => reference.some((other) => likeness(frame, other) > SAME_SCENE))) return null
    colours = statisticsOf(last)
    // Measured within the clip: what an earlier nudge has gained is not taken for a chain that stands still.
    const opened = statisticsOf([await openingThumbnail(ffmpeg, link.opening, clip, scratch, signal)])
    const growth = statisticsDistance(colours, wanted) - statisticsDistance(opened, wanted)
    if (growth < GROWTH_MIN) return null
  }
  return towards(colours, wanted)
}

/** A filter for RGB that brings mean and deviation of each channel nearer to those that are wanted. */
function towards(colours: ColourStatistics, wanted: ColourStatistics): string {
  const channels = colours.map(({ mean, deviation }, i) => {
    const target = wanted[i] ?? { mean, deviation }
    const shift = STRENGTH * (target.mean - mean)
    const gain = deviation === 0 ? 0 : STRENGTH * (target.deviation / deviation - 1)
    const change = `${shift.toFixed(4)}+${gain.toFixed(6)}*(val-${mean.toFixed(4)})`
    return `${'rgb'[i]}='val+round(clip(${change},-${LEVELS_MAX},${LEVELS_MAX}))'`
  })
  return `lutrgb=${channels.join(':')}`
}

/** The picture that a clip was asked to open on, as a thumbnail of that clip would show it: by way of its 4:2:0, which evens colours out. */
async function openingThumbnail(
  ffmpeg: Ffmpeg,
  opening: string,
  clip: Clip,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Thumbnail> {
  const toYuv = `scale=out_color_matrix=${clip.matrix}:flags=${EXACT_SCALING},format=yuv420p`
  const output = await scratch('.raw')
  const options = ['-frames:v', '1', '-vf', `${toYuv},${toThumbnail(clip.matrix)}`, '-c:v', 'rawvideo']
  await ffmpeg.run({ inputs: [{ source: opening }], options, output }, signal)
  return readFile(output)
}
