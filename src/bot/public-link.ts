import { lookup as resolve } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Addresses that only mean something on this machine or in its networks. IANA's special-purpose registries (RFC 6890). */
const INSIDE = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  INSIDE.addSubnet(net, bits, 'ipv4')
}
for (const [net, bits] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  INSIDE.addSubnet(net, bits, 'ipv6')
}

/** Whether an IP address is one of the internet's, and none of this machine's own networks. */
export function isPublicAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return isPublicAddress(mapped)
  const family = isIP(address)
  return family !== 0 && !/^::ffff:/i.test(address) && !INSIDE.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Opens a link that somebody gave: by HTTPS, at the usual port, at a public address alone, and without following anywhere else. The name
 * is looked up once, and what was checked is what is connected to. `signal` ends it. Rejects with the reason.
 */
export async function openPublicLink(link: string, signal: AbortSignal): Promise<IncomingMessage> {
  const url = URL.parse(link)
  if (url === null || url.protocol !== 'https:' || url.port !== '' || url.username !== '') {
    throw new Error('not a plain https link')
  }
  const literal = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal) !== 0 && !isPublicAddress(literal)) throw new Error(`${literal} is not public`)
  return new Promise((fulfil, reject) => {
    get(url, { lookup: publicLookup, signal }, fulfil).on('error', reject)
  })
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { all: true }).then(
    (found) => {
      const inside = found.find(({ address }) => !isPublicAddress(address))
      const [first] = found
      if (inside !== undefined || first === undefined) {
        callback(new Error(`${hostname} is not public`), '', 0)
      } else if (options.all) callback(null, found)
      else callback(null, first.address, first.family)
    },
    (error) => callback(error, '', 0),
  )
}
