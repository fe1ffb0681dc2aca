import type { Context, MiddlewareHandler } from 'hono'
import { userError } from '../core/errors.ts'
import { shown } from '../core/request.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

/** What a proxy adds for whoever is behind it. */
export const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip']

const SIGNED = /^\/(v|assets|objects)\//

/** Whether an address proves itself by a signature, and so may be asked for by anybody. */
export function isSigned(path: string): boolean {
  return SIGNED.test(path)
}

/**
 * A server for one answers whoever sits at its machine: not a page of another site that has its name lead here (DNS rebinding), and nobody
 * to whom a tunnel has opened it. Films by their signed links are for everybody.
 */
export const onlyFromHere: MiddlewareHandler = async (c, next) => {
  const host = c.req.header('host') ?? ''
  const isHere = LOOPBACK.test(host) && FORWARDED.every((name) => c.req.header(name) === undefined)
  if (!isHere && !isSigned(c.req.path)) throw userError('host_refused', { host: shown(host) })
  await next()
}

/** Throws `cross_site` where a browser says that another site has it change something here. */
export function refuseCrossSite(c: Context, publicUrl: string | null): void {
  const site = c.req.header('sec-fetch-site')
  if (site === 'same-origin' || site === 'none') return
  const origin = c.req.header('origin')
  // browsers say at least one of both with whatever changes something; programs say neither
  if (site === undefined && origin === undefined) return
  const own = URL.parse(origin ?? '')
  const host = (c.req.header('host') ?? '').toLowerCase()
  const isOwn = own !== null && (own.host === host || own.origin === URL.parse(publicUrl ?? '')?.origin)
  if (site !== undefined || !isOwn) throw userError('cross_site', {})
}
