import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a disk of so many MB in a folder, in memory. Needs root; whoever makes it takes it away. */
export function mountSmallDisk(folder: string, megabytes: number): { unmount(): void } {
  mkdirSync(folder, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', folder], { stdio: 'pipe' })
  // at once, whoever still has a file open there
  return { unmount: () => void execFileSync('umount', ['-l', folder]) }
}

/** Whether this process may do that here. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'mount-test-'))
  try {
    mountSmallDisk(folder, 1).unmount()
    return true
  } catch {
    return false
  } finally {
    rmdirSync(folder)
  }
}
