import { once } from 'node:events'
import { createServer, type RequestListener, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { type ErrorDetail, userError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Locale } from '../core/request.ts'
import { refusalOf, statusOf } from './refusal.ts'

/** The address can't be listened on. */
export class AddressTaken extends Error {
  override readonly name = 'AddressTaken'
  readonly address: string

  constructor(address: string, options: ErrorOptions) {
    super(`can't listen on ${address}`, options)
    this.address = address
  }
}

/** A server that listens. */
export interface WebServer {
  /** Such as `http://127.0.0.1:3000`. */
  address: string
  /** Takes nothing new, lets answers that are under way end, and closes. */
  stop(): Promise<void>
}

const HEADERS_MAX = 16_384

/** How long the headers, and a whole request with a picture, may take to come, and how often that is looked at. Milliseconds. */
const PATIENCE = { headersTimeout: 15_000, requestTimeout: 120_000, connectionsCheckingInterval: 5000 }

/** How long answers may take to end when the server stops, in milliseconds. */
const DRAIN_MS = 2000

/** How long somebody is read to whose request was refused before it was whole, so that they see why. Milliseconds. */
const LINGER_MS = 1000

/**
 * Serves `fetch`, and passes what comes to one of `doors` on as it is: a chat's own library checks the bytes that were sent. Throws
 * `AddressTaken`.
 */
export async function startWebServer(deps: {
  host: string
  port: number
  fetch: (request: Request) => Response | Promise<Response>
  doors: (path: string) => RequestListener | null
  locale: Locale
  log: Log
}): Promise<WebServer> {
  const { host, port, log, locale } = deps
  const serve = getRequestListener(deps.fetch, { overrideGlobalObjects: false })
  const server = createServer({ ...PATIENCE, maxHeaderSize: HEADERS_MAX }, (request, response) => {
    const door = deps.doors((request.url ?? '').split('?')[0] ?? '')
    if (door !== null) return door(request, response)
    void serve(request, response)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    log.debug({ code: error.code }, 'a request could not be read')
    answerRaw(socket, faultOf(error), locale)
  })
  const name = (bound: number) => `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
  server.listen({ host, port })
  await once(server, 'listening').catch((cause) => {
    throw new AddressTaken(name(port).slice('http://'.length), { cause })
  })

  return {
    address: name((server.address() as AddressInfo).port),
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })])
      server.closeAllConnections()
      await closed
    },
  }
}

function faultOf({ code, message }: NodeJS.ErrnoException): ErrorDetail {
  if (code === 'HPE_HEADER_OVERFLOW') return userError('headers_too_large', { max: HEADERS_MAX }).detail
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return userError('request_too_slow', {}).detail
  return userError('request_invalid', { reason: code ?? message }).detail
}

/** Answers what never became a request. */
function answerRaw(socket: Socket, error: ErrorDetail, locale: Locale): void {
  const status = statusOf(error.code)
  const body = JSON.stringify(refusalOf(error, locale))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'x-content-type-options: nosniff',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // to close while bytes come in would reset the connection, and the answer with it
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
