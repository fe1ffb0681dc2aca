import { execFileSync } from 'node:child_process'

/** The commit that a folder with another version stands at. */
export function commitOf(folder: string): string {
  return execFileSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
}
