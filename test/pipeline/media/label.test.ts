import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { clipFiles, ffmpeg, makeClip, numbered, testFolder } from '../../support/clips.ts'

const folder = await testFolder()

/** Everything that exiftool, which we did not write, finds in a file, by group and name. */
async function exiftool(path: string): Promise<Record<string, unknown>> {
  const program = join(fileURLToPath(import.meta.resolve('exiftool-vendored.pl')), '../bin/exiftool')
  const { stdout } = await promisify(execFile)('perl', [program, '-json', '-G1', '-charset', 'UTF8', path])
  return JSON.parse(stdout)[0]
}

test('exiftool finds in a film that a trained model made it, which one, when, and its title', async () => {
  const clips = await Promise.all(
    [0, 11].map((first) => makeClip(join(folder, `${first}.mp4`), { numbers: numbered(first, 12) })),
  )
  const film = join(folder, 'film.mp4')
  const label = {
    title: 'Fox & <hounds>, 여우와 사냥개',
    model: 'wan-2.7',
    made: new Date('2026-11-01T10:00:00Z'),
    source: 'trainedAlgorithmicMedia',
  } as const
  const order = { clips: clipFiles(clips), label, mark: null, crossfadeMs: 0, levelSound: false }
  await createMedia(ffmpeg).join(order, film, new AbortController().signal)
  expect(await exiftool(film)).toMatchObject({
    'XMP-iptcExt:DigitalSourceType': 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia',
    'XMP-dc:Title': label.title,
    'XMP-xmp:CreatorTool': 'wan-2.7',
    'XMP-xmp:CreateDate': '2026:11:01 10:00:00.000Z',
    'ItemList:Title': label.title,
    'ItemList:Comment': 'AI-generated (wan-2.7)',
    'QuickTime:CreateDate': '2026:11:01 10:00:00',
  })
})
