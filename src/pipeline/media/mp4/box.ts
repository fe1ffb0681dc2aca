/** Bytes at known places: all that the reader wants of a file. `readAt` returns fewer bytes at the end of the file. */
export interface ByteSource {
  size: number
  readAt(offset: number, length: number): Promise<Buffer>
}

/** An MP4 that this reader does not take, though ffmpeg may: fragmented, several pictures, an unusual edit list. */
export class NotPlainMp4 extends Error {
  override readonly name = 'NotPlainMp4'
}

/** A file that ends before the bytes that its own tables name: nobody can read it whole. */
export class TruncatedMp4 extends Error {
  override readonly name = 'TruncatedMp4'
}

/** A file that says what no clip or film is, such as that it lasts for days: nobody should try to read it. */
export class ImplausibleMp4 extends Error {
  override readonly name = 'ImplausibleMp4'
}

/** One box inside another; `body` comes after size and type. */
export interface Box {
  type: string
  body: Buffer
}

/** A top-level box; `offset` is where its body starts in the file, `length` the body's length in bytes. */
export interface TopLevelBox {
  type: string
  offset: number
  length: number
}

/** More boxes than this in one container are not a film but an attack on memory. */
const BOXES_MAX = 10_000

/** Splits a container's body into its boxes. Throws `NotPlainMp4` where a size lies. */
export function boxesIn(body: Buffer): Box[] {
  const boxes: Box[] = []
  let offset = 0
  // Fewer than eight bytes are padding: QuickTime ends some containers with four zeros.
  while (body.length - offset >= 8) {
    const { type, headerLength, size } = boxHeader(body.subarray(offset, offset + 16), body.length - offset)
    if (size < headerLength) throw new NotPlainMp4(`Box ${type} claims ${size} bytes`)
    if (size > body.length - offset) throw new NotPlainMp4(`Box ${type} is longer than its container`)
    if (boxes.length === BOXES_MAX) throw new NotPlainMp4(`More than ${BOXES_MAX} boxes in one container`)
    boxes.push({ type, body: body.subarray(offset + headerLength, offset + size) })
    offset += size
  }
  return boxes
}

/** The only box of this type, or null. Throws `NotPlainMp4` where there are several. */
export function optionalBox(boxes: readonly Box[], type: string): Buffer | null {
  const found = boxes.filter((box) => box.type === type)
  if (found.length > 1) throw new NotPlainMp4(`${found.length} boxes of type ${type}`)
  return found[0]?.body ?? null
}

/** The only box of this type. Throws `NotPlainMp4` where there is none, or several. */
export function requiredBox(boxes: readonly Box[], type: string): Buffer {
  const body = optionalBox(boxes, type)
  if (body === null) throw new NotPlainMp4(`No box of type ${type}`)
  return body
}

/**
 * The file's own boxes, without their bodies. Behind the tables anything may follow: what is no box ends the list, and an `mdat` that claims
 * more bytes than there are ends with the file. Whether samples are missing is for the tables to say. Throws `TruncatedMp4` if the
 * file ends before its tables.
 */
export async function topLevelBoxes(source: ByteSource): Promise<TopLevelBox[]> {
  const boxes: TopLevelBox[] = []
  let offset = 0
  while (source.size - offset >= 8) {
    const remaining = source.size - offset
    const { type, headerLength, size } = boxHeader(await source.readAt(offset, 16), remaining)
    if (offset === 0 && !/^(ftyp|moov|mdat|free|skip|wide|styp|uuid)$/.test(type)) {
      throw new NotPlainMp4('Not an MP4 file')
    }
    const complete = size >= headerLength && size <= remaining
    const hasTables = boxes.some((box) => box.type === 'moov')
    if (!complete && hasTables && type !== 'mdat') break
    if (size < headerLength) throw new NotPlainMp4(`Box ${type} claims ${size} bytes`)
    if (!complete && !hasTables) {
      throw new TruncatedMp4(`Box ${type} wants ${size} bytes, the file has ${remaining}`)
    }
    if (boxes.length === BOXES_MAX) throw new NotPlainMp4(`More than ${BOXES_MAX} boxes in the file`)
    boxes.push({ type, offset: offset + headerLength, length: Math.min(size, remaining) - headerLength })
    offset += size
  }
  return boxes
}

/** ISO/IEC 14496-12, 4.2: size 1 means that 64 bits follow the type, size 0 that the box goes to the end. */
function boxHeader(bytes: Buffer, remaining: number): { type: string; headerLength: 8 | 16; size: number } {
  const type = bytes.toString('latin1', 4, 8)
  const size32 = bytes.readUInt32BE(0)
  if (size32 === 0) return { type, headerLength: 8, size: remaining }
  const headerLength = size32 === 1 ? 16 : 8
  const size = size32 === 1 ? Number(bytes.readBigUInt64BE(8)) : size32
  return { type, headerLength, size }
}
