import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { Ffmpeg, FfmpegCommand } from '../ffmpeg.ts'

/** Encodes something for a film and returns its path. Throws `MediaError`. */
export type Encode = (command: Omit<FfmpegCommand, 'output'>) => Promise<string>

/**
 * Encodes for `film`, under a name beside it that tells how it was made. What is there already isn't made again: a process that ends in the
 * middle of a join leaves to the next one what it has encoded.
 */
export function encodeOnce(ffmpeg: Ffmpeg, film: string, signal: AbortSignal): Encode {
  return async (command) => {
    const sizes = await Promise.all(command.inputs.map(({ source }) => sizeOf(source)))
    const recipe = JSON.stringify([ffmpeg.version, command, sizes])
    const hash = createHash('sha256').update(recipe).digest('hex').slice(0, 16)
    const output = `${film}.encoded-${hash}.mp4`
    if ((await sizeOf(output)) === null) await ffmpeg.run({ ...command, output }, signal)
    return output
  }
}

function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  )
}
