import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The way to a server, which can be shut as if the server were gone. */
export interface Gate {
  /** The server's address by this way. */
  url: string
  /** Cuts every connection, and lets none in. */
  shut(): Promise<void>
  open(): Promise<void>
}

/** A way to the server at `url`, whatever it speaks. */
export async function startGate(cleanup: (close: () => Promise<void>) => void, url: string): Promise<Gate> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((from) => {
    const to = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one)
      one
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(one)
          other.destroy()
        })
    }
    from.pipe(to).pipe(from)
  })

  async function listen(port: number): Promise<void> {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }

  async function shut(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }

  await listen(0)
  const { port } = server.address() as AddressInfo
  cleanup(shut)
  const way = new URL(url)
  way.port = String(port)
  return { url: way.href.replace(/\/$/, ''), shut, open: () => listen(port) }
}
