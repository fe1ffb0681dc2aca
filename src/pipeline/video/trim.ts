import type { Ffmpeg } from '../media/ffmpeg.ts'

/**
 * Cuts clips to their first seconds, exactly: the picture is encoded anew, nearly without loss, since a copy can only end
 * where the encoder put its frames in order. Throws what `Ffmpeg.run` throws.
 */
export function createTrim({ run }: Pick<Ffmpeg, 'run'>) {
  return async (clip: string, seconds: number, output: string, signal: AbortSignal): Promise<void> => {
    const picture = ['-c:v', 'libx264', '-preset', 'fast', '-crf', '12', '-pix_fmt', 'yuv420p']
    const options = [
      '-map',
      '0:v:0',
      '-map',
      '0:a:0?',
      '-t',
      `${seconds}`,
      ...picture,
      '-c:a',
      'copy',
      '-f',
      'mp4',
    ]
    await run({ inputs: [{ source: clip }], options, output }, signal)
  }
}
