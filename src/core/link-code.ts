import type { Identity, Linked } from './ports.ts'

/** How long a code works, in minutes. */
export const LINK_CODE_MINUTES = 10

/** How many wrong codes one person may give in an hour: of the 2⁴⁰ there are, nobody finds one that works. */
export const WRONG_CODES_PER_HOUR = 10

/** A code by which somebody takes their films from a chat to the web page; it works once. */
export interface LinkCode {
  /** As people read it: `7KQ2-M9XD`. */
  code: string
  expiresAt: Date
}

/** Digits and letters without those that are taken for others. crockford.com/base32.html */
const SIGNS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** How many random bytes a code is made of. */
export const LINK_CODE_BYTES = 8

/** The code of random bytes: five bits of each. */
export function linkCodeOf(bytes: Uint8Array): string {
  const signs = [...bytes].map((byte) => SIGNS[byte % SIGNS.length]).join('')
  return `${signs.slice(0, 4)}-${signs.slice(4)}`
}

/** A code as it was given, however somebody has typed it: in small letters, without its hyphen, with O for 0. */
export function readLinkCode(typed: string): string {
  const signs = typed.toUpperCase().replace(/[^0-9A-Z]/g, '')
  const meant = signs.replaceAll('O', '0').replace(/[IL]/g, '1')
  return `${meant.slice(0, 4)}-${meant.slice(4)}`
}

/** Makes the accounts of one person one, by a code that they carry from one to the other. */
export interface LinkStore {
  /** A new code for somebody; the one before works no more. */
  issue(identity: Identity): Promise<LinkCode>
  /**
   * Gives a user all that belongs to whoever the code was made for: jobs and other accounts, in one transaction. Whoever gave the code
   * before may give it again, and nothing more happens. Throws `link_code_invalid`, `link_limit`, and `link_taken` where it was made for
   * somebody who has an account of another kind already.
   */
  redeem(typed: string, userId: string): Promise<Linked>
}
