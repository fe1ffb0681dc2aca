import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createFilmLinks } from '../../src/storage/film-links.ts'

const DAY = 24 * 3600

function opened(path: string) {
  const { pathname, searchParams } = new URL(path, 'http://films.test')
  const [, , jobId = ''] = pathname.split('/')
  const [expires, signature] = [searchParams.get('expires') ?? '', searchParams.get('signature') ?? '']
  return { jobId, expires, signature }
}

test('a film’s address works until it expires, and after a restart', () => {
  let time = Date.parse('2026-11-24T12:00:00Z')
  const deps = { secret: randomBytes(32), now: () => time }
  const { jobId, ...query } = opened(createFilmLinks(deps).path(randomUUID(), 7 * DAY))
  expect(createFilmLinks(deps).check(jobId, query)).toBe('valid')
  time += 7 * DAY * 1000 - 1
  expect(createFilmLinks(deps).check(jobId, query)).toBe('valid')
  time += 1
  expect(createFilmLinks(deps).check(jobId, query)).toBe('expired')
})

test('one that was made up or changed is worth nothing, even when it has expired', () => {
  const now = Date.parse('2026-11-24T12:00:00Z')
  const links = createFilmLinks({ secret: randomBytes(32), now: () => now })
  const { jobId, expires, signature } = opened(links.path(randomUUID(), DAY))
  const others = createFilmLinks({ secret: randomBytes(32), now: () => now })
  const later = String(Number(expires) + 1)
  const tried = [
    links.check(randomUUID(), { expires, signature }),
    links.check(jobId, { expires: later, signature }),
    links.check(jobId, { expires: `${expires} `, signature }),
    links.check(jobId, { expires: `0${expires}`, signature }),
    links.check(jobId, { expires: '1', signature }),
    links.check(jobId, { expires, signature: '' }),
    links.check(jobId, { expires, signature: `${signature}=` }),
    links.check(jobId, {
      expires,
      signature: `${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : 'A'}`,
    }),
    others.check(jobId, { expires, signature }),
  ]
  expect(tried).toEqual(Array(tried.length).fill('wrong'))
})
