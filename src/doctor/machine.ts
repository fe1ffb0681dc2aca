import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reasonOf, UserError, userError } from '../core/errors.ts'
import type { Disk, ObjectStore } from '../core/ports.ts'
import { type Check, type Finding, found } from './finding.ts'
import type { ClockSample } from './services.ts'

/** A clock that is further off than this spoils signed requests, tokens and links. In milliseconds. */
const CLOCK_MAX_MS = 30_000

/** What is found by `look`, or the error that it throws. */
export async function looked(check: Check, look: () => Promise<Finding | Finding[]>): Promise<Finding[]> {
  try {
    return [await look()].flat()
  } catch (error) {
    if (error instanceof UserError) return [{ check, state: 'wrong', error: error.detail }]
    return [found(check, 'wrong', 'failed', { reason: reasonOf(error) })]
  }
}

/** Whether there is room for a film. `least` in bytes. */
export async function examineDisk(disk: Disk, least: number): Promise<Finding> {
  const free = await disk.free()
  if (free < least)
    return { check: 'disk', state: 'wrong', error: userError('disk_low', { free, least }).detail }
  const [have, need] = [Math.floor(free / 1e6), Math.ceil(least / 1e6)]
  return found('disk', 'right', 'disk_enough', { free: have, least: need })
}

/** Puts a small object, reads it back and removes it. */
export async function examineStorage(objects: ObjectStore, where: string): Promise<Finding> {
  const folder = await mkdtemp(join(tmpdir(), 'sora-doctor-'))
  const key = `films/doctor-${randomUUID()}.mp4`
  const start = Date.now()
  try {
    const file = join(folder, 'object')
    const content = randomUUID()
    await writeFile(file, content)
    await objects.put(key, file, { contentType: 'video/mp4', signal: AbortSignal.timeout(30_000) })
    const parts: Uint8Array[] = []
    for await (const part of await objects.read(key)) parts.push(part)
    await objects.remove(key)
    if (Buffer.concat(parts).toString() !== content) throw new Error('what was read is not what was put')
    return found('storage', 'right', 'storage_works', { where, ms: Date.now() - start })
  } catch (error) {
    return found('storage', 'wrong', 'storage_fails', { where, reason: reasonOf(error) })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** This machine's clock beside those that were read: the middle one counts, so that one wrong server doesn't. */
export function examineClock(samples: readonly ClockSample[]): Finding {
  const inOrder = samples.toSorted((a, b) => a.behindMs - b.behindMs)
  const middle = inOrder[Math.floor(inOrder.length / 2)]
  if (middle === undefined) return found('clock', 'off', 'clock_unknown', {})
  const about = { seconds: (-middle.behindMs / 1000).toFixed(1), host: middle.host }
  const right = Math.abs(middle.behindMs) <= CLOCK_MAX_MS
  return right ? found('clock', 'right', 'clock_right', about) : found('clock', 'wrong', 'clock_wrong', about)
}
