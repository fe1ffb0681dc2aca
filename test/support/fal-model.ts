import { join } from 'node:path'
import { afterEach, beforeAll } from 'vitest'
import type { Log, RenderOrder, VideoModel } from '../../src/core/ports.ts'
import type { Pace } from '../../src/pipeline/video/fal/http.ts'
import { createFalModel, type FalDeps } from '../../src/pipeline/video/fal.ts'
import { createTrim } from '../../src/pipeline/video/trim.ts'
import { ffmpeg, testFolder } from './clips.ts'
import { type FalServer, type FalServerOptions, startFalServer } from './fal-server.ts'

export const never = new AbortController().signal
const QUICK: Partial<Pace> = {
  ...{ poll: 2, pollLongest: 4, pause: 2, tries: 3, patience: 2000 },
  ...{ retryAfterLongest: 50, timeout: 2000, unlisted: 20 },
}
/** The test file's folder, and a picture in it. */
export const folder = await testFolder()
export const frame = join(folder, 'frame.png')
const servers: FalServer[] = []
/** What was logged since the test began. */
export const logged: string[] = []

beforeAll(async () => {
  const still = { source: 'testsrc2=size=320x180:rate=1', options: ['-f', 'lavfi'] }
  await ffmpeg.run({ inputs: [still], options: ['-frames:v', '1', '-f', 'image2'], output: frame })
})

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
  logged.splice(0)
})

const write = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`)
const log: Log = { debug: write, info: write, warn: write, error: write }

/** A stand-in for fal, closed after the test, and the adapter that talks to it. */
export async function standIn(
  options: FalServerOptions = {},
  more: Partial<FalDeps> = {},
): Promise<{ fal: FalServer; model: VideoModel }> {
  const fal = await startFalServer({ clip: { seconds: 1, scale: 0.25 }, ...options })
  servers.push(fal)
  return { fal, model: modelAt(fal.deps, more) }
}

/** Another process's adapter, or one that is set up in another way. */
export function modelAt(deps: FalServer['deps'], more: Partial<FalDeps> = {}): VideoModel {
  const { pace, ...rest } = more
  return createFalModel({ ...deps, trim: createTrim(ffmpeg), log, pace: { ...QUICK, ...pace }, ...rest })
}

export const orderOf = (more: Partial<RenderOrder> = {}): RenderOrder => ({
  key: 'job/1/1',
  model: 'wan-2.7',
  prompt: 'A lighthouse at dusk.',
  seconds: 8,
  resolution: '720p',
  aspect: '16:9',
  firstFrame: frame,
  ...more,
})
