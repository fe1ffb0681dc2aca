import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Browser as Chromium, chromium, type Page } from 'playwright-core'

/** A running Chromium. */
export interface Browser {
  /** An empty page; the files of the folder are at `/` and their names. */
  open(): Promise<Page>
  close(): Promise<void>
}

/** Starts a Chromium without anything to show. */
export async function startChromium(): Promise<Chromium> {
  // The package brings the libraries that it needs, but unpacks them only where it takes itself to be at Amazon's.
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs22.x'
  const { default: packaged } = await import('@sparticuz/chromium')
  return chromium.launch({
    executablePath: await packaged.executablePath(),
    args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
  })
}

/**
 * Starts the Chromium of the development dependencies, which plays H.264 and AAC; its sound goes to no device. The files of `folder`
 * are served on loopback, in ranges as a player asks for them.
 */
export async function startBrowser(folder: string): Promise<Browser> {
  const browser = await startChromium()
  const server = createServer((request, response) => {
    const name = basename(request.url ?? '')
    if (name === '') response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>')
    // A player stops reading when it jumps: that is no failure.
    else sendFile(join(folder, name), request, response).catch(() => response.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  return {
    async open() {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${port}/`)
      return page
    },
    async close() {
      await browser.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function sendFile(path: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const { size } = await stat(path)
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
  const start = Number(range?.[1] ?? 0)
  const end = range?.[2] ? Number(range[2]) : size - 1
  response.writeHead(range ? 206 : 200, {
    'content-type': 'video/mp4',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
  })
  await pipeline(createReadStream(path, { start, end }), response)
}
