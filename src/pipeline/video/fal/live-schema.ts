import { ASPECTS } from '../../../core/request.ts'
import type { CatalogueModel } from '../catalogue-schema.ts'
import { isRecord } from './failure.ts'
import { type FalInput, inputOf, readOrder } from './input.ts'

/** One point in which the catalogue and fal's live schema of an endpoint don't agree. */
export interface Difference {
  model: string
  endpoint: string
  /** What differs, for whoever keeps the catalogue. */
  what: string
}

/**
 * Holds the catalogue against the schemas that fal serves at `GET {base}/api/openapi/queue/openapi.json?endpoint_id=…`:
 * every input that a permitted request can lead to must fit. Nothing is rendered or paid, and no key is sent.
 * Throws what `fetch` throws, and for an answer that is no schema.
 */
export async function differencesFromLive(
  catalogue: readonly CatalogueModel[],
  base: string,
): Promise<Difference[]> {
  const found: Difference[] = []
  for (const model of catalogue) {
    if (model.provider !== 'fal' || model.retired) continue
    for (const kind of ['text', 'image'] as const) {
      const endpoint = model.fal.endpoints[kind]
      if (endpoint === null) continue
      const document = await liveDocument(base, endpoint)
      const whats = document === null ? ['fal has no such endpoint'] : misfits(model, kind, document)
      for (const what of new Set(whats)) found.push({ model: model.id, endpoint, what })
    }
  }
  return found
}

async function liveDocument(base: string, endpoint: string): Promise<unknown> {
  const url = new URL(`${base.replace(/\/+$/, '')}/api/openapi/queue/openapi.json`)
  url.searchParams.set('endpoint_id', endpoint)
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) })
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`${url.host} answered ${response.status} for ${endpoint}`)
  return response.json()
}

type Schema = Record<string, unknown>

function misfits(
  model: CatalogueModel & { provider: 'fal' },
  kind: 'text' | 'image',
  document: unknown,
): string[] {
  const endpoint = model.fal.endpoints[kind]
  const path = at(document, 'paths', `/${endpoint}`)
  const schema = resolved(at(path, 'post', 'requestBody', 'content', 'application/json', 'schema'), document)
  const properties = schema.properties
  if (!isRecord(properties)) throw new Error(`fal serves no input schema for ${endpoint}`)
  const required = Array.isArray(schema.required) ? schema.required.map(String) : []
  const inputs = inputsOf(model, kind)
  const misfit = inputs.flatMap((input) => [
    ...required.filter((key) => !(key in input)).map((key) => `${key} is required, and not sent`),
    ...Object.entries(input).flatMap(([key, value]) => {
      if (!(key in properties)) return [`${key} is unknown to fal`]
      const fits = fitsSchema(value, resolved(properties[key], document), document)
      return fits
        ? []
        : [`${key}: ${JSON.stringify(value)} is not allowed (${allowedBy(properties[key], document)})`]
    }),
  ])
  const longest = resolved(properties.prompt, document).maxLength
  if (typeof longest === 'number' && longest < model.promptMax) {
    misfit.push(`prompt: at most ${longest} characters, not ${model.promptMax}`)
  }
  return misfit
}

/** Every input that the permitted requests lead to. */
function inputsOf(model: CatalogueModel & { provider: 'fal' }, kind: 'text' | 'image'): FalInput[] {
  const firstFrame = kind === 'text' ? null : 'frame.png'
  const frameUrl = kind === 'text' ? null : 'https://v3.fal.media/files/frame.png'
  return model.seconds.flatMap((seconds) =>
    model.resolutions.flatMap((resolution) =>
      ASPECTS.filter((aspect) => model.aspects.includes(aspect)).map((aspect) => {
        const about = { key: 'check', model: model.id, prompt: 'A lighthouse at dusk.' }
        return inputOf(readOrder([model], { ...about, seconds, resolution, aspect, firstFrame }), frameUrl)
      }),
    ),
  )
}

function fitsSchema(value: unknown, schema: Schema, document: unknown): boolean {
  const parts = (key: string) =>
    Array.isArray(schema[key]) ? schema[key].map((one) => resolved(one, document)) : []
  const any = [...parts('anyOf'), ...parts('oneOf')]
  if (any.length > 0 && !any.some((one) => fitsSchema(value, one, document))) return false
  if (!parts('allOf').every((one) => fitsSchema(value, one, document))) return false
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) return false
  const { type, minimum, maximum } = schema
  if (typeof type === 'string' && !hasType(value, type)) return false
  if (typeof value !== 'number') return true
  return (
    (typeof minimum !== 'number' || value >= minimum) && (typeof maximum !== 'number' || value <= maximum)
  )
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value)
  return type === (value === null ? 'null' : typeof value)
}

function allowedBy(property: unknown, document: unknown): string {
  const { title, description, examples, default: standard, ...rules } = resolved(property, document)
  return JSON.stringify(rules).slice(0, 200)
}

/** Follows `$ref`s within the document. */
function resolved(schema: unknown, document: unknown): Schema {
  let here = schema
  for (let steps = 0; isRecord(here) && typeof here.$ref === 'string' && steps < 10; steps += 1) {
    here = at(document, ...here.$ref.split('/').slice(1))
  }
  return isRecord(here) ? here : {}
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((here, key) => (isRecord(here) ? here[key] : undefined), value)
}
