import { userError } from '../core/errors.ts'
import type { Disk } from '../core/ports.ts'

/** `minFreeDisk` in bytes: what must be free before anything new is begun, so that what runs can be finished. */
export interface DiskDeps {
  disk: Disk
  minFreeDisk: number
}

/** Throws `disk_low` where there is no room for another job. */
export async function checkDisk({ disk, minFreeDisk: least }: DiskDeps): Promise<void> {
  const free = await disk.free()
  if (free < least) throw userError('disk_low', { free, least })
}
