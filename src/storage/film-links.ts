import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { FilmLinks } from '../core/ports.ts'

/** The films' signed addresses, by a key that is made of the data folder's secret; `now` in milliseconds. */
export function createFilmLinks({ secret, now }: { secret: Buffer; now: () => number }): FilmLinks {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'the pages of films', 32))
  const sign = (jobId: string, expires: string) =>
    createHmac('sha256', key).update(`${jobId}\n${expires}`).digest('base64url')

  return {
    path(jobId, seconds) {
      const expires = String(Math.floor(now() / 1000) + seconds)
      return `/v/${jobId}?${new URLSearchParams({ expires, signature: sign(jobId, expires) })}`
    },
    check(jobId, { expires, signature }) {
      // compared as text: base64url has several texts for the same bytes
      const [given, expected] = [Buffer.from(signature), Buffer.from(sign(jobId, expires))]
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'wrong'
      return Number(expires) * 1000 > now() ? 'valid' : 'expired'
    },
  }
}
