import type { Loudness } from '../../../core/clip-measures.ts'
import type { Clip } from '../clip-file.ts'
import { type Ffmpeg, MediaError } from '../ffmpeg.ts'

/** Neighbours that differ by more than this (LU) are heard as a jump, and evened out. */
const JUMP_LU = 3

/** Where sounds are evened out, those this near to the aim (LU) are left as they came. */
const NEAR_LU = 1

/** What `levelSound` aims at, in LUFS: the loudness that streaming services play at lies between −14 and −16. */
const LEVEL_LUFS = -16

/** Quieter than this (LUFS), a sound is as good as none, and only its noise would be raised. */
const SILENT_LUFS = -50

/** Larger gains (dB) would raise a quiet place's noise, or flatten what was meant to be loud. */
const GAIN_MAX = 12

/** The highest sample that a gain may lead to, in dBFS: encoding adds a little. */
const PEAK_MAX = -1

/** Measures a clip's sound (an 8 s clip: 0.1 s); null where it has none, or none that can be heard. */
export async function measureLoudness(
  ffmpeg: Ffmpeg,
  clip: Clip,
  signal: AbortSignal,
): Promise<Loudness | null> {
  if (clip.mp4.audio === null) return null
  const options = ['-map', '0:a:0', '-af', 'ebur128=peak=sample:framelog=verbose']
  const { stderr } = await ffmpeg.run({ inputs: [{ source: clip.path }], options, output: null }, signal)
  const summary = stderr.slice(stderr.lastIndexOf('Summary:'))
  const lufs = Number(/I: +(\S+) LUFS/.exec(summary)?.[1])
  const peak = Number(/Peak: +(\S+) dBFS/.exec(summary)?.[1]?.replace('inf', 'Infinity'))
  if (Number.isNaN(lufs) || Number.isNaN(peak))
    throw new MediaError('ffmpeg measured no loudness', { stderr })
  return lufs < SILENT_LUFS ? null : { lufs, peak }
}

/**
 * The gain in dB for each sound. Levelled: all to the same loudness. Else 0 for all, unless two neighbours differ by a jump: then to
 * the loudness of the middle one.
 */
export function gainsOf(sounds: readonly (Loudness | null)[], level: boolean): number[] {
  const heard = sounds.filter((sound) => sound !== null)
  const jumps = heard.some((sound, i) => Math.abs(sound.lufs - (heard[i - 1] ?? sound).lufs) > JUMP_LU)
  if (!level && !jumps) return sounds.map(() => 0)
  const middle = heard.map(({ lufs }) => lufs).toSorted((a, b) => a - b)[Math.floor(heard.length / 2)]
  const aim = level || middle === undefined ? LEVEL_LUFS : middle
  return sounds.map((sound) => {
    if (sound === null || Math.abs(aim - sound.lufs) <= NEAR_LU) return 0
    // A clip too quiet whose peak leaves no room stays as it came: making it quieter would widen the jump.
    const room = Math.max(0, PEAK_MAX - sound.peak)
    const gain = Math.min(aim - sound.lufs, room)
    return Math.round(Math.max(-GAIN_MAX, Math.min(GAIN_MAX, gain)) * 100) / 100
  })
}
