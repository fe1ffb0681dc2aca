import { NotPlainMp4 } from './box.ts'

/** The kind of sound a film has: AAC-LC in packets of 1024 samples. `sampleRate` in Hz. */
export interface SoundFormat {
  sampleRate: number
  channels: 1 | 2
}

/** Samples in one AAC-LC packet. */
export const AAC_PACKET = 1024

/** Sampling frequency indices: ISO/IEC 14496-3, 1.6.3.4. */
export const SAMPLE_RATES: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
]

/** The audio object type: ISO/IEC 14496-3, 1.5.1.1. */
export const AAC_LC = 2

/** The AudioSpecificConfig out of an `esds` body (ISO/IEC 14496-14, 5.6; descriptors: 14496-1, 7.2.6). */
export function readEsds(esds: Buffer): Buffer {
  // After version and flags, descriptors within descriptors: ES (3) > DecoderConfig (4) > DecoderSpecificInfo (5).
  const es = descriptor(esds.subarray(4), 3)
  if ((es.readUInt8(2) & 0xe0) !== 0) throw new NotPlainMp4('An elementary stream that depends on another')
  return descriptor(descriptor(es.subarray(3), 4).subarray(13), 5)
}

/** AAC-LC in mono or stereo; null for any other kind of AAC. */
export function readAudioConfig(config: Buffer): SoundFormat | null {
  if (config.length < 2) return null
  const bits = config.readUInt16BE(0)
  const sampleRate = SAMPLE_RATES[(bits >> 7) & 15]
  const channels = (bits >> 3) & 15
  // frameLengthFlag, dependsOnCoreCoder, extensionFlag: any of them makes packets of another kind.
  if (bits >> 11 !== AAC_LC || (bits & 7) !== 0 || sampleRate === undefined) return null
  // A sync extension (0x2b7, type 5) with its flag set announces HE-AAC in the manner that old players ignore.
  if (config.length >= 5 && config.readUInt16BE(2) === 0x56e5 && (config.readUInt8(4) & 0x80) !== 0)
    return null
  return channels === 1 || channels === 2 ? { sampleRate, channels } : null
}

/** The AudioSpecificConfig of a format. */
export function audioConfig(format: SoundFormat): Buffer {
  const config = Buffer.alloc(2)
  config.writeUInt16BE(
    (AAC_LC << 11) | (SAMPLE_RATES.indexOf(format.sampleRate) << 7) | (format.channels << 3),
  )
  return config
}

/**
 * A packet of silence, written out by ISO/IEC 14496-3, 4.4.2: one element (single channel: 000, channel pair: 001
 * with a common window) with max_sfb 0, so without sections, scale factors and spectrum; then the end (111).
 */
export function silentPacket(channels: 1 | 2): Buffer {
  return Buffer.from(channels === 1 ? [0, 0, 0, 0x07] : [0x21, 0, 0, 0, 0, 0x1c])
}

function descriptor(bytes: Buffer, tag: number): Buffer {
  if (bytes.readUInt8(0) !== tag) throw new NotPlainMp4(`No descriptor ${tag} in esds`)
  let length = 0
  let offset = 1
  let byte: number
  do {
    byte = bytes.readUInt8(offset++)
    length = length * 128 + (byte & 0x7f)
  } while ((byte & 0x80) !== 0 && offset < 5)
  if (length > bytes.length - offset) throw new NotPlainMp4(`Descriptor ${tag} is longer than its box`)
  return bytes.subarray(offset, offset + length)
}
