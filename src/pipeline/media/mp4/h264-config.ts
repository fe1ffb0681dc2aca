import { NotPlainMp4 } from './box.ts'

/** How a picture's YUV is meant: ITU-T H.273 code points. */
export interface Colour {
  primaries: number
  transfer: number
  matrix: number
  fullRange: boolean
}

/** What an `avcC` box says; `bytes` is its body. `parameterSets`: each SPS and PPS as it is, without a length in front. */
export interface AvcConfig {
  bytes: Buffer
  nalLengthSize: number
  parameterSets: readonly Buffer[]
  /** 4:2:0, 8 bits, progressive: what every player shows. */
  common: boolean
  colour: Colour | null
}

/** Profiles with `chroma_format_idc` in their SPS: ITU-T H.264, 7.3.2.1.1. */
const PROFILES_WITH_CHROMA = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])

/** Reads an `avcC` body (ISO/IEC 14496-15, 5.3.3). Throws `NotPlainMp4` where it holds no usable parameter sets. */
export function readAvcConfig(avcC: Buffer): AvcConfig {
  const parameterSets: Buffer[] = []
  let offset = 6
  const take = (count: number) => {
    for (let i = 0; i < count; i++) {
      const length = avcC.readUInt16BE(offset)
      const end = offset + 2 + length
      if (length === 0 || end > avcC.length) throw new NotPlainMp4('A parameter set longer than its box')
      parameterSets.push(avcC.subarray(offset + 2, end))
      offset = end
    }
  }
  take(avcC.readUInt8(5) & 0x1f)
  const sps = parameterSets[0]
  take(avcC.readUInt8(offset++))
  if (sps === undefined) throw new NotPlainMp4('No parameter sets beside the samples')
  return { bytes: avcC, nalLengthSize: (avcC.readUInt8(4) & 3) + 1, parameterSets, ...readSps(sps) }
}

/** Whether one description serves both: what follows the sets in an `avcC` differs between clips of one model (Veo) and says nothing new. */
export function haveSameSets(a: AvcConfig, b: AvcConfig): boolean {
  const [ours, theirs] = [a.parameterSets, b.parameterSets]
  const same = ours.length === theirs.length && ours.every((set, i) => theirs[i]?.equals(set) === true)
  return same && a.nalLengthSize === b.nalLengthSize
}

/** The parameter sets as they stand in a sample: each with its length in front. */
export function inBandParameterSets(config: AvcConfig): Buffer {
  const parts = config.parameterSets.flatMap((set) => {
    const length = Buffer.alloc(config.nalLengthSize)
    length.writeUIntBE(set.length, 0, config.nalLengthSize)
    return [length, set]
  })
  return Buffer.concat(parts)
}

/** ITU-T H.264, 7.3.2.1.1 and E.1.1. */
function readSps(nal: Buffer): { common: boolean; colour: Colour | null } {
  const bits = bitReader(withoutEmulationPrevention(nal))
  bits.skip(8)
  const profile = bits.read(8)
  bits.skip(16)
  bits.golomb()
  let chromaFormat = 1
  let bitDepth = 8
  if (PROFILES_WITH_CHROMA.has(profile)) {
    chromaFormat = bits.golomb()
    if (chromaFormat === 3) bits.skip(1)
    bitDepth = 8 + Math.max(bits.golomb(), bits.golomb())
    bits.skip(1)
    // Scaling matrices: nobody uses them, and they would have to be read whole to be passed over.
    if (bits.read(1) === 1) throw new NotPlainMp4('H.264 with scaling matrices')
  }
  bits.golomb()
  const orderType = bits.golomb()
  if (orderType === 0) bits.golomb()
  else if (orderType === 1) {
    bits.skip(1)
    bits.golomb()
    bits.golomb()
    const cycle = Math.min(bits.golomb(), 255)
    for (let i = 0; i < cycle; i++) bits.golomb()
  }
  bits.golomb()
  bits.skip(1)
  bits.golomb()
  bits.golomb()
  const progressive = bits.read(1) === 1
  if (!progressive) bits.skip(1)
  bits.skip(1)
  if (bits.read(1) === 1) for (let edge = 0; edge < 4; edge++) bits.golomb()
  const colour = bits.read(1) === 1 ? readVuiColour(bits) : null
  return { common: chromaFormat === 1 && bitDepth === 8 && progressive, colour }
}

function readVuiColour(bits: BitReader): Colour | null {
  const extendedAspect = 255
  if (bits.read(1) === 1 && bits.read(8) === extendedAspect) bits.skip(32)
  if (bits.read(1) === 1) bits.skip(1)
  if (bits.read(1) === 0) return null
  bits.skip(3)
  const fullRange = bits.read(1) === 1
  const unspecified = 2
  if (bits.read(1) === 0) {
    return { primaries: unspecified, transfer: unspecified, matrix: unspecified, fullRange }
  }
  return { primaries: bits.read(8), transfer: bits.read(8), matrix: bits.read(8), fullRange }
}

interface BitReader {
  read(count: number): number
  skip(count: number): void
  /** An unsigned Exp-Golomb code; a signed one takes the same bits. */
  golomb(): number
}

function bitReader(bytes: Buffer): BitReader {
  let position = 0
  const bit = () => {
    const value = (bytes.readUInt8(position >> 3) >> (7 - (position & 7))) & 1
    position += 1
    return value
  }
  const read = (count: number) => {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 2 + bit()
    return value
  }
  const golomb = () => {
    let zeros = 0
    while (bit() === 0) zeros += 1
    return 2 ** zeros - 1 + read(zeros)
  }
  const skip = (count: number) => {
    position += count
  }
  return { read, skip, golomb }
}

/** Inside a NAL unit 00 00 03 stands for 00 00. */
function withoutEmulationPrevention(nal: Buffer): Buffer {
  return Buffer.from(nal.filter((byte, i) => !(byte === 3 && i >= 2 && nal[i - 1] === 0 && nal[i - 2] === 0)))
}
