import { rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { MAIN, newMachine } from '../support/cli.ts'
import { FILM, lastOf, only, startServices } from '../support/services.ts'
import { canMount, mountSmallDisk } from '../support/small-disk.ts'
import { startWeb } from '../support/web.ts'

vi.setConfig({ testTimeout: 240_000 })

const MB = 1_000_000

test('with less room than is asked for no film is begun, and everybody is told why', async () => {
  const { machine, env, fal } = await startServices(onTestFinished)
  const program = await newMachine(MAIN)
  onTestFinished(() => program.remove())
  const full = { ...only(env, 'DATABASE_URL', 'FAL', 'OPENAI'), MIN_FREE_DISK_MB: '100000000' }
  const { address } = await startWeb(program, { ...full, DATA_DIR: machine.dataDir, DEFAULT_LOCALE: 'en' })
  const headers = { 'content-type': 'application/json', 'accept-language': 'en' }
  const body = JSON.stringify({ prompt: 'a fox', segments: 2, seconds: 4 })
  const answer = await fetch(`${address}/api/generate`, { method: 'POST', headers, body })
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(await answer.json()).toMatchObject({
    code: 'disk_low',
    detail: expect.stringContaining('100000000 MB have to be'),
  })
  const command = await machine.run(FILM, { DEFAULT_LOCALE: 'en' })
  expect(command).toMatchObject({ code: 2, stdout: expect.stringContaining('no room') })
  const ready = await fetch(`${address}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining('low disk')])
  expect(fal.seen).toEqual([])
})

/** A film whose first clip waits at the provider’s door, on a disk of 40 MB that holds nothing else; `fill` leaves so many MB free. */
async function filmOnSmallDisk() {
  const services = await startServices(onTestFinished)
  const { machine, fal } = services
  const disk = mountSmallDisk(machine.dataDir, 40)
  onTestFinished(() => disk.unmount())
  const env = { ...only(services.env, 'DATABASE_URL', 'FAL', 'OPENAI'), MIN_FREE_DISK_MB: '20' }
  const clip = fal.hold('download')
  const running = machine.start(FILM, env)
  await clip.arrived
  const filler = join(machine.dataDir, 'filler')
  return {
    ...{ services, env, running, clip },
    async fill(left: number) {
      const { bavail, bsize } = await statfs(machine.dataDir)
      await writeFile(filler, Buffer.alloc(bavail * bsize - left * MB))
    },
    empty: () => rm(filler),
  }
}

test.skipIf(!canMount())(
  'a disk that fills up takes no new film, and the one that is made is finished',
  async () => {
    const { services, env, running, clip, fill, empty } = await filmOnSmallDisk()
    await fill(10)
    clip.release()
    expect((await running.ended).code).toBe(0)
    const low = await services.machine.run(FILM, env)
    expect(low).toMatchObject({ code: 2, stdout: expect.stringMatching(/\b\d MB are free/) })
    expect(services.paid()).toEqual([1, 1])
    await empty()
    expect((await services.machine.run(FILM, env)).code).toBe(0)
  },
)

test.skipIf(!canMount())(
  'a disk that is full to the last byte fails a film, which goes on when there is room, and pays nothing twice',
  async () => {
    const { services, env, running, clip, fill, empty } = await filmOnSmallDisk()
    await fill(0)
    clip.release()
    const ended = await running.ended
    expect(ended.code).toBe(1)
    const { job_id: id, message } = lastOf(ended.json)
    expect(message).toContain('The disk is full')
    expect(services.paid()).toEqual([1, 0])
    await empty()
    expect((await services.machine.run(['--resume', id, '--json'], env)).code).toBe(0)
    expect(services.paid()).toEqual([1, 1])
  },
)
