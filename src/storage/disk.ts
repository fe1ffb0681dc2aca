import { statfs } from 'node:fs/promises'
import type { Disk } from '../core/ports.ts'

/** The disk of a folder that is there. What is reserved for root doesn't count as free. */
export function createDisk(folder: string): Disk {
  return {
    async free() {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    },
  }
}
