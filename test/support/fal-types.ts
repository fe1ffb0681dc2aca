import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const declarations = readFileSync(
  createRequire(import.meta.url)
    .resolve('@fal-ai/client')
    .replace(/index\.js$/, 'types/endpoints.d.ts'),
  'utf8',
)

/**
 * What fal's own client (types of April 2026) has against an input: a judge that we didn't write. Null where it doesn't
 * know the endpoint. It reads the flat declarations that the client's generator writes, and nothing else of TypeScript.
 */
export function judgedByClient(endpoint: string, input: Record<string, unknown>): string[] | null {
  const name = new RegExp(`"${endpoint.replaceAll('.', '\\.')}": \\{\\s*input: (\\w+);`).exec(
    declarations,
  )?.[1]
  if (name === undefined) return null
  const fields = fieldsOf(name)
  const missing = [...fields]
    .filter(([key, { optional }]) => !optional && !(key in input))
    .map(([key]) => `${key} is missing`)
  const wrong = Object.entries(input).flatMap(([key, value]) => {
    const field = fields.get(key)
    if (!field) return [`${key} is unknown`]
    return field.types.some((type) => isOfType(value, type)) ? [] : [`${key} is ${JSON.stringify(value)}`]
  })
  return [...missing, ...wrong]
}

function fieldsOf(name: string): Map<string, { optional: boolean; types: string[] }> {
  const alias = new RegExp(`^export type ${name} = (\\w+);`, 'm').exec(declarations)?.[1]
  if (alias !== undefined) return fieldsOf(alias)
  const body = new RegExp(`^export type ${name} = \\{\\n([\\s\\S]*?)^\\};`, 'm').exec(declarations)?.[1]
  if (body === undefined) throw new Error(`the client declares no ${name}`)
  const fields = body.matchAll(/^ {4}(\w+)(\??): ([^;]+);/gm)
  return new Map(
    [...fields].map(([, key = '', optional, types = '']) => [
      key,
      { optional: optional === '?', types: types.split('|').map((type) => type.trim()) },
    ]),
  )
}

function isOfType(value: unknown, type: string): boolean {
  return type.startsWith('"') ? JSON.stringify(value) === type : typeof value === type
}
