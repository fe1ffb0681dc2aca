import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** The server's end of a WebSocket (RFC 6455) that carries JSON. */
export interface WebSocketEnd {
  send(message: unknown): void
  /** Says goodbye with a code. */
  close(code: number): void
  /** Breaks the connection off without a word. */
  destroy(): void
}

/** Takes a WebSocket. `closed` is called once, however it ends. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  on: { message(message: unknown): void; closed(): void },
): WebSocketEnd {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  let pending = Buffer.alloc(0)

  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    for (let frame = frameOf(pending); frame; frame = frameOf(pending)) {
      pending = pending.subarray(frame.size)
      if (frame.opcode === 1) on.message(JSON.parse(frame.payload.toString()))
      if (frame.opcode === 9) write(10, frame.payload)
      if (frame.opcode === 8) socket.end(framed(8, frame.payload))
    }
  })
  // the server's sockets stay half open: the end of the other side is the end
  socket.on('end', () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => on.closed())

  function write(opcode: number, payload: Buffer): void {
    if (socket.writable) socket.write(framed(opcode, payload))
  }

  return {
    send: (message) => write(1, Buffer.from(JSON.stringify(message))),
    close(code) {
      const payload = Buffer.alloc(2)
      payload.writeUInt16BE(code)
      write(8, payload)
    },
    destroy: () => socket.destroy(),
  }
}

/** The first frame of what a client has sent, once it is whole. A client's frames are masked, and small enough to be one. */
function frameOf(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | null {
  if (bytes.length < 2) return null
  const short = bytes.readUInt8(1) & 127
  const head = short === 126 ? 4 : short === 127 ? 10 : 2
  if (bytes.length < head + 4) return null
  const length =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
  const size = head + 4 + length
  if (bytes.length < size) return null
  const mask = bytes.subarray(head, head + 4)
  const payload = Buffer.from(bytes.subarray(head + 4, size).map((byte, i) => byte ^ (mask[i % 4] ?? 0)))
  return { opcode: bytes.readUInt8(0) & 15, payload, size }
}

function framed(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head.writeUInt8(128 | opcode, 0)
  head.writeUInt8(length < 126 ? length : length < 65_536 ? 126 : 127, 1)
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}
