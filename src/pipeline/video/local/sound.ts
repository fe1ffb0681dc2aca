import { createRandom } from './canvas.ts'

/** Semitones over D3: chords of one key, so that any of them may follow any other. */
export const CHORDS: readonly (readonly number[])[] = [
  [-12, -5, 4, 11, 14],
  [-15, -3, 0, 7, 11],
  [-7, 0, 5, 9, 16],
  [-5, 2, 7, 9, 16],
  [-10, -3, 5, 12, 14],
  [-8, -1, 4, 7, 14],
]

/**
 * The filter that makes a clip's sound, as the pad `[a]`: a soft chord of about -20 dBFS, slightly out of tune between
 * the ears, 48 kHz stereo. It is made at 16 kHz, three times faster: it has nothing above 2 kHz.
 */
export function soundOf({ chord, seed }: { chord: number; seed: number }, seconds: number): string {
  const random = createRandom(seed + 1)
  const notes = (CHORDS[chord] ?? []).map((semitone) => ({
    hertz: 146.83 * 2 ** (semitone / 12),
    level: 0.085 * 2 ** (-(semitone + 12) / 48),
    phase: random() * 6.28,
    swell: 0.12 + 0.2 * random(),
  }))
  const ear = (detune: number) =>
    notes
      .map(({ hertz, level, phase, swell }) => {
        const turn = `${(6.28319 * hertz * detune).toFixed(3)}*t`
        const breath = `(0.75+0.25*sin(${(6.28319 * swell).toFixed(3)}*t+${(phase * detune).toFixed(2)}))`
        return `${level.toFixed(4)}*${breath}*(sin(${turn}+${phase.toFixed(2)})+0.18*sin(2*${turn}))`
      })
      .join('+')
  return (
    `aevalsrc=exprs='${ear(0.9991)}|${ear(1.0009)}':s=16000:d=${seconds},aresample=48000,atrim=end_sample=${seconds * 48_000},` +
    `aformat=sample_fmts=fltp:channel_layouts=stereo,afade=t=in:d=0.04,afade=t=out:st=${seconds - 0.04}:d=0.04[a]`
  )
}
