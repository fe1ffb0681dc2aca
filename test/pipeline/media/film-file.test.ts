import { existsSync, statSync, truncateSync } from 'node:fs'
import { readdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFilm } from '../../../src/pipeline/media/join/film-file.ts'
import type { FilmSample } from '../../../src/pipeline/media/mp4/film-plan.ts'
import { testFolder } from '../../support/clips.ts'

const folder = await testFolder()
const MB = 1024 * 1024

/** Writes a film `name` of two clips of 12 MB each; `meanwhile` is done between the two. Its promise, and what is there by the end. */
async function interrupted(name: string, signal: AbortSignal, meanwhile: (second: string) => void) {
  const film = join(folder, `${name}.mp4`)
  const clips = [join(folder, `one-${name}`), join(folder, `two-${name}`)]
  for (const clip of clips) {
    await writeFile(clip, '')
    await truncate(clip, 12 * MB)
  }
  const sample = { track: 'video', offset: 0, size: 12 * MB, inserted: null } as const
  let begun = false
  const second: FilmSample = {
    ...sample,
    source: 1,
    get inserted() {
      begun = statSync(`${film}.part`).size > 0 && !existsSync(film)
      meanwhile(clips[1] ?? '')
      return null
    },
  }
  const writing = writeFilm(film, Buffer.from('header'), [{ ...sample, source: 0 }, second], clips, signal)
  const failure = await writing.catch((error: unknown) => error)
  expect(begun).toBe(true)
  return { failure, left: (await readdir(folder)).filter((file) => file.startsWith(name)) }
}

test('a film that is half written when its job is stopped leaves nothing behind', async () => {
  const stop = new AbortController()
  const enough = new Error('enough')
  const { failure, left } = await interrupted('stopped', stop.signal, () => stop.abort(enough))
  expect(failure).toBe(enough)
  expect(left).toEqual([])
})

test('a clip that becomes shorter while it is copied ends the film in words, and leaves nothing of it', async () => {
  const { failure, left } = await interrupted('shrunk', new AbortController().signal, (clip) =>
    truncateSync(clip, 5 * MB),
  )
  expect(failure).toMatchObject({ name: 'MediaError', message: 'A clip became shorter while it was joined' })
  expect(left).toEqual([])
})

test('a film that nothing happens to is there, whole, and under its name alone', async () => {
  const { failure, left } = await interrupted('whole', new AbortController().signal, () => undefined)
  expect(failure).toBeUndefined()
  expect(left).toEqual(['whole.mp4'])
  expect(statSync(join(folder, 'whole.mp4')).size).toBe(24 * MB + 'header'.length)
})

/** Writes a film of one clip of 40 MB to a device, as the disk that fails. Returns the error, and the files left of the film. */
async function onDevice(name: string, device: string) {
  const film = join(folder, `${name}.mp4`)
  const clip = join(folder, `clip-${name}`)
  await writeFile(clip, '')
  await truncate(clip, 40 * MB)
  await symlink(device, `${film}.part`)
  const sample = { track: 'video', source: 0, offset: 0, size: 40 * MB, inserted: null } as const
  const { signal } = new AbortController()
  const failure = await writeFilm(film, Buffer.from('header'), [sample], [clip], signal).catch(
    (error: unknown) => error,
  )
  return { failure, left: (await readdir(folder)).filter((file) => file.startsWith(name)) }
}

const linux = process.platform === 'linux'

test.runIf(linux)('a full disk is reported as such, and nothing of the film is left', async () => {
  const { failure, left } = await onDevice('full', '/dev/full')
  expect(failure).toMatchObject({ detail: { code: 'disk_full' } })
  expect(left).toEqual([])
})

test.runIf(linux)('a sync that fails during the copy ends the film, and nothing of it is left', async () => {
  // The device takes every byte and refuses to sync.
  const { failure, left } = await onDevice('unsynced', '/dev/null')
  expect(failure).toMatchObject({ syscall: 'fdatasync' })
  expect(left).toEqual([])
})
