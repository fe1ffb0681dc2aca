import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { UNTAGGED_MATRIX } from '../../src/core/colour.ts'
import { frameSize } from '../../src/core/request.ts'
import { createMedia } from '../../src/pipeline/media/media.ts'
import { startBrowser } from '../support/browser.ts'
import { coloursShown } from '../support/browser-colours.ts'
import { decodingErrors, ffmpeg, packetHashes, testFolder } from '../support/clips.ts'
import type { MakeClip } from '../support/fal-clip.ts'
import { ODD_CLIPS, oddClip } from '../support/odd-clips.ts'
import { lastOf, only, PROMPT, startServices } from '../support/services.ts'
import { CARD, type StillModel, stillModel } from '../support/still-clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const browser = await startBrowser(folder)
afterAll(() => browser.close())

/** Makes a film through the command line of a model that writes its clips like this. */
async function filmOf(
  cleanup: (close: () => Promise<void>) => void,
  clip: MakeClip,
  words: readonly string[] = ['--segments', '2'],
) {
  const { machine, fal, env } = await startServices(cleanup, {
    database: false,
    clip: { scale: 1 },
    outcome: { steps: [], clip },
  })
  const out = join(machine.folder, 'film.mp4')
  const command = [PROMPT, '--seconds', '4', '--lang', 'en', '--json', ...words, '--out', out]
  const { code, json, stderr } = await machine.run(command, only(env, 'FAL_'))
  return { machine, fal, out, code, stderr, last: lastOf(json) }
}

describe('a film is made of two clips', { concurrent: true, timeout: 240_000 }, () => {
  test.for(Object.entries(ODD_CLIPS))('%s', async ([name, kind], { expect, onTestFinished }) => {
    const bytes = await oddClip(folder, name)
    const { fal, out, code, stderr } = await filmOf(onTestFinished, async () => bytes)
    expect([code, stderr, fal.accepted.length]).toEqual([0, '', 2])
    expect(await decodingErrors(out)).toBe('')
    const info = await media.probe(out)
    expect(info.fps).toBeCloseTo(kind.fps ?? 24, 1)
    expect(Math.abs((info.audioSeconds ?? 0) - info.seconds)).toBeLessThan(0.05)

    const clip = join(folder, `${name}-source.mp4`)
    await writeFile(clip, bytes)
    expect(await madeOf(out, clip, 'v')).toBe(kind.picture)
    // a frame or two have no sound of their own
    if (kind.sound === 'none' || info.seconds < 1) return
    expect(await madeOf(out, clip, 'a')).toBe(kind.sound)
    const own = await onsets(clip)
    const heard = await onsets(out)
    const boundary = info.seconds / 2
    for (const onset of own.filter((time) => time < boundary - 0.1)) {
      expect(nearest(heard, onset)).toBeLessThan(0.011)
      // two frames: where the segments meet is known to no less
      const second = heard.filter((time) => time > boundary)
      if (second.length > 0) expect(nearest(second, onset + boundary)).toBeLessThan(0.011 + 1 / info.fps)
    }
  })
})

/** Whether a film has the packets of its clip, but for the few of sound that each seam takes. */
async function madeOf(film: string, clip: string, stream: 'v' | 'a'): Promise<'copied' | 'encoded'> {
  const packets = new Set(await packetHashes(film, stream))
  const own = await packetHashes(clip, stream).catch(() => [])
  const kept = own.filter((hash) => packets.has(hash)).length
  return kept > (stream === 'v' ? own.length - 2 : own.length / 3) ? 'copied' : 'encoded'
}

/** When tones begin, in seconds after the picture does. */
async function onsets(file: string): Promise<number[]> {
  const raw = `${file}.onsets.raw`
  const filter = 'aresample=48000:async=1:min_hard_comp=0.02:first_pts=0'
  const options = ['-map', '0:a:0', '-af', filter, '-ac', '1', '-c:a', 'pcm_f32le', '-f', 'f32le']
  await ffmpeg.run({ inputs: [{ source: file }], options, output: raw })
  const bytes = await readFile(raw)
  const samples = new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4))
  const begins = await pictureBegins(file)
  const found: number[] = []
  let quiet = 0
  for (const [i, sample] of samples.entries()) {
    if (Math.abs(sample) < 0.05) quiet += 1
    else {
      if (quiet > 4800) found.push(i / 48_000 - begins)
      quiet = 0
    }
  }
  return found
}

async function pictureBegins(file: string): Promise<number> {
  const options = ['-map', '0:V:0', '-vf', 'showinfo', '-frames:v', '1']
  const { stderr } = await ffmpeg.run({ inputs: [{ source: file }], options, output: null })
  return Number(/pts_time:(\S+)/.exec(stderr)?.[1])
}

function nearest(times: readonly number[], to: number): number {
  return Math.min(...times.map((time) => Math.abs(time - to)))
}

test('docs/clips.md says what happens to each kind', async ({ expect }) => {
  const rows = Object.entries(ODD_CLIPS).map(
    ([name, { picture, sound, why = '' }]) => `| ${name} | ${picture} | ${sound} | ${why} |`,
  )
  const page = await readFile(new URL('../../docs/clips.md', import.meta.url), 'utf8')
  expect(page.split('\n').filter((line) => /^\| [a-z0-9-]+ \| (copied|encoded) /.test(line))).toEqual(rows)
})

/** What is left of the first segment at the end of a chain. */
const CHAINS: readonly [what: string, model: StillModel, words: readonly string[]][] = [
  ['untagged BT.601 at 720p', { matrix: 'bt601' }, []],
  ['untagged BT.601 at 1080p', { matrix: 'bt601' }, ['--resolution', '1080p']],
  ['untagged BT.601 of 480 lines', { matrix: 'bt601', size: { width: 854, height: 480 } }, []],
  ['untagged BT.601, upright', { matrix: 'bt601' }, ['--aspect', '9:16']],
  ['tagged BT.709', { matrix: 'bt709', tagged: true }, []],
  ['untagged BT.709, which the measurement finds', { matrix: 'bt709' }, []],
  ['untagged BT.601 of an odd size', { matrix: 'bt601', size: { width: 1284, height: 716 } }, []],
]

/** The size that a film was asked for. */
function sizeOf(words: readonly string[]) {
  const aspect = words.includes('9:16') ? '9:16' : '16:9'
  return frameSize(words.includes('1080p') ? '1080p' : '720p', aspect)
}

/**
 * Films whose colours are looked at in a browser too: a card of known ones went in, and was read rightly from the first frame on. Chromium's own
 * conversion of BT.709 without a graphics card is 12 levels off in blue (libyuv has no coefficient above 2).
 */
const IN_BROWSER: Readonly<Record<string, string>> = {
  'untagged BT.601 at 720p': 'film-720',
  'untagged BT.601 at 1080p': 'film-1080',
}

describe('a chain of six keeps its colours', { concurrent: true, timeout: 300_000 }, () => {
  test.for(CHAINS)('%s', async ([what, model, words], { expect, onTestFinished }) => {
    const { out, code, stderr } = await filmOf(onTestFinished, stillModel(model), [
      '--segments',
      '6',
      ...words,
    ])
    expect([code, stderr.includes('"level":50')]).toEqual([0, false])
    const info = await media.probe(out)
    const { width, height } = model.size ?? sizeOf(words)
    expect(info).toMatchObject({ width, height })
    // YUV is compared as it is: no matrix of ours has a say in it
    const first = `[0:v]trim=start_frame=5:end_frame=6,setpts=0[first]`
    const last = `[1:v]trim=start=${info.seconds - 1.5 / info.fps},setpts=0[last]`
    const filter = `${first};${last};[first][last]psnr[out]`
    const inputs = [{ source: out }, { source: out }]
    const options = ['-map', '[out]', '-frames:v', '1']
    const { stderr: said } = await ffmpeg.run({ inputs, filter, options, output: null })
    const psnr = /PSNR .*average:(\S+)/.exec(said)?.[1] ?? ''
    expect(psnr === 'inf' ? 99 : Number(psnr)).toBeGreaterThanOrEqual(45)
    if (what in IN_BROWSER) {
      const name = `${IN_BROWSER[what]}.mp4`
      await copyFile(out, join(folder, name))
      const page = await browser.open()
      const bands = Object.values(CARD).map((_, i, all) => (i + 0.5) / all.length)
      const seen = await coloursShown(page, name, info.seconds - 1.5 / info.fps, bands)
      for (const [i, colour] of Object.values(CARD).entries()) {
        for (const [c, level] of colour.entries()) {
          expect(Math.abs((seen[i]?.[c] ?? 999) - level)).toBeLessThanOrEqual(2)
        }
      }
    }
    const film = await readFile(out)
    const at = film.indexOf('colrnclx')
    expect([...film.subarray(at + 8, at + 14)]).toEqual([
      0,
      1,
      0,
      1,
      0,
      model.matrix === UNTAGGED_MATRIX ? 6 : 1,
    ])
  })
})
