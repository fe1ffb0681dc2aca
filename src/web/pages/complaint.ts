import type { ErrorDetail } from '../../core/errors.ts'
import type { Locale } from '../../core/request.ts'
import { errorText, text } from '../../i18n/index.ts'

const FIELDS = [
  'prompt',
  'segments',
  'seconds',
  'resolution',
  'aspect',
  'model',
  'image',
  'crossfade',
] as const

/** A field of the form that an error can be about. */
export type Field = (typeof FIELDS)[number]

/** What is wrong with a filled-in form; `field` is null where it isn't one of its fields. */
export interface Complaint {
  field: Field | null
  message: string
}

/** An error's text begins with its option's name; beside the field that would be said twice. */
export function complaintOf(error: ErrorDetail, locale: Locale): Complaint {
  const said = errorText(error, locale)
  const name = said.split(':')[0]
  const field = FIELDS.find((one) => one === name) ?? null
  if (field === null) return { field, message: said }
  const message = said.slice(field.length + 1).trim()
  return { field, message: message.charAt(0).toLocaleUpperCase(locale) + message.slice(1) }
}

/** What the form calls a field. */
export function fieldName(field: Field, locale: Locale): string {
  return text(locale, `form.${field}`)
}
