import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { userError } from '../../core/errors.ts'
import { IMAGE, type RequestInput } from '../../core/request.ts'
import type { FormValues } from './form.ts'

/** What a browser sends for a form. */
export type Sent = Record<string, string | File>

/** The form's values as they came. */
export function readValues(sent: Sent, otherwise: FormValues): FormValues {
  const read = (name: keyof FormValues) => {
    const value = sent[name]
    return typeof value === 'string' ? value : ''
  }
  const names = Object.keys(otherwise) as (keyof FormValues)[]
  const optional = (name: keyof FormValues) =>
    name === 'prompt' || name === 'levelSound' || name === 'keepClips'
  return Object.fromEntries(
    names.map((name) => [name, read(name) || (optional(name) ? '' : otherwise[name])]),
  ) as FormValues
}

/** What is asked for by these values. */
export function inputOf(values: FormValues): RequestInput {
  return { ...values, levelSound: values.levelSound !== '', keepClips: values.keepClips !== '' }
}

/** A picture that came with a form, as a file; `path` is null where none came. Throws `image_too_large`. */
export async function keepPicture({
  image,
}: Sent): Promise<{ path: string | null; remove(): Promise<void> }> {
  if (!(image instanceof File) || image.size === 0) return { path: null, remove: async () => {} }
  if (image.size > IMAGE.bytesMax)
    throw userError('image_too_large', { given: image.size, max: IMAGE.bytesMax })
  const folder = await mkdtemp(join(tmpdir(), 'sora-image-'))
  const path = join(folder, `image.${ENDINGS[image.type] ?? 'png'}`)
  await writeFile(path, image.stream())
  return { path, remove: () => rm(folder, { recursive: true, force: true }) }
}

const ENDINGS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
}

/** A job's id, made of whose it is and the key in the form: sent twice, a form makes one job, and nobody meets another's. */
export function jobIdOf(userId: string, key: string): string {
  const hex = createHash('sha256').update(`web/${userId}/${key}`).digest('hex')
  const [, a, b, c, d, e] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hex) ?? []
  // version 8 is for ids that are made in a way of one's own (RFC 9562)
  return `${a}-${b}-8${c}-8${d}-${e}`
}
