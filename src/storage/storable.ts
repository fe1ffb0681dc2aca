/**
 * A value as Postgres can keep it: its text and JSON types take neither NUL nor half a surrogate pair, which a provider's
 * words may hold and a cut in the middle of an emoji makes.
 */
export function storable<T>(value: T): T
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '')
  if (Array.isArray(value)) return value.map((item) => storable(item))
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, storable(item)]))
}
