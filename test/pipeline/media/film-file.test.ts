import { existsSync, statSync, truncateSync } from 'node:fs'
import { readdir, truncate, writeFile } from 'node:fs/promises'
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
