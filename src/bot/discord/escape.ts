import { MOMENTS } from '../answer.ts'
import { cut as cutText, withoutTurns } from '../cut.ts'

/** Emphasis, code, spoilers, links, mentions and emoji by name; a backslash before any punctuation shows it as it is. */
const INLINE = /[\\*_`|<[\]@]|~(?!\d)|(?<!\d)~/g

/** Headings, small text, lists and quotes, which count at the beginning of a line. */
const AT_LINE_START = /^(\s*)([#>+-])/gm
const NUMBERED = /^(\s*\d+)([.)])(?=\s)/gm

/** An address becomes a link where this is whole. */
const ADDRESS = /:\/\//g

/** A text that Discord shows as it was written: no markdown, no mention, no link. */
export function escaped(text: string): string {
  return withoutTurns(text)
    .replace(INLINE, '\\$&')
    .replace(AT_LINE_START, '$1\\$2')
    .replace(NUMBERED, '$1\\$2')
    .replace(ADDRESS, ':\\//')
    .replace(MOMENTS, '<t:$1:T> (<t:$1:R>)')
}

/** The same on one line. */
export function escapedLine(text: string, max: number): string {
  return cut(escaped(text.replace(/\s+/g, ' ').trim()), max)
}

/** A text of at most `max` UTF-16 units, cut between characters as readers count them. */
export function cut(text: string, max: number): string {
  // a backslash that lost what it escapes would escape the …
  return cutText(text, max, (whole) => whole.replace(/(?<!\\)((?:\\\\)*)\\$/, '$1'))
}
