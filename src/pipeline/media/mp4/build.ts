/** One box of an MP4: size, type, body. */
export function box(type: string, ...body: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + body.reduce((sum, part) => sum + part.length, 0), 0)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, ...body])
}

/** A box with version and flags in front of its body. */
export function fullBox(
  type: string,
  version: number,
  flags: number,
  ...body: readonly Uint8Array[]
): Buffer {
  return box(type, u32(version * 0x1000000 + flags), ...body)
}

/** 32-bit unsigned numbers. Throws a `RangeError` where one is too large. */
export function u32(...values: readonly number[]): Buffer {
  return u32List(values)
}

/** The same for a list that may be too long to be spread over arguments. */
export function u32List(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, i * 4)
  })
  return bytes
}

/** 64-bit unsigned numbers, as a list like `u32List`. */
export function u64List(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, i) => {
    bytes.writeBigUInt64BE(BigInt(value), i * 8)
  })
  return bytes
}

/** 16-bit unsigned numbers. */
export function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, i) => {
    bytes.writeUInt16BE(value, i * 2)
  })
  return bytes
}

/** Equal values that follow one another as (count, value) pairs. */
export function runs(values: readonly number[]): [count: number, value: number][] {
  const pairs: [number, number][] = []
  for (const value of values) {
    const last = pairs.at(-1)
    if (last?.[1] === value) last[0] += 1
    else pairs.push([1, value])
  }
  return pairs
}
