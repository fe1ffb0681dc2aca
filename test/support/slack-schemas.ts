import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'

type Fields = Record<string, unknown>

const fromHere = createRequire(import.meta.url)
const types = dirname(createRequire(fromHere.resolve('@slack/bolt')).resolve('@slack/types'))
const { version } = JSON.parse(readFileSync(join(types, '../package.json'), 'utf8')) as { version: string }

/** To make the schemas takes seconds: they are kept among temporary files, by the version of the types. */
const kept = join(tmpdir(), `sora-slack-schemas-${version}-1.json`)
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const validators = new Map<string, ValidateFunction>()

/** The names of the types whose `type` is this, such as `SectionBlock` for `section`. */
const named = new Map<string, string[]>()

/** Gets the schemas ready where they aren't yet, so that no deadline has to wait for it. */
export async function prepareSlackSchemas(): Promise<void> {
  if (!existsSync(kept)) await make()
  const { definitions } = JSON.parse(readFileSync(kept, 'utf8')) as { definitions: Record<string, Fields> }
  if (!ajv.getSchema('slack')) ajv.addSchema({ definitions }, 'slack')
  for (const [name, definition] of Object.entries(definitions)) {
    const [first = definition] = (definition.anyOf ?? []) as Fields[]
    const type = (first.properties as Record<string, Fields> | undefined)?.type?.const
    if (typeof type === 'string') named.set(type, [...(named.get(type) ?? []), name])
  }
}

/** What is wrong with the shape of a message's or a view's blocks, by @slack/types; empty where nothing is. An unknown field is wrong too. */
export function blockComplaints(blocks: unknown): string[] {
  if (!Array.isArray(blocks)) return ['blocks: no list']
  return blocks.flatMap((block: Fields, i) => {
    const complaints = complaintsOf(block, `blocks[${i}]`)
    // the types let any object be a task
    const tasks = block.type === 'plan' ? ((block.tasks ?? []) as Fields[]) : []
    return [...complaints, ...tasks.flatMap((task, n) => complaintsOf(task, `blocks[${i}].tasks[${n}]`))]
  })
}

/** The same for a modal. */
export function viewComplaints(view: Fields): string[] {
  return [...judged('ModalView', view, 'view'), ...blockComplaints(view.blocks)]
}

function complaintsOf(part: Fields, where: string): string[] {
  const names = named.get(String(part.type))
  if (names === undefined) return [`${where}: there is no ${part.type}`]
  const all = names.map((name) => judged(name, part, where))
  return all.find((complaints) => complaints.length === 0) ?? all[0] ?? []
}

function judged(name: string, value: unknown, where: string): string[] {
  let validate = validators.get(name)
  if (!validate) {
    validate = ajv.compile({ $ref: `slack#/definitions/${name}` })
    validators.set(name, validate)
  }
  if (validate(value)) return []
  return [...new Set(deepest(validate.errors ?? []).map((error) => `${where}${told(error)}`))]
}

async function make(): Promise<void> {
  // it brings a TypeScript of its own: loaded where it is needed alone
  const { createGenerator } = await import('ts-json-schema-generator')
  const folder = `${kept}.${process.pid}`
  cpSync(types, folder, { recursive: true, filter: (path) => !/\.(js|map)$/.test(path) })
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    types: [],
    strict: true,
    skipLibCheck: true,
  }
  const tsconfig = join(folder, 'tsconfig.json')
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions }))
  const generator = createGenerator({
    path: join(folder, 'index.d.ts'),
    tsconfig,
    skipTypeCheck: true,
    expose: 'all',
    additionalProperties: false,
  })
  const schemas = ['KnownBlock', 'ModalView'].map((type) => generator.createSchema(type))
  const definitions = Object.assign({}, ...schemas.map((schema) => schema.definitions ?? {}))
  writeFileSync(`${folder}.json`, JSON.stringify({ definitions }))
  renameSync(`${folder}.json`, kept)
  rmSync(folder, { recursive: true })
}

/** A value fails in every branch of a union: the ones that came furthest say most. */
function deepest(errors: readonly ErrorObject[]): ErrorObject[] {
  const depth = ({ instancePath }: ErrorObject) => instancePath.split('/').length
  const most = Math.max(...errors.map(depth))
  return errors.filter((error) => depth(error) === most && error.keyword !== 'anyOf')
}

function told({ instancePath, message = '', params }: ErrorObject): string {
  const { additionalProperty } = params as { additionalProperty?: string }
  return `${instancePath} ${message}${additionalProperty === undefined ? '' : ` (${additionalProperty})`}`
}
