import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { UserError } from '../../src/core/errors.ts'
import { doorOf, openDataDir } from '../../src/storage/data-dir.ts'

const root = await mkdtemp(join(tmpdir(), 'data-dir-test-'))
afterAll(() => rm(root, { recursive: true, force: true }))

let folders = 0
const newFolder = () => join(root, `data-${folders++}`)

const HOLD = `
  const { openDataDir } = await import(process.argv[1])
  await openDataDir(process.argv[2])
  console.log('open')
  setInterval(() => {}, 1000)
`

function spawnHolder(folder: string, stderr: 'inherit' | 'pipe'): ChildProcess {
  const module = new URL('../../src/storage/data-dir.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLD, module, folder], {
    stdio: ['ignore', 'pipe', stderr],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Another process that has the folder open. */
async function holder(folder: string): Promise<ChildProcess> {
  const child = spawnHolder(folder, 'inherit')
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the other process ended with ${code}`)
  })
  await Promise.race([child.stdout && once(child.stdout, 'data'), ended])
  ended.catch(() => {})
  return child
}

const refusal = (folder: string) =>
  openDataDir(folder).then(
    (opened) => {
      opened.release()
      throw new Error('it was opened')
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(UserError)
      return (error as UserError).detail
    },
  )

test('a folder that another process has open is refused, naming that process and since when', async () => {
  const folder = newFolder()
  const before = Date.now()
  const other = await holder(folder)
  const detail = await refusal(folder)
  expect(detail).toMatchObject({ code: 'data_dir_locked', data: { path: folder, pid: other.pid } })
  if (detail.code !== 'data_dir_locked') return
  expect(Date.parse(detail.data.since)).toBeGreaterThanOrEqual(before)
  expect(Date.parse(detail.data.since)).toBeLessThanOrEqual(Date.now())
})

test('a refused start leaves the other process’s hold, name and secret as they were', async () => {
  const folder = newFolder()
  const other = await holder(folder)
  const before = await Promise.all(['holder.json', 'secret'].map((name) => readFile(join(folder, name))))
  await refusal(folder)
  const detail = await refusal(folder)
  expect(detail).toMatchObject({ code: 'data_dir_locked', data: { pid: other.pid } })
  expect(await Promise.all(['holder.json', 'secret'].map((name) => readFile(join(folder, name))))).toEqual(
    before,
  )
})

test('after the holder was killed outright the next start just works', async () => {
  const folder = newFolder()
  for (let i = 0; i < 3; i++) {
    const other = await holder(folder)
    const ended = once(other, 'exit')
    other.kill('SIGKILL')
    await ended
    const opened = await openDataDir(folder)
    expect(opened.path).toBe(folder)
    opened.release()
  }
})

test('a folder is free again once it was released, and guarded within one process too', async () => {
  const folder = newFolder()
  const first = await openDataDir(folder)
  expect(await refusal(folder)).toMatchObject({ code: 'data_dir_locked', data: { pid: process.pid } })
  first.release()
  const second = await openDataDir(folder)
  expect(await refusal(folder)).toMatchObject({ code: 'data_dir_locked' })
  second.release()
})

test('of many starts at the same instant one gets the folder', async () => {
  const folder = newFolder()
  const starts = await Promise.allSettled(Array.from({ length: 8 }, () => openDataDir(folder)))
  const opened = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  for (const one of opened) one.release()
  expect(opened).toHaveLength(1)
  for (const start of starts) {
    if (start.status === 'rejected')
      expect(start.reason).toMatchObject({ detail: { code: 'data_dir_locked' } })
  }
})

test.each(['', '{', '\u0000\u0000'])(
  'a holder’s file that a crash left as %j still ends in a plain refusal',
  async (left) => {
    const folder = newFolder()
    const opened = await openDataDir(folder)
    onTestFinished(() => opened.release())
    await writeFile(join(folder, 'holder.json'), left)
    expect(await refusal(folder)).toMatchObject({
      code: 'data_dir_locked',
      data: { path: folder, pid: expect.any(Number), since: expect.any(String) },
    })
  },
)

test('a folder that is missing is made, with its parents, for this user alone', async () => {
  const folder = join(newFolder(), 'a', 'b')
  const opened = await openDataDir(folder)
  onTestFinished(() => opened.release())
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
})

test('a folder that can’t be used is told as such, with its path and why', async () => {
  const file = newFolder()
  await writeFile(file, '')
  const blocked = newFolder()
  await mkdir(join(blocked, 'lock'), { recursive: true })
  const secretBlocked = newFolder()
  await mkdir(join(secretBlocked, 'secret'), { recursive: true })
  for (const path of [file, join(file, 'below'), blocked, secretBlocked]) {
    expect(await refusal(path)).toMatchObject({
      code: 'data_dir_unwritable',
      data: { path, reason: expect.stringMatching(/\w/) },
    })
  }
})

// in a process of its own: one that never answers would go on in the background of the other tests
test.runIf(process.platform === 'linux')(
  'a folder where none can be made is told as such, not tried for ever',
  async () => {
    const child = spawnHolder('/proc/sora-extend', 'pipe')
    const said = child.stderr?.setEncoding('utf8').toArray()
    const [code] = await Promise.race([once(child, 'exit'), sleep(10_000, ['still trying'])])
    child.kill('SIGKILL')
    expect(code).toBe(1)
    expect((await said)?.join('')).toContain('data_dir_unwritable')
  },
)

test('a folder that could not be used is not held on to', async () => {
  const folder = newFolder()
  await mkdir(join(folder, 'secret'), { recursive: true })
  await refusal(folder)
  await rm(join(folder, 'secret'), { recursive: true })
  const opened = await openDataDir(folder)
  opened.release()
})

test('the secret stays with the folder, is its own, and nobody else may read it', async () => {
  const folder = newFolder()
  const first = await openDataDir(folder)
  first.release()
  expect(first.secret).toHaveLength(32)
  expect((await stat(join(folder, 'secret'))).mode & 0o777).toBe(0o600)
  const second = await openDataDir(folder)
  second.release()
  expect(second.secret.equals(first.secret)).toBe(true)
  const other = await openDataDir(newFolder())
  other.release()
  expect(other.secret.equals(first.secret)).toBe(false)
})

test('a secret that was cut short is made anew, whole and private', async () => {
  const folder = newFolder()
  await mkdir(folder)
  await writeFile(join(folder, 'secret'), 'short')
  await writeFile(join(folder, 'secret.part'), 'left by a crash')
  const opened = await openDataDir(folder)
  opened.release()
  expect(opened.secret).toHaveLength(32)
  expect(await readFile(join(folder, 'secret'))).toEqual(opened.secret)
  expect((await stat(join(folder, 'secret'))).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).not.toContain('secret.part')
})

test('where a process can be spoken to is known once it says so, to whoever may read the folder alone, and with a new token each time', async () => {
  const folder = newFolder()
  expect(await doorOf(folder)).toBeNull()
  const tokens: string[] = []
  for (const address of ['http://127.0.0.1:3000', 'http://127.0.0.1:4000']) {
    const opened = await openDataDir(folder)
    // what an earlier process said is gone
    expect(await doorOf(folder)).toBeNull()
    await opened.announce(address)
    const door = await doorOf(folder)
    expect(door).toEqual({ address, token: opened.token })
    expect((await stat(join(folder, 'holder.json'))).mode & 0o777).toBe(0o600)
    expect(await refusal(folder)).toMatchObject({ code: 'data_dir_locked', data: { pid: process.pid } })
    tokens.push(opened.token)
    opened.release()
  }
  expect(new Set(tokens).size).toBe(2)
})
