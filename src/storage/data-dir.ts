import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { userError } from '../core/errors.ts'

/** The folder that holds everything a single process keeps, while this process is the only one to have it. */
export interface DataDir {
  path: string
  /** 32 random bytes that stay with the folder: what its links are signed with. */
  secret: Buffer
  release(): void
}

const HOLDER = 'holder.json'

/**
 * Opens the data folder, making it where it is missing, for this process alone. PGlite doesn't guard its files:
 * two processes on one folder lose committed rows.
 *
 * The guard is a lock of the operating system (SQLite's exclusive lock on an empty file), which ends with the
 * process that holds it however that process ends. A lock file with a process id would have to be judged stale,
 * and in a container every process is number 1. See docs/adr/0002-lock-of-the-data-folder.md.
 *
 * Throws `data_dir_unwritable` and `data_dir_locked`.
 */
export async function openDataDir(folder: string): Promise<DataDir> {
  const path = resolve(folder)
  try {
    await makeFolder(path)
    await access(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw userError('data_dir_unwritable', { path, reason: reasonOf(error) })
  }
  const lock = await takeLock(path)
  try {
    const holder = { pid: process.pid, since: new Date().toISOString() }
    await writeFile(join(path, HOLDER), JSON.stringify(holder))
    return { path, secret: await secretOf(path), release: () => lock.close() }
  } catch (error) {
    lock.close()
    throw userError('data_dir_unwritable', { path, reason: reasonOf(error) })
  }
}

/** Node's own recursive `mkdir` never returns where a folder that is there can't hold another, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path)
  if (!(await isFolder(path)) && parent !== path && !(await isFolder(parent))) await makeFolder(parent)
  await mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
    if (!(await isFolder(path))) throw error
  })
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function takeLock(path: string): Promise<DatabaseSync> {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(path, 'lock'))
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock?.close()
    if (!isBusy(error)) throw userError('data_dir_unwritable', { path, reason: reasonOf(error) })
    throw userError('data_dir_locked', { path, ...(await holderOf(path)) })
  }
}

/** SQLITE_BUSY, https://sqlite.org/rescode.html#busy */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}

async function holderOf(path: string): Promise<{ pid: number; since: string }> {
  // the holder writes its name just after it has taken the lock, so the file may be a moment late
  const text = await readFile(join(path, HOLDER), 'utf8').catch(() => '')
  try {
    const holder: { pid: number; since: string } = JSON.parse(text)
    return { pid: Number(holder.pid), since: String(holder.since) }
  } catch {
    return { pid: 0, since: '?' }
  }
}

async function secretOf(path: string): Promise<Buffer> {
  const file = join(path, 'secret')
  const kept = await readFile(file).catch(() => null)
  if (kept?.length === 32) return kept
  const secret = randomBytes(32)
  // made anew: the mode counts only for a file that isn't there yet
  await rm(`${file}.part`, { force: true })
  const part = await open(`${file}.part`, 'wx', 0o600)
  try {
    await part.writeFile(secret)
    await part.sync()
  } finally {
    await part.close()
  }
  await rename(`${file}.part`, file)
  return secret
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
