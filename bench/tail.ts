import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startFalServer } from '../test/support/fal-server.ts'
import { MODEL_CLIP, makeChain } from '../test/support/numbered-clips.ts'
import { commitOf } from './commit-of.ts'
import { median } from './median.ts'

/**
 * The end of a film: from the moment when the provider has sent the last byte of the last clip until the command line reports the film. Films
 * of 2, 4 and 10 segments of 8 s (720p24, 8.4 MB each), kept on this machine. With the folder of another version as an argument
 * (`git worktree add ../before <commit>`, and its packages installed) both take turns in one run.
 */
const SEGMENTS = [2, 4, 10]
const ROUNDS = 3
const [other] = process.argv.slice(2)

interface Version {
  name: string
  folder: string
}

const versions: Version[] = [
  ...(other === undefined ? [] : [{ name: `before (${commitOf(other)})`, folder: resolve(other) }]),
  { name: 'now', folder: fileURLToPath(new URL('..', import.meta.url)) },
]
const folder = await mkdtemp(join(tmpdir(), 'sora-tail-'))
try {
  const load = loadavg()[0]?.toFixed(1)
  const paths = await makeChain(join(folder, 'clip'), { ...MODEL_CLIP, count: Math.max(...SEGMENTS) })
  const clips = await Promise.all(paths.map((path) => readFile(path)))
  console.log(`Node ${process.versions.node}, medians of ${ROUNDS}, load ${load} at the start.\n`)
  console.log('| segments | version | last clip → film reported | by turns |')
  console.log('|---|---|---|---|')
  for (const segments of SEGMENTS) {
    const times = new Map<string, number[]>(versions.map(({ name }) => [name, []]))
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const version of versions)
        times.get(version.name)?.push(await tailOf(version, clips.slice(0, segments)))
    }
    for (const [name, all] of times) {
      const turns = all.map((ms) => ms.toFixed(0)).join(', ')
      console.log(`| ${segments} | ${name} | ${(median(all) / 1000).toFixed(2)} s | ${turns} ms |`)
    }
  }
} finally {
  await rm(folder, { recursive: true })
}

/** Makes a film by the command line of a version, from clips that lie ready at a provider. Returns milliseconds. */
async function tailOf(version: Version, clips: readonly Buffer[]): Promise<number> {
  const data = await mkdtemp(join(folder, 'data-'))
  const fal = await startFalServer({ outcome: { steps: [] } })
  const host = await serveClips(clips)
  fal.outcomes.push(
    ...clips.map((_, i) => ({ answer: { status: 200, body: { video: { url: `${host.url}/${i}.mp4` } } } })),
  )
  try {
    const reported = await runFilm(version, clips.length, {
      ...fal.env,
      MEDIA_HOSTS: host.name,
      DATA_DIR: data,
    })
    return reported - host.sentLast()
  } finally {
    await fal.close()
    host.close()
    await rm(data, { recursive: true, force: true })
  }
}

async function serveClips(clips: readonly Buffer[]) {
  let sent = Number.NaN
  const server = createServer(({ url = '' }, response) => {
    const index = Number.parseInt(url.slice(1), 10)
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': clips[index]?.length ?? 0 })
    response.end(clips[index], () => {
      if (index === clips.length - 1) sent = performance.now()
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  const name = `127.0.0.1:${address.port}`
  return { name, url: `http://${name}`, sentLast: () => sent, close: () => server.close() }
}

/** Resolves with the moment when the command line reports the film. */
function runFilm(version: Version, segments: number, env: Record<string, string>): Promise<number> {
  const { scripts } = JSON.parse(readFileSync(join(version.folder, 'package.json'), 'utf8'))
  const words = String(scripts.sora).split(' ').slice(1)
  const command = [
    'a lighthouse',
    '--segments',
    `${segments}`,
    '--seconds',
    '8',
    '--model',
    'wan-2.7',
    '--yes',
    '--json',
  ]
  const child = spawn(process.execPath, [...words, ...command], {
    cwd: version.folder,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  let reported = Number.NaN
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (Number.isNaN(reported) && said.includes('"type":"completed"')) reported = performance.now()
  })
  return new Promise((done, failed) => {
    child.on('close', (code) => {
      if (code === 0) done(reported)
      else failed(new Error(`the film failed:\n${said}`))
    })
  })
}
