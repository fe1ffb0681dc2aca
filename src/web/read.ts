import * as z from 'zod'
import { userError } from '../core/errors.ts'
import { type ModelList, parseRequest, type RequestInput, shown } from '../core/request.ts'
import type { generateBody, generateForm } from './schemas.ts'

/** What was sent, checked. Throws `option_invalid`, `option_unknown`, `request_invalid`. */
export function checked<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const read = schema.safeParse(given)
  if (read.success) return read.data
  return refuseIssue(read.error.issues[0], given, schema)
}

/** A film that was asked for by the API's names, and the picture that came with it. Throws what `parseRequest` throws. */
export function fieldsOf(
  given: unknown,
  schema: typeof generateBody | typeof generateForm,
  models: ModelList,
): { input: RequestInput; image: File | null } {
  const read = schema.safeParse(given)
  if (!read.success) {
    // what isn't possible at all is said as everywhere else; the rest is of a wrong type
    const {
      level_sound: levelSound,
      keep_clips: keepClips,
      ...fields
    } = z.record(z.string(), z.unknown()).catch({}).parse(given)
    const unknown = read.error.issues.find(({ code }) => code === 'unrecognized_keys')
    if (unknown === undefined) parseRequest({ ...fields, levelSound, keepClips }, models)
    return refuseIssue(unknown ?? read.error.issues[0], given, schema)
  }
  const { level_sound, keep_clips, ...rest } = read.data
  const { image = null, ...input } = { image: null, ...rest }
  const isOn = (flag: boolean | string | undefined) => flag === true || flag === 'true'
  return { input: { ...input, levelSound: isOn(level_sound), keepClips: isOn(keep_clips) }, image }
}

function refuseIssue(issue: z.core.$ZodIssue | undefined, given: unknown, schema: z.ZodType): never {
  if (issue?.code === 'unrecognized_keys') {
    const allowed = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
    throw userError('option_unknown', { given: shown(issue.keys[0]), allowed })
  }
  const [option] = issue?.path ?? []
  if (typeof option !== 'string') throw userError('request_invalid', { reason: shown(issue?.message ?? '') })
  const value = z.record(z.string(), z.unknown()).catch({}).parse(given)[option]
  throw userError('option_invalid', { option, given: shown(value), allowed: allowedOf(issue) })
}

/** What an issue says that is allowed. */
function allowedOf(issue: z.core.$ZodIssue | undefined): string[] {
  if (issue?.code === 'invalid_value') return issue.values.map(String)
  if (issue?.code === 'invalid_type') return [issue.expected]
  if (issue?.code === 'too_big') return [`≤ ${issue.maximum}`]
  if (issue?.code === 'too_small') return [`≥ ${issue.minimum}`]
  return issue?.code === 'invalid_format' && issue.pattern ? [issue.pattern] : []
}
