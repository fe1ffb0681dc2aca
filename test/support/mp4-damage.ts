/** Whole numbers below a limit, the same ones for the same seed. */
export type Random = (below: number) => number

/** Park and Miller's generator: a case can be had again by its seed. */
export function randomFrom(seed: number): Random {
  let state = (seed % 2_147_483_646) + 1
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

/** Boxes that hold boxes, with the bytes that come before these. */
const CONTAINERS: Readonly<Record<string, number>> = {
  moov: 0,
  trak: 0,
  edts: 0,
  mdia: 0,
  minf: 0,
  dinf: 0,
  stbl: 0,
  moof: 0,
  traf: 0,
  dref: 8,
  stsd: 8,
  avc1: 78,
  hvc1: 78,
  hev1: 78,
  mp4a: 28,
}

interface Place {
  start: number
  end: number
}

/** Where an undamaged file's boxes lie, those inside others too; sizes that can't be are left out. */
function places(bytes: Buffer, { start, end }: Place = { start: 0, end: bytes.length }): Place[] {
  const found: Place[] = []
  for (let at = start; at + 8 <= end; ) {
    const size = bytes.readUInt32BE(at)
    const box = { start: at, end: at + size }
    if (size < 8 || box.end > end) break
    const before = CONTAINERS[bytes.toString('latin1', at + 4, at + 8)]
    const inner = before === undefined ? [] : places(bytes, { start: at + 8 + before, end: box.end })
    found.push(box, ...inner)
    at = box.end
  }
  return found
}

/** One file damaged in one to three ways: bytes, numbers, sizes that lie, boxes that are gone, twice, another's, or cut short. */
export function damaged(original: Buffer, donor: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(original)
  for (let changes = 1 + random(3); changes > 0; changes--) bytes = damage(bytes, donor, random)
  return bytes
}

const NUMBERS = [0, 1, 2, 7, 8, 15, 16, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

type Damage = (bytes: Buffer, box: Place, random: Random, donor: Buffer) => Buffer

const damages: readonly Damage[] = [
  function otherByte(bytes, box, random) {
    bytes[within(box, 1, random)] = random(256)
    return bytes
  },
  function flippedBit(bytes, _, random) {
    const at = random(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
    return bytes
  },
  function otherNumber(bytes, box, random) {
    const at = Math.min(within(box, 4, random), bytes.length - 4)
    bytes.writeUInt32BE(NUMBERS[random(NUMBERS.length)] ?? 0, at)
    return bytes
  },
  function absurdSize(bytes, { start }, random) {
    bytes.writeUInt32BE(NUMBERS[random(NUMBERS.length)] ?? 0, start)
    return bytes
  },
  function wrongSize(bytes, { start, end }, random) {
    bytes.writeUInt32BE(Math.max(0, end - start + random(33) - 16), start)
    return bytes
  },
  function cutShort(bytes, _, random) {
    return bytes.subarray(0, random(bytes.length))
  },
  function boxGone(bytes, { start, end }) {
    return spliced(bytes, start, end)
  },
  function boxTwice(bytes, { start, end }) {
    return spliced(bytes, end, end, bytes.subarray(start, end))
  },
  function boxOfAnother(bytes, { start, end }, random, donor) {
    const others = places(donor)
    const other = others[random(others.length)] ?? { start: 0, end: 0 }
    return spliced(bytes, start, end, donor.subarray(other.start, other.end))
  },
  function bytesGoneOrTooMany(bytes, box, random) {
    const at = within(box, 1, random)
    return spliced(bytes, at, Math.min(bytes.length, at + random(9)), Buffer.alloc(random(9)))
  },
]

function damage(bytes: Buffer, donor: Buffer, random: Random): Buffer {
  if (bytes.length < 16) return bytes
  const boxes = places(bytes)
  const box = boxes[random(boxes.length || 1)] ?? { start: 0, end: bytes.length }
  return damages[random(damages.length)]?.(bytes, box, random, donor) ?? bytes
}

function within({ start, end }: Place, length: number, random: Random): number {
  return start + random(Math.max(1, end - start - length))
}

function spliced(bytes: Buffer, start: number, end: number, ...parts: Buffer[]): Buffer {
  return Buffer.concat([bytes.subarray(0, start), ...parts, bytes.subarray(end)])
}
