import { type Box, NotPlainMp4, optionalBox, requiredBox, TruncatedMp4 } from './box.ts'

/** A track's samples in decode order. Offsets and sizes in bytes, times in the track's timescale; `sync`: 1 for a sync sample. */
export interface SampleTable {
  count: number
  offsets: Float64Array
  sizes: Uint32Array
  dts: Float64Array
  durations: Uint32Array
  compositionOffsets: Int32Array
  sync: Uint8Array
}

/** Three hours of AAC packets. Above that the tables alone would take much memory. */
const SAMPLES_MAX = 500_000

/**
 * Unfolds the tables of a `stbl` box (ISO/IEC 14496-12, 8.6 and 8.7). Throws `NotPlainMp4` where the tables contradict each other
 * or samples overlap, `TruncatedMp4` where a sample lies beyond `fileSize`.
 */
export function readSampleTable(stbl: readonly Box[], fileSize: number): SampleTable {
  const sizes = readSizes(requiredBox(stbl, 'stsz'), fileSize)
  const count = sizes.length
  const { dts, durations } = readTimes(requiredBox(stbl, 'stts'), count)
  return {
    count,
    sizes,
    offsets: readOffsets(stbl, sizes, fileSize),
    dts,
    durations,
    compositionOffsets: readCompositionOffsets(optionalBox(stbl, 'ctts'), count),
    sync: readSyncSamples(optionalBox(stbl, 'stss'), count),
  }
}

/** The number of entries that a table really holds: `body` is version, flags and `count` at `at`, then the entries. */
function entryCount(body: Buffer, entryLength: number, at = 4): number {
  const count = body.readUInt32BE(at)
  if (count * entryLength > body.length - at - 4) {
    throw new NotPlainMp4(`A table claims ${count} entries in ${body.length} bytes`)
  }
  return count
}

function readSizes(stsz: Buffer, fileSize: number): Uint32Array {
  const shared = stsz.readUInt32BE(4)
  const count = shared === 0 ? entryCount(stsz, 4, 8) : stsz.readUInt32BE(8)
  if (count === 0 || count > SAMPLES_MAX) throw new NotPlainMp4(`A track of ${count} samples`)
  if (count * shared > fileSize) throw new TruncatedMp4(`${count} samples of ${shared} bytes in ${fileSize}`)
  const sizes = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const size = shared === 0 ? stsz.readUInt32BE(12 + i * 4) : shared
    if (size === 0) throw new NotPlainMp4(`Sample ${i} is empty`)
    sizes[i] = size
  }
  return sizes
}

function readTimes(stts: Buffer, count: number): { dts: Float64Array; durations: Uint32Array } {
  const dts = new Float64Array(count)
  const durations = new Uint32Array(count)
  let time = 0
  fillRuns(stts, count, (sample, duration) => {
    dts[sample] = time
    durations[sample] = duration
    time += duration
  })
  if (!Number.isSafeInteger(time)) throw new NotPlainMp4('A track without an end')
  return { dts, durations }
}

function readCompositionOffsets(ctts: Buffer | null, count: number): Int32Array {
  const offsets = new Int32Array(count)
  if (ctts !== null) {
    // Version 0 is unsigned by the standard; writers put negative offsets there all the same.
    fillRuns(ctts, count, (sample, value) => {
      offsets[sample] = value | 0
    })
  }
  return offsets
}

/** Unfolds (count, value) pairs, which must add up to all samples. */
function fillRuns(table: Buffer, count: number, set: (sample: number, value: number) => void): void {
  const entries = entryCount(table, 8)
  let sample = 0
  for (let entry = 0; entry < entries; entry++) {
    const end = sample + table.readUInt32BE(8 + entry * 8)
    if (end > count) throw new NotPlainMp4(`Times for ${end} samples of ${count}`)
    const value = table.readUInt32BE(12 + entry * 8)
    for (; sample < end; sample++) set(sample, value)
  }
  if (sample !== count) throw new NotPlainMp4(`Times for ${sample} samples of ${count}`)
}

function readSyncSamples(stss: Buffer | null, count: number): Uint8Array {
  if (stss === null) return new Uint8Array(count).fill(1)
  const sync = new Uint8Array(count)
  const entries = entryCount(stss, 4)
  for (let entry = 0; entry < entries; entry++) {
    const sample = stss.readUInt32BE(8 + entry * 4)
    if (sample < 1 || sample > count) throw new NotPlainMp4(`Sync sample ${sample} of ${count}`)
    sync[sample - 1] = 1
  }
  return sync
}

function readOffsets(stbl: readonly Box[], sizes: Uint32Array, fileSize: number): Float64Array {
  const chunkOffset = chunkOffsets(stbl)
  const stsc = requiredBox(stbl, 'stsc')
  const entries = entryCount(stsc, 12)
  const offsets = new Float64Array(sizes.length)
  let sample = 0
  let previousEnd = 0
  let nextFirstChunk = 1
  for (let entry = 0; entry < entries; entry++) {
    const at = 8 + entry * 12
    const firstChunk = stsc.readUInt32BE(at)
    const samplesPerChunk = stsc.readUInt32BE(at + 4)
    const lastChunk = entry + 1 < entries ? stsc.readUInt32BE(at + 12) - 1 : chunkOffset.count
    if (firstChunk !== nextFirstChunk || lastChunk < firstChunk || lastChunk > chunkOffset.count) {
      throw new NotPlainMp4('Chunks out of order')
    }
    if (stsc.readUInt32BE(at + 8) !== 1) throw new NotPlainMp4('More than one sample description')
    nextFirstChunk = lastChunk + 1
    for (let chunk = firstChunk; chunk <= lastChunk; chunk++) {
      let offset = chunkOffset.at(chunk - 1)
      if (samplesPerChunk === 0 || samplesPerChunk > sizes.length - sample) {
        throw new NotPlainMp4(`A chunk of ${samplesPerChunk} samples`)
      }
      // Rising offsets without overlap: a copy can't become larger than its source, and file order is decode order.
      if (offset < previousEnd) throw new NotPlainMp4('Samples overlap or are out of order')
      for (const end = sample + samplesPerChunk; sample < end; sample++) {
        offsets[sample] = offset
        offset += sizes[sample] ?? 0
      }
      previousEnd = offset
    }
  }
  if (sample !== sizes.length) throw new NotPlainMp4(`Places for ${sample} samples of ${sizes.length}`)
  if (previousEnd > fileSize) throw new TruncatedMp4(`Samples reach byte ${previousEnd} of ${fileSize}`)
  return offsets
}

function chunkOffsets(stbl: readonly Box[]): { count: number; at: (chunk: number) => number } {
  const stco = optionalBox(stbl, 'stco')
  if (stco !== null) return { count: entryCount(stco, 4), at: (chunk) => stco.readUInt32BE(8 + chunk * 4) }
  const co64 = requiredBox(stbl, 'co64')
  return { count: entryCount(co64, 8), at: (chunk) => Number(co64.readBigUInt64BE(8 + chunk * 8)) }
}
