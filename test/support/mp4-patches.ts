import { boxesIn } from '../../src/pipeline/media/mp4/box.ts'
import { box, fullBox, u32 } from '../../src/pipeline/media/mp4/build.ts'

/** What becomes of a box: null leaves it as it is, an empty buffer takes it away. */
type Change = (type: string, body: Buffer, track: string) => Buffer | null

const CONTAINERS = ['trak', 'mdia', 'minf', 'stbl', 'edts']

/** A file whose tables lie behind its samples, with boxes of its tables changed. `track` is `vide`, `soun`, or empty outside of tracks. */
function withTables(file: Buffer, change: Change): Buffer {
  const at = file.lastIndexOf('moov') - 4
  const rebuilt = (body: Buffer, track: string): Buffer[] =>
    boxesIn(body).map(({ type, body: inner }) => {
      const own = type === 'trak' ? handlerOf(inner) : track
      const changed = change(type, inner, own)
      if (changed !== null) return changed
      return box(type, ...(CONTAINERS.includes(type) ? rebuilt(inner, own) : [inner]))
    })
  const moov = file.subarray(at + 8, at + file.readUInt32BE(at))
  return Buffer.concat([file.subarray(0, at), box('moov', ...rebuilt(moov, ''))])
}

function handlerOf(trak: Buffer): string {
  const at = trak.indexOf('hdlr') + 4
  return trak.toString('latin1', at + 8, at + 12)
}

const pairs = (type: string, rows: readonly (readonly [number, number])[]) =>
  fullBox(type, 0, 0, u32(rows.length), ...rows.map(([count, value]) => u32(count, value >>> 0)))

function readPairs(body: Buffer): number[] {
  return Array.from({ length: body.readUInt32BE(4) }, (_, i) => i * 8 + 8).flatMap((at) =>
    Array<number>(body.readUInt32BE(at)).fill(body.readInt32BE(at + 4)),
  )
}

/** Replaces the times between decodings of one track. */
function withDurations(file: Buffer, track: string, times: (durations: number[]) => number[]): Buffer {
  return withTables(file, (type, body, own) =>
    type === 'stts' && own === track
      ? pairs(
          'stts',
          times(readPairs(body)).map((duration) => [1, duration]),
        )
      : null,
  )
}

/** Packets of sound whose times jitter by a few samples, as Android's muxer writes them. */
export function withJitter(file: Buffer): Buffer {
  const off = [0, 5, 0, -5]
  return withDurations(file, 'soun', (all) => all.map((time, i) => time + (off[i % 4] ?? 0)))
}

/** Says that the last frame lasts this long, in ticks. */
export function withLastFrame(file: Buffer, ticks: number): Buffer {
  return withDurations(file, 'vide', (all) => all.with(-1, ticks))
}

/** Pictures at the same times, but decoded in bunches of four: as Android's muxers write clips with B-frames. */
export function withBunches(file: Buffer): Buffer {
  let decoded: number[] = []
  let shown: number[] = []
  withTables(file, (type, body, track) => {
    if (track === 'vide' && type === 'stts') {
      let at = 0
      decoded = readPairs(body).map((duration) => {
        at += duration
        return at - duration
      })
    }
    if (track === 'vide' && type === 'ctts')
      shown = readPairs(body).map((offset, i) => (decoded[i] ?? 0) + offset)
    return null
  })
  const frame = decoded[1] ?? 0
  const bunched = decoded.map((_, i) => Math.floor(i / 4) * 4 * frame + (i % 4) * 9)
  const late = Math.max(0, ...bunched.map((time, i) => time - (shown[i] ?? 0)))
  const times = shown.map((time) => time + late)
  const durations = bunched.map((time, i) => (bunched[i + 1] ?? time + frame) - time)
  return withTables(file, (type, body, track) => {
    if (track !== 'vide') return null
    if (type === 'stts')
      return pairs(
        'stts',
        durations.map((duration) => [1, duration]),
      )
    if (type === 'ctts')
      return pairs(
        'ctts',
        times.map((time, i) => [1, time - (bunched[i] ?? 0)]),
      )
    if (type !== 'elst') return null
    const list = Buffer.from(body)
    list.writeInt32BE(times[0] ?? 0, 12)
    return box('elst', list)
  })
}

/** A track of sound with no packets in it. */
export function withoutPackets(file: Buffer): Buffer {
  const empty: Record<string, Buffer> = {
    stsz: fullBox('stsz', 0, 0, u32(0, 0)),
    stts: pairs('stts', []),
    stsc: fullBox('stsc', 0, 0, u32(0)),
    stco: fullBox('stco', 0, 0, u32(0)),
  }
  return withTables(file, (type, _, track) => (track === 'soun' ? (empty[type] ?? null) : null))
}

/** Says that AAC of 24 kHz is HE-AAC of 48 kHz: packets of 2048 samples, and SBR (5) over LC (2) in the AudioSpecificConfig. */
export function asHeAac(file: Buffer): Buffer {
  const renamed = withTables(file, (type, body, track) => {
    if (track !== 'soun') return null
    if (type === 'stts') return pairs('stts', [[readPairs(body).length, 2048]])
    if (type === 'mdhd') {
      const header = Buffer.from(body)
      header.writeUInt32BE(48_000, 12)
      return box('mdhd', header)
    }
    if (type !== 'elst') return null
    const list = Buffer.from(body)
    list.writeInt32BE(body.readInt32BE(12) * 2, 12)
    return box('elst', list)
  })
  const config = Buffer.from([0x05, 0x80, 0x80, 0x80, 0x05, 0x13, 0x10, 0x56, 0xe5, 0x00])
  const at = renamed.indexOf(config)
  if (at < 0) throw new Error('another AudioSpecificConfig than expected')
  const bits = 5n * 2n ** 35n + 6n * 2n ** 31n + 2n * 2n ** 27n + 3n * 2n ** 23n + 2n * 2n ** 18n
  Buffer.from(bits.toString(16).padStart(10, '0'), 'hex').copy(renamed, at + 5)
  return renamed
}

/** Four bytes behind the parameter sets of an `avcC` box, as Veo writes them. */
export function withTrailingBytes(file: Buffer): Buffer {
  return withTables(file, (type, body) => {
    if (type !== 'stsd' || !body.includes('avc1')) return null
    const [entry] = boxesIn(body.subarray(8))
    if (entry === undefined) return null
    const children = boxesIn(entry.body.subarray(78)).map(({ type: name, body: inner }) =>
      box(name, inner, name === 'avcC' ? Buffer.from('fdf8f800', 'hex') : Buffer.alloc(0)),
    )
    return box('stsd', body.subarray(0, 8), box('avc1', entry.body.subarray(0, 78), ...children))
  })
}

/** Says that the samples go to the end of the file (0), or a few bytes beyond it. The samples come last. */
export function withSampleBytes(file: Buffer, more: number | 'to the end'): Buffer {
  const changed = Buffer.from(file)
  const at = file.lastIndexOf('mdat') - 4
  changed.writeUInt32BE(more === 'to the end' ? 0 : file.readUInt32BE(at) + more, at)
  return changed
}
