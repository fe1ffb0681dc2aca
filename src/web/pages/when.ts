import { html } from 'hono/html'
import type { Locale } from '../../core/request.ts'
import type { Html } from './frame.ts'

/** How a moment is said: `date` with its day, `clock` to the second, `ago` as the distance to now. */
export type Manner = 'date' | 'clock' | 'ago'

/** A moment; in UTC, until the script says it by the reader's own clock. */
export function when(at: Date, locale: Locale, manner: Manner): Html {
  const style =
    manner === 'clock'
      ? { timeStyle: 'medium' as const }
      : { dateStyle: 'medium' as const, timeStyle: 'short' as const }
  const said = new Intl.DateTimeFormat(locale, { ...style, timeZone: 'UTC' }).format(at)
  return html`<time datetime="${at.toISOString()}" data-when="${manner}">${said} UTC</time>`
}
