import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeChain, withTones } from '../test/support/numbered-clips.ts'

/**
 * Makes a chain of clips to try a joiner with: `node bench/numbered-clips.ts FOLDER --count 10 --fps 30 --b-frames`. Every frame shows
 * its number, every second beeps; with `--tones` each clip has a steady tone instead.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '8' },
    fps: { type: 'string', default: '24' },
    height: { type: 'string', default: '720' },
    gop: { type: 'string' },
    rate: { type: 'string' },
    'b-frames': { type: 'boolean', default: false },
    tones: { type: 'boolean', default: false },
  },
})
const [folder = 'clips'] = positionals
const [fps, height] = [Number(values.fps), Number(values.height)]
await mkdir(folder, { recursive: true })
const recipe = {
  count: Number(values.count),
  frames: Math.round(Number(values.seconds) * fps),
  fps,
  width: (height * 16) / 9,
  height,
  bFrames: values['b-frames'],
  gop: values.gop === undefined ? null : Number(values.gop),
  rate: values.rate === undefined ? null : Number(values.rate),
}
const beeping = await makeChain(join(folder, 'clip'), recipe)
const clips = values.tones ? await withTones(beeping, recipe) : beeping
console.log(clips.join('\n'))
