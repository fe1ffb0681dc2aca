import { expect, test } from 'vitest'
import { isPublicAddress, openPublicLink } from '../../src/bot/public-link.ts'

test.each(['93.184.215.14', '8.8.8.8', '2606:2800:21f:cb07::1', '::ffff:8.8.8.8'])(
  '%s is on the internet',
  (address) => {
    expect(isPublicAddress(address)).toBe(true)
  },
)

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.31.0.1',
  '192.168.1.1',
  '0.0.0.0',
  '255.255.255.255',
  '::',
  '::1',
  'fd00::1',
  'fe80::1',
  'ff02::1',
  '64:ff9b::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  'localhost',
])('%s is not', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test.each([
  'http://example.com/a.png',
  'https://example.com:8443/a.png',
  'https://me:secret@example.com/a.png',
  'https://127.0.0.1/a.png',
  'https://[::1]/a.png',
  'https://2130706433/a.png',
  'https://localhost/a.png',
  'file:///etc/passwd',
  'a.png',
])('a link that leads inside, or is no plain https link, is never opened: %s', async (link) => {
  await expect(openPublicLink(link, new AbortController().signal)).rejects.toThrow(
    /not (public|a plain https link)/,
  )
})
