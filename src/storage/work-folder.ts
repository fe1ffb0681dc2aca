import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkFolder } from '../core/ports.ts'

const OPENING = 'opening.png'

/** The files of running jobs below `root`, a folder for each job. */
export function createWorkFolder(root: string): WorkFolder {
  const of = (jobId: string, name: string) => join(root, jobId, name)
  const checkOf = (jobId: string) => of(jobId, 'film-check.json')
  const numbered = (segment: number) => String(segment).padStart(2, '0')
  return {
    clip: (jobId, segment) => of(jobId, `clip-${numbered(segment)}.mp4`),
    deliveredClip: (jobId, segment) => of(jobId, `clip-${numbered(segment)}-delivered.mp4`),
    lastFrame: (jobId, segment) => of(jobId, `last-frame-${numbered(segment)}.png`),
    opening: (jobId) => of(jobId, OPENING),
    film: (jobId) => of(jobId, 'film.mp4'),
    file: of,
    async create(jobId) {
      await mkdir(join(root, jobId), { recursive: true })
    },
    has: (path) =>
      stat(path).then(
        (found) => found.isFile(),
        () => false,
      ),
    size: async (path) => (await stat(path)).size,
    async readCheck(jobId) {
      const text = await readFile(checkOf(jobId), 'utf8').catch((error) => {
        if (error.code === 'ENOENT') return null
        throw error
      })
      return text === null ? null : JSON.parse(text)
    },
    async writeCheck(jobId, check) {
      const part = `${checkOf(jobId)}.part`
      await writeFile(part, JSON.stringify(check))
      await rename(part, checkOf(jobId))
    },
    jobs: () => readdir(root).catch(() => []),
    remove: (jobId) => rm(join(root, jobId), { recursive: true, force: true }),
    async removeButOpening(jobId) {
      for (const name of await readdir(join(root, jobId)).catch(() => [])) {
        if (name !== OPENING) await rm(of(jobId, name), { recursive: true, force: true })
      }
    },
  }
}
