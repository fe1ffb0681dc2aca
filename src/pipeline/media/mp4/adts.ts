import { AAC_LC, SAMPLE_RATES, type SoundFormat } from './aac-config.ts'

/** Bytes of a header without a checksum: ISO/IEC 14496-3, 1.A.2. */
const HEADER = 7

/** The largest packet that a header can tell the length of, in bytes, the header included. */
const LENGTH_MAX = 0x1fff

/** AAC packets as a stream of their own, each behind a header that says what it is. */
export function toAdts(packets: readonly Buffer[], { sampleRate, channels }: SoundFormat): Buffer {
  const rate = SAMPLE_RATES.indexOf(sampleRate)
  return Buffer.concat(
    packets.flatMap((packet) => {
      const length = packet.length + HEADER
      if (length > LENGTH_MAX) throw new RangeError(`An AAC packet of ${packet.length} bytes`)
      const header = Buffer.from([
        0xff,
        0xf1,
        ((AAC_LC - 1) << 6) | (rate << 2) | (channels >> 2),
        ((channels & 3) << 6) | (length >> 11),
        (length >> 3) & 0xff,
        ((length & 7) << 5) | 0x1f,
        // any bit rate, one packet
        0xfc,
      ])
      return [header, packet]
    }),
  )
}

/** The packets of such a stream; what doesn't look like one ends it. */
export function fromAdts(stream: Buffer): Buffer[] {
  const packets: Buffer[] = []
  for (let at = 0; at + HEADER <= stream.length; ) {
    const [first = 0, second = 0, , high = 0, middle = 0, low = 0] = stream.subarray(at, at + HEADER)
    const length = ((high & 3) << 11) | (middle << 3) | (low >> 5)
    const header = (second & 1) === 1 ? HEADER : HEADER + 2
    if (first !== 0xff || length < header || at + length > stream.length) break
    packets.push(stream.subarray(at + header, at + length))
    at += length
  }
  return packets
}
