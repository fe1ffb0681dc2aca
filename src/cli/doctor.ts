import type { Locale } from '../core/request.ts'
import type { Check, Finding, State } from '../doctor/finding.ts'
import { findingLine, text } from '../i18n/index.ts'
import { EXIT } from './exit.ts'

const SIGNS: Record<State, string> = { right: '✓', note: '!', off: '–', wrong: '✗' }

/** Tells what was found, a line each, and returns the exit code: 1 where something has to be put right. */
export function tellFindings(
  findings: readonly Finding[],
  { json, locale, write }: { json: boolean; locale: Locale; write: (line: string) => void },
): number {
  for (const finding of findings) {
    const message = findingLine(finding, locale)
    const name = (check: Check) => text(locale, `doctor.name.${check}`)
    if (json) write(JSON.stringify({ type: 'finding', ...finding, message }))
    else write(`${SIGNS[finding.state]} ${name(finding.check)}: ${message}`)
  }
  const count = findings.filter(({ state }) => state === 'wrong').length
  if (!json)
    write(count === 0 ? text(locale, 'doctor.all_right') : text(locale, 'doctor.some_wrong', { count }))
  return count === 0 ? EXIT.done : EXIT.failed
}
