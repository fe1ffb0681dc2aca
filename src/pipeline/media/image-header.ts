/** What a picture's first bytes say. `orientation` is EXIF's: 1 upright, 2–8 mirrored or turned. */
export interface ImageHeader {
  format: 'png' | 'jpeg' | 'webp'
  width: number
  height: number
  orientation: number
}

/** Reads size and kind of a PNG, JPEG or WebP without decoding it; null for anything else. */
export function readImageHeader(bytes: Buffer): ImageHeader | null {
  try {
    return readPng(bytes) ?? readJpeg(bytes) ?? readWebp(bytes)
  } catch (error) {
    // A Buffer refuses to read past its end.
    if (error instanceof RangeError) return null
    throw error
  }
}

/** PNG, 5.2 and 11.2.2: signature, then IHDR. */
function readPng(bytes: Buffer): ImageHeader | null {
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n' || bytes.toString('latin1', 12, 16) !== 'IHDR') {
    return null
  }
  return { format: 'png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), orientation: 1 }
}

/** ITU-T T.81, B.1: segments up to the frame header (SOF), which holds the size. */
function readJpeg(bytes: Buffer): ImageHeader | null {
  if (bytes.readUIntBE(0, 3) !== 0xffd8ff) return null
  let orientation = 1
  let offset = 2
  for (;;) {
    if (bytes.readUInt8(offset) !== 0xff) return null
    const marker = bytes.readUInt8(offset + 1)
    if (marker === 0xff) {
      offset += 1
      continue
    }
    const length = bytes.readUInt16BE(offset + 2)
    const isFrameHeader = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrameHeader) {
      const [height, width] = [bytes.readUInt16BE(offset + 5), bytes.readUInt16BE(offset + 7)]
      return { format: 'jpeg', width, height, orientation }
    }
    if (marker === 0xe1)
      orientation = exifOrientation(bytes.subarray(offset + 4, offset + 2 + length)) ?? orientation
    if (length < 2) return null
    offset += 2 + length
  }
}

/** EXIF 2.3, 4.6.4: tag 0x0112 of the first directory of a TIFF. */
function exifOrientation(app1: Buffer): number | null {
  if (app1.toString('latin1', 0, 6) !== 'Exif\0\0') return null
  const tiff = app1.subarray(6)
  const little = tiff.toString('latin1', 0, 2) === 'II'
  const u16 = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  if (directory + 2 > tiff.length) return null
  const entries = u16(directory)
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + i * 12
    if (at + 12 > tiff.length) return null
    if (u16(at) === 0x0112) return u16(at + 8)
  }
  return null
}

/** WebP container: the canvas of VP8X, else the frame of VP8 (lossy, RFC 6386, 9.1) or VP8L (lossless). */
function readWebp(bytes: Buffer): ImageHeader | null {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WEBP') return null
  const size = webpSize(bytes)
  return size === null ? null : { format: 'webp', ...size, orientation: 1 }
}

function webpSize(bytes: Buffer): { width: number; height: number } | null {
  const data = 20
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: bytes.readUIntLE(data + 4, 3) + 1, height: bytes.readUIntLE(data + 7, 3) + 1 }
    case 'VP8 ':
      return { width: bytes.readUInt16LE(data + 6) & 0x3fff, height: bytes.readUInt16LE(data + 8) & 0x3fff }
    case 'VP8L': {
      const bits = bytes.readUInt32LE(data + 1)
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    default:
      return null
  }
}
