import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Schema } from 'ts-json-schema-generator'

/** The bodies that are judged, by the name of their type in discord-api-types. */
const BODIES = {
  callback: 'RESTPostAPIInteractionCallbackJSONBody',
  message: 'RESTPostAPIChannelMessageJSONBody',
  'message edit': 'RESTPatchAPIChannelMessageJSONBody',
  'follow-up': 'RESTPostAPIInteractionFollowupJSONBody',
  'answer edit': 'RESTPatchAPIInteractionOriginalResponseJSONBody',
  commands: 'RESTPutAPIApplicationCommandsJSONBody',
  command: 'RESTPostAPIApplicationCommandsJSONBody',
  'command edit': 'RESTPatchAPIApplicationCommandJSONBody',
  'dm channel': 'RESTPostAPICurrentUserCreateDMChannelJSONBody',
} as const

/** A kind of body that a bot sends to Discord. */
export type BodyKind = keyof typeof BODIES

const fromHere = createRequire(import.meta.url)
const types = dirname(createRequire(fromHere.resolve('discord.js')).resolve('discord-api-types/v10'))
const { version } = JSON.parse(readFileSync(join(types, 'package.json'), 'utf8')) as { version: string }

/** To make the schemas takes seconds: they are kept among temporary files, by the version of the types. */
const kept = join(tmpdir(), `sora-discord-schemas-${version}-5.json`)
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const validators = new Map<BodyKind, ValidateFunction>()

/** What is wrong with a body's shape; empty where nothing is. A field that Discord doesn't know is wrong too. */
export function shapeComplaints(kind: BodyKind, body: unknown): string[] {
  const validate = validatorOf(kind)
  return validate(body) ? [] : [...new Set(deepest(validate.errors ?? []).map(told))]
}

/** Gets the schemas ready where they aren't yet, so that no deadline has to wait for it. */
export async function prepareSchemas(): Promise<void> {
  if (!existsSync(kept)) await make()
  for (const kind of Object.keys(BODIES) as BodyKind[]) validatorOf(kind)
}

function validatorOf(kind: BodyKind): ValidateFunction {
  const known = validators.get(kind)
  if (known) return known
  if (!ajv.getSchema('discord')) ajv.addSchema(JSON.parse(readFileSync(kept, 'utf8')), 'discord')
  const made = ajv.compile({ $ref: `discord#/definitions/${BODIES[kind]}` })
  validators.set(kind, made)
  return made
}

async function make(): Promise<void> {
  // it brings a TypeScript of its own: loaded where it is needed alone
  const { createGenerator } = await import('ts-json-schema-generator')
  const folder = `${kept}.${process.pid}`
  cpSync(types, folder, { recursive: true, filter: (path) => !/\.(m?js|map)$/.test(path) })
  // this mapped type adds `| undefined`, which JSON doesn't have, and the generator loses primitive types in it
  const internals = join(folder, 'utils/internals.d.ts')
  const mapped = /(export type _AddUndefinedToPossiblyUndefinedPropertiesOfInterface<Base> = )\{[^}]*\}/
  const text = readFileSync(internals, 'utf8')
  if (!mapped.test(text)) throw new Error(`discord-api-types ${version} has no such mapped type any more`)
  writeFileSync(internals, text.replace(mapped, '$1Base'))
  const tsconfig = join(folder, 'tsconfig.json')
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    types: [],
    strict: true,
    skipLibCheck: true,
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions }))
  const generator = createGenerator({
    path: join(folder, 'v10.d.ts'),
    tsconfig,
    skipTypeCheck: true,
    expose: 'all',
    additionalProperties: false,
  })
  const schemas = Object.values(BODIES).map((type) => generator.createSchema(type))
  const definitions = Object.assign({}, ...schemas.map((schema) => schema.definitions ?? {}))
  writeFileSync(`${folder}.json`, JSON.stringify(corrected({ definitions })))
  renameSync(`${folder}.json`, kept)
  rmSync(folder, { recursive: true })
}

/** What the generator can't say: flags are any sum of their bits, an id is a number in words, `T & {}` is `T`. */
function corrected(schema: Schema): Schema {
  for (const [name, definition] of Object.entries(schema.definitions ?? {})) {
    if (typeof definition !== 'object') continue
    if (name.endsWith('Flags')) {
      delete definition.enum
      Object.assign(definition, { type: 'integer', minimum: 0 })
    }
    if (name === 'Snowflake') definition.pattern = '^\\d+$'
  }
  const isEmpty = ({ properties }: Schema) => properties && Object.keys(properties).length === 0
  return JSON.parse(JSON.stringify(schema), (key, value) =>
    key === 'allOf' ? value.filter((part: Schema) => !isEmpty(part)) : value,
  )
}

/** A body fails in every branch of a union: the ones that came furthest say most. */
function deepest(errors: readonly ErrorObject[]): ErrorObject[] {
  const depth = ({ instancePath }: ErrorObject) => instancePath.split('/').length
  const most = Math.max(...errors.map(depth))
  return errors.filter((error) => depth(error) === most && error.keyword !== 'anyOf')
}

function told({ instancePath, message = '', params }: ErrorObject): string {
  const { additionalProperty } = params as { additionalProperty?: string }
  return `${instancePath || 'body'} ${message}${additionalProperty === undefined ? '' : ` (${additionalProperty})`}`
}
