import { randomBytes, randomUUID } from 'node:crypto'
import { access, constants, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { userError } from '../core/errors.ts'

/** The folder that holds everything a process keeps, while this process is the only one to have it; or one of several, where it is shared. */
export interface DataDir {
  path: string
  /** 32 random bytes that stay with the folder: what its links are signed with. */
  secret: Buffer
  /** What the command line proves itself by to the process that holds the folder; made anew by each. */
  token: string
  /** Notes at which address this process can be spoken to. */
  announce(address: string): Promise<void>
  release(): void
}

/** Who holds a folder, or shares it and said so last; `address` and `token` where it can be spoken to. */
interface Holder {
  pid: number
  since: string
  address?: string
  token?: string
}

const HOLDER = 'holder.json'
const SECRET = 'secret'

/**
 * Opens the data folder, making it where it is missing, for this process alone. PGlite doesn't guard its files:
 * two processes on one folder lose committed rows.
 *
 * The guard is a lock of the operating system (SQLite's exclusive lock on an empty file), which ends with the
 * process that holds it however that process ends. A lock file with a process id would have to be judged stale,
 * and in a container every process is number 1. See docs/adr/0002-lock-of-the-data-folder.md.
 *
 * `shared`: no lock is taken, and the one that announces itself last is spoken to: for processes that have all they share in a database
 * server.
 *
 * Throws `data_dir_unwritable` and `data_dir_locked`.
 */
export async function openDataDir(folder: string, { shared = false } = {}): Promise<DataDir> {
  const path = resolve(folder)
  try {
    await makeFolder(path)
    await access(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw userError('data_dir_unwritable', { path, reason: reasonOf(error) })
  }
  const token = randomBytes(32).toString('base64url')
  const holder: Holder = { pid: process.pid, since: new Date().toISOString() }
  const file = join(path, HOLDER)
  const announce = (address: string, part?: string) =>
    writePrivately(file, JSON.stringify({ ...holder, address, token }), part)
  if (shared) {
    // none is written: which one counts is for the database to say
    const secret = (await keptSecret(path)) ?? randomBytes(32)
    return {
      ...{ path, secret, token, release() {} },
      // another may announce itself at the same moment
      announce: (address) => announce(address, `${file}.${randomUUID()}.part`),
    }
  }
  const lock = await takeLock(path)
  try {
    await writePrivately(file, JSON.stringify(holder))
    return {
      ...{ path, secret: await secretOf(path), token, release: () => lock.close() },
      announce: (address) => announce(address),
    }
  } catch (error) {
    lock.close()
    throw userError('data_dir_unwritable', { path, reason: reasonOf(error) })
  }
}

/** Where the process that holds a folder can be spoken to, and its token; null where it has not said, or nobody ever held the folder. */
export async function doorOf(folder: string): Promise<{ address: string; token: string } | null> {
  const { address, token } = await readHolder(resolve(folder))
  return address === undefined || token === undefined ? null : { address, token }
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
    const { pid, since } = await readHolder(path)
    throw userError('data_dir_locked', { path, pid, since })
  }
}

/** SQLITE_BUSY, https://sqlite.org/rescode.html#busy */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}

async function readHolder(path: string): Promise<Holder> {
  // the holder writes its name just after it has taken the lock, so the file may be a moment late
  const text = await readFile(join(path, HOLDER), 'utf8').catch(() => '')
  try {
    const { pid, since, ...door }: Holder = JSON.parse(text)
    return { ...door, pid: Number(pid), since: String(since) }
  } catch {
    return { pid: 0, since: '?' }
  }
}

async function secretOf(path: string): Promise<Buffer> {
  const kept = await keptSecret(path)
  if (kept !== null) return kept
  const secret = randomBytes(32)
  await writePrivately(join(path, SECRET), secret)
  return secret
}

async function keptSecret(path: string): Promise<Buffer | null> {
  const kept = await readFile(join(path, SECRET)).catch(() => null)
  return kept?.length === 32 ? kept : null
}

/** Writes a file that its owner alone may read: whole, or not there. */
async function writePrivately(file: string, content: string | Buffer, part = `${file}.part`): Promise<void> {
  // made anew: the mode counts only for a file that isn't there yet
  await rm(part, { force: true })
  const written = await open(part, 'wx', 0o600)
  try {
    await written.writeFile(content)
    await written.sync()
  } finally {
    await written.close()
  }
  await rename(part, file)
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
