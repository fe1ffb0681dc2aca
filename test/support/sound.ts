import { readFile, rm } from 'node:fs/promises'
import { ffmpeg } from './clips.ts'

const SAMPLE_RATE = 48_000

/** A film's sound as mono samples at 48 kHz, −1 to 1, one after the other as a loudspeaker gets them. */
export async function decodeSound(film: string): Promise<Float32Array> {
  const raw = `${film}.raw`
  const options = ['-map', '0:a:0', '-ac', '1', '-ar', `${SAMPLE_RATE}`, '-c:a', 'pcm_f32le', '-f', 'f32le']
  await ffmpeg.run({ inputs: [{ source: film }], options, output: raw })
  const bytes = await readFile(raw)
  await rm(raw)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

/** Where the high band begins, in Hz, and how wide the filter's slope is below it. */
const HIGH_BAND = { from: 3000, slope: 1000 }

/** The loudest moment above 3 kHz between a film's first and last tenth of a second, in dBFS: what a click sounds like. */
export async function highBandPeak(film: string): Promise<number> {
  const pcm = await decodeSound(film)
  const taps = highPass()
  const edge = SAMPLE_RATE / 10
  let peak = 0
  for (let at = edge; at < pcm.length - edge; at++) {
    let sum = 0
    for (let tap = 0; tap < taps.length; tap++) sum += (taps[tap] ?? 0) * (pcm[at + tap] ?? 0)
    peak = Math.max(peak, Math.abs(sum))
  }
  return 20 * Math.log10(peak)
}

/** A windowed sinc (Blackman: −74 dB): what a low pass leaves over. */
function highPass(): Float64Array {
  const half = Math.ceil((2.75 * SAMPLE_RATE) / HIGH_BAND.slope)
  const cutoff = (HIGH_BAND.from - HIGH_BAND.slope / 2) / SAMPLE_RATE
  return Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const n = i - half
    const turn = (Math.PI * n) / half
    const window = 0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn)
    const low = n === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * n) / (Math.PI * n)
    return (n === 0 ? 1 : 0) - window * low
  })
}
