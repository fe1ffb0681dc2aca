import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { UserError } from '../../../src/core/errors.ts'
import { type FfmpegCommand, findFfmpeg, MediaError } from '../../../src/pipeline/media/ffmpeg.ts'
import { ffmpeg, testFolder } from '../../support/clips.ts'

const folder = await testFolder()

function endlessClip(output: string): FfmpegCommand {
  return { inputs: [{ source: 'testsrc=rate=24', options: ['-f', 'lavfi'] }], options: [], output }
}

/** A shell script in ffmpeg's place. */
async function standIn(name: string, body: string) {
  const path = join(folder, name)
  await writeFile(
    path,
    `#!/bin/sh\n[ "$1" = -version ] && echo "ffmpeg version 0 stand-in" && exit\n${body}\n`,
  )
  await chmod(path, 0o755)
  return findFfmpeg(path)
}

test('an installation without ffmpeg says everything that was tried', async () => {
  const failure = await findFfmpeg('/nowhere/ffmpeg').catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(UserError)
  expect(failure).toMatchObject({
    detail: { code: 'ffmpeg_missing', data: { tried: ['FFMPEG_PATH=/nowhere/ffmpeg'] } },
  })
})

test('paths with spaces, colons and percent signs are taken as they are', async () => {
  const output = join(folder, 'a b: 100%03d [x].png')
  await ffmpeg.run({ ...endlessClip(output), options: ['-frames:v', '1'] })
  expect((await readFile(output)).subarray(1, 4).toString()).toBe('PNG')
  const input = { source: output, options: ['-f', 'png_pipe'] }
  await expect(ffmpeg.run({ inputs: [input], options: [], output: null })).resolves.toBeDefined()
})

test('a failure carries the words and the command line of ffmpeg', async () => {
  const output = join(folder, 'never.mp4')
  const failure = await ffmpeg
    .run({ inputs: [{ source: '/nowhere.mp4' }], options: [], output })
    .catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(MediaError)
  expect(failure).toMatchObject({
    message: expect.stringContaining('/nowhere.mp4: No such file or directory'),
    command: expect.stringContaining('-i /nowhere.mp4'),
  })
})

test('a run that is aborted ends its process and leaves no file', async () => {
  const output = join(folder, 'aborted.mp4')
  await expect(ffmpeg.run(endlessClip(output), AbortSignal.timeout(300))).rejects.toThrow('timeout')
  expect((await readdir(folder)).filter((name) => name.startsWith('aborted'))).toEqual([])
})

test('a process is asked to end, and killed where it does not', async () => {
  const [pid, asked] = [join(folder, 'pid'), join(folder, 'asked')]
  const loop = `trap 'echo yes > "${asked}"' TERM; echo $$ > "${pid}"; while :; do sleep 0.1; done`
  const stubborn = await standIn('stubborn', loop)
  const stop = new AbortController()
  const ended = expect(stubborn.run(endlessClip('x.mp4'), stop.signal)).rejects.toThrow('enough')
  const running = await vi.waitUntil(async () => Number(await readFile(pid, 'utf8').catch(() => '')))
  stop.abort(new Error('enough'))
  await ended
  expect(await readFile(asked, 'utf8')).toBe('yes\n')
  expect(() => process.kill(running, 0)).toThrow('ESRCH')
})

test('a full disk is reported as that, whatever the exit code', async () => {
  for (const code of [0, 1]) {
    const full = await standIn(`full${code}`, `echo "x.mp4: No space left on device" >&2; exit ${code}`)
    await expect(full.run(endlessClip('/tmp/x.mp4'))).rejects.toMatchObject({
      detail: { code: 'disk_full', data: { path: '/tmp/x.mp4' } },
    })
  }
})

test('a run that writes nothing is an error though ffmpeg is content', async () => {
  const silent = await standIn('silent', 'exit 0')
  await expect(silent.run(endlessClip(join(folder, 'nothing.mp4')))).rejects.toThrow('wrote nothing')
})
