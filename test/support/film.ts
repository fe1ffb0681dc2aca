import { readFile, rm } from 'node:fs/promises'
import { decodingErrors, ffmpeg } from './clips.ts'

/** What decoding a whole film shows. `frames` are those that a viewer sees; seconds; `head` is what ffmpeg says of the file. */
export interface FilmFacts {
  errors: string
  frames: number
  pictureSeconds: number
  soundSeconds: number
  head: string
}

/** Decodes a film to its end and measures it: nothing is taken from what its tables say. */
export async function filmFacts(film: string): Promise<FilmFacts> {
  const errors = await decodingErrors(film)
  const { frames, pictureSeconds, head } = await pictureOf(film)
  const samples = `${film}.facts.raw`
  const sound = ['-map', '0:a', '-ac', '1', '-ar', '48000', '-c:a', 'pcm_s16le', '-f', 's16le']
  await ffmpeg.run({ inputs: [{ source: film }], options: sound, output: samples })
  const bytes = (await readFile(samples)).length
  await rm(samples)
  return { errors, frames, pictureSeconds, soundSeconds: bytes / 2 / 48_000, head }
}

async function pictureOf(film: string) {
  // every frame with its own time: none is doubled or left out to make the rate even
  const list = `${film}.facts.aac.raw`
  const options = ['-map', '0:v', '-vsync', '0', '-s', '16x16', '-c:v', 'rawvideo', '-f', 'framecrc']
  const { stderr } = await ffmpeg.run({ inputs: [{ source: film }], options, output: list })
  const lines = (await readFile(list, 'utf8')).split('\n')
  await rm(list)
  const [, n = '1', of = '1'] = lines.map((line) => /^#tb 0: (\d+)\/(\d+)/.exec(line)).find(Boolean) ?? []
  const times = lines.filter((line) => /^0,/.test(line)).map((line) => Number(line.split(',')[2]))
  const [first = 0, last = 0] = [times[0], times.at(-1)]
  const between = (last - first) / (times.length - 1)
  // at a seam a frame may hide behind the next one, which is shown a tick later
  const seen = times.filter((time, i) => (times[i + 1] ?? Number.POSITIVE_INFINITY) - time > between / 10)
  const frame = (last - first) / (seen.length - 1)
  const pictureSeconds = ((last - first + frame) * Number(n)) / Number(of)
  return { frames: seen.length, pictureSeconds, head: stderr }
}

/** Pictures are compared at this width: it is what is seen that counts, not its grain. */
const SMALL = 'scale=160:-2:flags=area'

/** How alike each frame of a film of 24 frames a second is to the next one: PSNR in dB, infinite where they are equal. */
export async function likenessOfNeighbours(film: string): Promise<number[]> {
  const list = `${film}.neighbours.txt`
  const [these, next] = ['[a]setpts=N/24/TB[these]', '[b]trim=start_frame=1,setpts=N/24/TB[next]']
  const filter = `[0:v]fps=24,${SMALL},split[a][b];${these};${next};[these][next]psnr=stats_file=${list}:shortest=1`
  await ffmpeg.run({ inputs: [{ source: film }], filter, options: [], output: null })
  const text = await readFile(list, 'utf8')
  await rm(list)
  return [...text.matchAll(/psnr_avg:(\S+)/g)].map(([, value]) => decibels(value))
}

/** How alike two pictures of one size are, in the same measure. Pictures of different things have less than 20 dB. */
export async function likenessOfPictures(a: string, b: string): Promise<number> {
  const inputs = [{ source: a }, { source: b }]
  const filter = `[0:v]${SMALL}[a];[1:v]${SMALL}[b];[a][b]psnr`
  const { stderr } = await ffmpeg.run({ inputs, filter, options: [], output: null })
  return decibels(/PSNR .*average:(\S+)/.exec(stderr)?.[1])
}

function decibels(text: string | undefined): number {
  if (text === undefined) throw new Error('ffmpeg measured no PSNR')
  return text === 'inf' ? Number.POSITIVE_INFINITY : Number(text)
}

/** Writes a frame of a film, counted from 0, as a PNG in its own colours, which are BT.601's as with all clips that say nothing. */
export async function frameOf(film: string, n: number): Promise<string> {
  const png = `${film}.frame-${n}.png`
  const exact = 'scale=in_color_matrix=bt601:flags=accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24'
  const filter = `[0:v]select='eq(n,${n})',${exact}[out]`
  const options = ['-map', '[out]', '-frames:v', '1', '-vsync', '0']
  await ffmpeg.run({ inputs: [{ source: film }], filter, options, output: png })
  return png
}

/**
 * How alike two pictures of one size are (SSIM, 0 to 1). `fit` is a filter for the second one. Compared as video holds
 * them: the brightest colours of RGB have no place there.
 */
export async function ssim(a: string, b: string, fit = 'null'): Promise<number> {
  const filter = `[1:v]${fit},format=yuv444p[b];[0:v]format=yuv444p[a];[a][b]ssim`
  const inputs = [{ source: a }, { source: b }]
  const { stderr } = await ffmpeg.run({ inputs, filter, options: [], output: null })
  const found = /All:([\d.]+)/.exec(stderr)?.[1]
  if (found === undefined) throw new Error(`ffmpeg measured no SSIM: ${stderr}`)
  return Number(found)
}

/** Makes a picture with shapes and colours in it. */
export async function makePicture(path: string, width: number, height: number): Promise<string> {
  const source = `testsrc2=size=${width}x${height}:rate=1:duration=1`
  const inputs = [{ source, options: ['-f', 'lavfi'] }]
  const softer = ['-frames:v', '1', '-vf', 'gblur=sigma=6']
  await ffmpeg.run({ inputs, options: softer, output: path })
  return path
}
