import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Removes what `isLeft` says of the files and folders in a folder, and in those below it, where nothing has been written to it for `ageMs`:
 * what a process left that was killed. Returns how many.
 */
export async function removeLeftovers(
  folder: string,
  isLeft: (name: string) => boolean,
  { ageMs, now }: { ageMs: number; now: number },
): Promise<number> {
  let removed = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (isLeft(entry.name)) {
      const found = await stat(path).catch(() => null)
      if (found === null || now - found.mtimeMs < ageMs) continue
      await rm(path, { recursive: true, force: true })
      removed += 1
    } else if (entry.isDirectory()) removed += await removeLeftovers(path, isLeft, { ageMs, now })
  }
  return removed
}
