import { ConfigError, loadEnvFile, readConfig } from './config.ts'
import { CATALOGUE, type CatalogueModel } from './pipeline/video/catalogue.ts'
import { differencesFromLive } from './pipeline/video/fal/live-schema.ts'

/** Fal's live schemas are served beside its pages, not by api.fal.ai. */
const SCHEMAS = 'https://fal.ai'
const API = 'https://api.fal.ai'

/** `npm run models` prints the catalogue; with `--check` it says where fal has come to differ: exit 1, and 0 where nothing does. */
async function main(): Promise<number> {
  if (!process.argv.includes('--check')) {
    print(table(CATALOGUE))
    return 0
  }
  loadEnvFile()
  const configured = readConfig().falApiUrl?.replace(/\/+$/, '') ?? API
  const base = configured === API ? SCHEMAS : configured
  const differences = await differencesFromLive(CATALOGUE, base)
  for (const { model, endpoint, what } of differences) print(`${model}  ${endpoint}: ${what}`)
  if (differences.length === 0) print(`The catalogue agrees with ${base}.`)
  return differences.length === 0 ? 0 : 1
}

function table(models: readonly CatalogueModel[]): string {
  const head = ['id', 'name', 'seconds', 'resolutions', 'aspects', 'USD a second (silent)', 'retired']
  const rows = models.map((model) => [
    model.id,
    model.name,
    model.seconds.join(' '),
    model.resolutions.join(' '),
    model.aspects.join(' '),
    model.resolutions.map((resolution) => priceOf(model, resolution)).join(', '),
    model.retired ? `${model.retired.on} → ${model.retired.replacement}` : '',
  ])
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)))
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function priceOf(model: CatalogueModel, resolution: '720p' | '1080p'): string {
  const sound = model.usdPerSecond[resolution]
  const silent = model.fal?.usdPerSecondSilent[resolution] ?? null
  const price = sound === null ? 'unknown' : `${sound}`
  return `${resolution} ${price}${silent === null || silent === sound ? '' : ` (${silent})`}`
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof ConfigError ? 2 : 1
}
