import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '../support/cli.ts'
import { startSingleWeb } from '../support/single-web.ts'

const SEED = 20_261_124
const CASES = 1000

/** What is asked for at the same time. */
const AT_ONCE = 8

interface Media {
  schema?: object
}

interface Operation {
  parameters?: { name: string; in: string }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media> }>
}

interface ApiDocument {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

let address: string
let source: string
let document: ApiDocument
let jobId: string

// a hook that is registered within another is never run
const closes: (() => Promise<void>)[] = []
beforeAll(async () => {
  address = (await startSingleWeb((close) => void closes.unshift(close))).address
  source = await (await fetch(`${address}/api/openapi.json`)).text()
  document = JSON.parse(source)
  const asked = await fetch(`${address}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'a lighthouse', segments: 2, seconds: 4 }),
  })
  jobId = ((await asked.json()) as { job_id: string }).job_id
})
afterAll(async () => {
  for (const close of closes) await close()
})

test('a public linter has nothing to say against the document', async () => {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source, config })
  expect(
    problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`),
  ).toEqual([])
})

test('a thousand requests, sensible and mad, are all answered as the document says', async () => {
  const random = seededRandom(SEED)
  const pick = <T>(choices: readonly T[]) => choices[Math.floor(random() * choices.length)] as T
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const matches = matcherOf(document)
  const wrong: string[] = []
  const seen = new Set<string>()

  function make() {
    const { path, method, operation } = pick(operations)
    const id = () =>
      encodeURIComponent(pick([jobId, jobId, jobId.toUpperCase(), crypto.randomUUID(), ...WORDS]))
    const query = new URLSearchParams()
    const headers = new Headers({ 'accept-language': pick(['ko', 'en', 'xx', '*;q=0']) })
    for (const { name, in: place } of operation.parameters ?? []) {
      if (place === 'query' && random() < 0.6) query.set(name, pick(WORDS))
      if (place === 'header' && random() < 0.4) headers.set(name, pick(HEADER_VALUES))
    }
    const body = operation.requestBody === undefined ? null : bodyOf(pick, random)
    if (typeof body === 'string') headers.set('content-type', pick(TYPES))
    const url = `${address}${path.replace('{id}', id)}${query.size > 0 ? `?${query}` : ''}`
    return { path, operation, url, init: { method: method.toUpperCase(), headers, body } }
  }

  async function ask({ path, operation, url, init }: ReturnType<typeof make>): Promise<void> {
    // an event stream may go on for long: what it begins with is enough
    const enough = new AbortController()
    const answer = await fetch(url, { ...init, redirect: 'manual', signal: enough.signal })
    const where = `${init.method} ${url} ${String(init.body).slice(0, 100)} → ${answer.status}`
    seen.add(`${path} ${answer.status}`)
    if (answer.status >= 500) wrong.push(where)
    const said = operation.responses[answer.status] ?? operation.responses.default
    const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
    const media = said?.content?.[type]
    if (type === 'text/event-stream') {
      if (media === undefined) wrong.push(`${where} (${type})`)
      return enough.abort()
    }
    const text = await answer.text()
    if (text !== '' && media === undefined) wrong.push(`${where} (${type})`)
    if (type === 'application/json' && media?.schema && !matches(media.schema, JSON.parse(text))) {
      wrong.push(`${where}: ${text.slice(0, 300)}`)
    }
  }

  const left = Array.from({ length: CASES }, make)
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) await ask(one)
    }),
  )
  expect(wrong).toEqual([])
  // it would be no proof if all had been refused alike
  for (const { path } of operations)
    expect([...seen].filter((line) => line.startsWith(`${path} `))).not.toEqual([])
  expect(seen).toContain('/api/status/{id} 200')
  expect(seen).toContain('/api/status/{id} 404')
  expect(seen).toContain('/api/generate 400')
}, 120_000)

/** What finds its way into places where something else belongs. */
const WORDS = [
  '',
  '0',
  '-1',
  '1e9',
  '20',
  '101',
  'null',
  '..',
  '../..',
  '%',
  '%00',
  "' or 1=1 --",
  '<script>',
  '🎬',
  'ㄱ',
  'a'.repeat(2000),
]

/** The same where bytes of a header may stand. */
const HEADER_VALUES = [
  '',
  '0',
  '-1',
  'x',
  'bytes=0-1',
  'bytes=5-1',
  'bytes=-0',
  'bytes=99999999999-',
  '9'.repeat(300),
]

const TYPES = [
  'application/json',
  'application/json',
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'multipart/form-data',
  '',
]

const FIELDS = [
  'prompt',
  'segments',
  'seconds',
  'resolution',
  'aspect',
  'model',
  'crossfade',
  'level_sound',
  'code',
  '__proto__',
  'extra',
]

function bodyOf(pick: <T>(choices: readonly T[]) => T, random: () => number): string | FormData {
  const kind = random()
  if (kind < 0.1) return pick(['', '{', '[]', 'null', '"a"', '{"prompt":'])
  if (kind < 0.3) {
    const form = new FormData()
    for (const name of FIELDS) if (random() < 0.3) form.append(name, pick(WORDS))
    if (random() < 0.3) form.append('image', new Blob([pick(WORDS)]), 'a.png')
    return form
  }
  const values = [...WORDS, 0, 2, 4, 8, -1, 1.5, 1e308, true, null, [], {}, '720p', '16:9', 'local', 'sora-2']
  const chosen = FIELDS.filter(() => random() < 0.35).map((name) => [name, pick(values)])
  return JSON.stringify(Object.fromEntries(chosen))
}

/** Whether a value is what one of the document's schemas says. */
function matcherOf({ components }: ApiDocument): (schema: object, value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const compiled = new Map<object, ValidateFunction>()
  return (schema, value) => {
    const known = compiled.get(schema) ?? ajv.compile({ ...schema, components })
    compiled.set(schema, known)
    return known(value)
  }
}
