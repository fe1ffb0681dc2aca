/** Text by the characters that readers count. */
export const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** A direction that is set and not ended would turn what we write after it. */
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g

/** A text without the signs that would turn the direction of what follows it. */
export function withoutTurns(text: string): string {
  return text.replace(BIDI_CONTROLS, '')
}

/**
 * A text of at most `max` UTF-16 units, cut between characters as readers count them, with … in place of what is missing. `mend` puts
 * right what a cut may break.
 */
export function cut(text: string, max: number, mend: (text: string) => string = (whole) => whole): string {
  if (text.length <= max) return text
  let end = 0
  for (const { segment, index } of graphemes.segment(text)) {
    if (index + segment.length > max - 1) break
    end = index + segment.length
  }
  return `${mend(text.slice(0, end))}…`
}
