import { readFile, rm } from 'node:fs/promises'
import { ffmpeg } from './clips.ts'

/** A picture's pixels: red, green and blue (0..255), row by row. */
export async function pixelsOf(picture: string): Promise<Buffer> {
  const raw = `${picture}.pixels.raw`
  const options = ['-pix_fmt', 'rgb24', '-c:v', 'rawvideo']
  await ffmpeg.run({ inputs: [{ source: picture }], options, output: raw })
  const pixels = await readFile(raw)
  await rm(raw)
  return pixels
}

/** How far a picture is from another one of its size: PSNR in dB, the mean change of each channel and the largest of any pixel in levels. */
export function compare(pixels: Buffer, before: Buffer): { psnr: number; shift: number[]; largest: number } {
  const sums = [0, 0, 0]
  let squares = 0
  let largest = 0
  for (const [i, value] of pixels.entries()) {
    const change = value - (before[i] ?? 0)
    sums[i % 3] = (sums[i % 3] ?? 0) + change
    squares += change * change
    largest = Math.max(largest, Math.abs(change))
  }
  const psnr = 10 * Math.log10((255 * 255 * pixels.length) / squares)
  return { psnr, shift: sums.map((sum) => (sum * 3) / pixels.length), largest }
}
