import { MOMENTS } from '../answer.ts'
import { cut, graphemes, withoutTurns } from '../cut.ts'

/** The three signs by which Slack marks mentions, links and dates. docs.slack.dev/messaging/formatting-message-text#escaping */
const SIGNS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** A text that Slack shows as it was written, cut to `max` UTF-16 units: no mention, no link. Emphasis is left to the block that it stands in. */
export function escaped(text: string, max: number): string {
  const plain = withoutTurns(text).replace(/[&<>]/g, (sign) => SIGNS[sign] ?? sign)
  // half of a sign's name would be shown as letters
  return cut(plain, max, (whole) => whole.replace(/&[a-z]*$/, ''))
}

/** The same in at most `count` parts of `max` each, for texts that one block can't take. */
export function escapedParts(text: string, max: number, count: number): string[] {
  const parts: string[] = []
  let rest = withoutTurns(text)
  while (parts.length < count - 1) {
    const part = wholeStart(rest, max)
    if (part === '' || part === rest) break
    parts.push(escaped(part, max))
    rest = rest.slice(part.length)
  }
  return [...parts, escaped(rest, max)]
}

/** As many of a text's first characters as fit when they are escaped. */
function wholeStart(text: string, max: number): string {
  let [length, taken] = [0, 0]
  for (const { segment, index } of graphemes.segment(text)) {
    taken += escaped(segment, Number.POSITIVE_INFINITY).length
    if (taken > max) break
    length = index + segment.length
  }
  return text.slice(0, length)
}

/** The same on one line. */
export function escapedLine(text: string, max: number): string {
  return escaped(text.replace(/\s+/g, ' ').trim(), max)
}

/** An escaped text with its moments by the reader's own clock, for blocks that take markup. docs.slack.dev/messaging/formatting-message-text#date-formatting */
export function withMoments(text: string): string {
  return text.replace(MOMENTS, (_, seconds) => {
    return `<!date^${seconds}^{time_secs} ({ago})|${new Date(Number(seconds) * 1000).toISOString()}>`
  })
}

/** What somebody typed into a command: Slack sends it escaped. */
export function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
