import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const known = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name)

/** The image's last stage, an instruction a line. */
const image = read('Dockerfile')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))

interface Service {
  command?: string[]
  profiles?: string[]
  environment: Record<string, string>
  volumes: string[]
}

const compose: { services: Record<string, Service> } = parse(read('compose.yaml'), { merge: true })

test('the image takes in what is there and isn’t ignored, and runs as somebody who isn’t root', () => {
  const ignore = read('.dockerignore').split('\n')
  const copied = image.filter((line) => line.startsWith('COPY') && !line.includes('--from'))
  const sources = copied.flatMap((line) => line.split(' ').slice(1, -1))
  expect(sources).toContain('src')
  for (const source of sources) {
    expect(existsSync(new URL(`../${source}`, import.meta.url)), source).toBe(true)
    expect(ignore).toContain(`!${source}`)
  }
  expect(image.filter((line) => line.startsWith('USER '))).toEqual(['USER node'])
  expect(image.some((line) => line.startsWith('HEALTHCHECK'))).toBe(true)
  // Railway refuses it
  expect(image.some((line) => line.startsWith('VOLUME'))).toBe(false)
})

test('the image sets variables that the program knows', () => {
  const set = image
    .filter((line) => line.startsWith('ENV '))
    .flatMap((line) => [...line.matchAll(/(\w+)=/g)].map(([, name]) => name))
  expect(set.filter((name) => name !== 'NODE_ENV' && !known.includes(name ?? ''))).toEqual([])
})

test('compose starts one process or three parts, with variables that the program knows', () => {
  const { postgres, ...programs } = compose.services
  expect(postgres).toBeDefined()
  const told = Object.entries(programs).map(([name, { command, profiles, environment }]) => [
    ...[name, profiles, command, environment.QUEUE],
  ])
  expect(told).toEqual([
    ['bot', ['bot'], undefined, 'in-process'],
    ['serve', ['workers'], ['serve'], 'pg-boss'],
    ['worker', ['workers'], ['worker'], 'pg-boss'],
  ])
  for (const { environment, volumes } of Object.values(programs)) {
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([])
    expect(volumes).toEqual([`data:${environment.DATA_DIR}`])
  }
})

test('a variable that the configuration reads is explained in .env.example', () => {
  const asked = read('src/config.ts').matchAll(/\b(?:checked|set)\('([A-Z_]+)'\)/g)
  const names = [...new Set([...asked].map(([, name]) => name ?? ''))].filter((name) => name !== 'INIT_CWD')
  expect(names.length).toBeGreaterThan(30)
  expect(names.filter((name) => !known.includes(name))).toEqual([])
})
