import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { UNTAGGED_MATRIX } from '../../src/core/colour.ts'
import { createMedia } from '../../src/pipeline/media/media.ts'
import { decodingErrors, ffmpeg, packetHashes, testFolder } from '../support/clips.ts'
import type { MakeClip } from '../support/fal-clip.ts'
import { ODD_CLIPS, oddClip } from '../support/odd-clips.ts'
import { lastOf, only, PROMPT, startServices } from '../support/services.ts'
import { type StillModel, stillModel } from '../support/still-clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)

/** Makes a film through the command line of a model that writes its clips like this. */
async function filmOf(
  cleanup: (close: () => Promise<void>) => void,
  clip: MakeClip,
  words: readonly string[] = ['--segments', '2'],
) {
  const { machine, fal, env } = await startServices(cleanup, {
    database: false,
    outcome: { steps: [], clip },
  })
  const out = join(machine.folder, 'film.mp4')
  const command = [PROMPT, '--seconds', '4', '--lang', 'en', '--json', ...words, '--out', out]
  const { code, json, stderr } = await machine.run(command, only(env, 'FAL_'))
  return { machine, fal, out, code, stderr, last: lastOf(json) }
}

describe('a film is made of two clips', { concurrent: true, timeout: 120_000 }, () => {
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
    const own = new Set(await packetHashes(clip, 'v'))
    const copied = (await packetHashes(out, 'v')).every((hash) => own.has(hash))
    expect(copied ? 'copied' : 'encoded').toBe(kind.picture)
  })
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

describe('a chain of six keeps its colours', { concurrent: true, timeout: 180_000 }, () => {
  test.for(CHAINS)('%s', async ([, model, words], { expect, onTestFinished }) => {
    const { out, code, stderr } = await filmOf(onTestFinished, stillModel(model), [
      '--segments',
      '6',
      ...words,
    ])
    expect([code, stderr.includes('"level":50')]).toEqual([0, false])
    const info = await media.probe(out)
    // YUV is compared as it is: no matrix of ours has a say in it
    const first = `[0:v]trim=start_frame=5:end_frame=6,setpts=0[first]`
    const last = `[1:v]trim=start=${info.seconds - 1.5 / info.fps},setpts=0[last]`
    const filter = `${first};${last};[first][last]psnr[out]`
    const inputs = [{ source: out }, { source: out }]
    const options = ['-map', '[out]', '-frames:v', '1']
    const { stderr: words2 } = await ffmpeg.run({ inputs, filter, options, output: null })
    const psnr = /PSNR .*average:(\S+)/.exec(words2)?.[1] ?? ''
    expect(psnr === 'inf' ? 99 : Number(psnr)).toBeGreaterThanOrEqual(45)
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
