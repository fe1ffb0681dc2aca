import { join } from 'node:path'
import { modelList } from './app.ts'
import { type Config, ConfigError, examineConfig } from './config.ts'
import { UserError } from './core/errors.ts'
import { type Check, type Finding, found } from './doctor/finding.ts'
import { examineClock, examineDisk, examineStorage, looked } from './doctor/machine.ts'
import {
  type ClockSample,
  type Examined,
  examineDiscord,
  examineFal,
  examineOpenAi,
  examineSlack,
} from './doctor/services.ts'
import { findFfmpeg } from './pipeline/media/ffmpeg.ts'
import { CATALOGUE } from './pipeline/video/catalogue.ts'
import { differencesFromLive } from './pipeline/video/fal/live-schema.ts'
import { openDataDir } from './storage/data-dir.ts'
import { createDisk } from './storage/disk.ts'
import { createLocalObjects } from './storage/objects/local.ts'

/** Fal's live schemas are served beside its pages, not by api.fal.ai. */
const FAL = { api: 'https://api.fal.ai', schemas: 'https://fal.ai' }

/**
 * Looks at all that a film is made with, a line each: settings, the machine, the database, storage, keys. Nothing is rendered or paid, and
 * nothing is changed but for an object that is put into storage and removed again.
 */
export async function examine(): Promise<Finding[]> {
  const { config, problems } = examineConfig()
  const clocks: ClockSample[] = []
  const keep = ({ findings, clock }: Examined) => {
    if (clock !== null) clocks.push(clock)
    return findings
  }
  const { openai, fal, discord, slack } = config
  const off = (check: Check, variable: string) => [found(check, 'off', 'off', { variable })]
  const data = await looked('data', () => examineData(config))
  const all = await Promise.all([
    looked('settings', async () => examineSettings(config, problems)),
    data,
    looked('disk', () => examineDisk(createDisk(config.dataDir), config.minFreeDisk)),
    looked('ffmpeg', async () =>
      found('ffmpeg', 'right', 'ffmpeg_runs', await findFfmpeg(config.ffmpegPath ?? undefined)),
    ),
    looked('database', () => examineDatabase(config, clocks)),
    looked('storage', async () => examineStorage(...(await storeOf(config)))),
    openai ? examineOpenAi(openai).then(keep) : off('openai', 'OPENAI_API_KEY'),
    fal ? examineFal(fal, endpointOf(config)).then(keep) : off('fal', 'FAL_KEY'),
    fal ? looked('models', () => examineModels(fal)) : [],
    discord ? examineDiscord(discord).then(keep) : off('discord', 'DISCORD_TOKEN'),
    slack ? examineSlack(slack).then(keep) : off('slack', 'SLACK_BOT_TOKEN'),
  ])
  return [...all.flat(), examineClock(clocks)]
}

function examineSettings(config: Config, problems: ConfigError['problems']): Finding[] {
  const wrong = [...problems]
  try {
    modelList(config)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    wrong.push(...error.problems)
  }
  if (wrong.length === 0) return [found('settings', 'right', 'settings_right', {})]
  return wrong.map((problem) => ({ check: 'settings', state: 'wrong', problem }))
}

/** A folder that a running program holds is as it should be. */
async function examineData({ dataDir, queue }: Config): Promise<Finding> {
  try {
    const { path, release } = await openDataDir(dataDir, { shared: queue === 'pg-boss' })
    release()
    return found('data', 'right', 'data_ready', { path })
  } catch (error) {
    if (!(error instanceof UserError) || error.detail.code !== 'data_dir_locked') throw error
    return found('data', 'right', 'data_held', error.detail.data)
  }
}

async function examineDatabase({ databaseUrl, dataDir }: Config, clocks: ClockSample[]): Promise<Finding> {
  if (databaseUrl === null)
    return found('database', 'right', 'database_embedded', { path: join(dataDir, 'postgres') })
  const { examinePostgres } = await import('./storage/examine.ts')
  const { version, known, applied, hears, behindMs, ms } = await examinePostgres(databaseUrl)
  clocks.push({ host: new URL(databaseUrl).hostname, behindMs })
  if (applied > known)
    return found('database', 'wrong', 'database_ahead', { version, count: applied - known })
  if (applied < known) return found('database', 'note', 'database_new', { version, count: known - applied })
  return hears
    ? found('database', 'right', 'database_answers', { version, ms })
    : found('database', 'note', 'database_deaf', { version })
}

async function storeOf({ supabase, dataDir }: Config): Promise<Parameters<typeof examineStorage>> {
  if (supabase !== null) {
    const { createSupabaseObjects } = await import('./storage/objects/supabase.ts')
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    return [createSupabaseObjects({ ...supabase, log }), `Supabase, ${supabase.bucket}`]
  }
  const root = join(dataDir, 'objects')
  const unused = { secret: Buffer.alloc(32), publicUrl: 'http://localhost', now: Date.now }
  return [createLocalObjects({ root, ...unused }), root]
}

function endpointOf({ videoModel }: Config): string {
  const used = CATALOGUE.find(({ id }) => id === (videoModel ?? 'wan-2.7'))
  return used?.provider === 'fal' ? (used.fal.endpoints.text ?? '') : 'fal-ai/wan/v2.7/text-to-video'
}

/** Whether fal still has each model as the catalogue knows it. */
async function examineModels({ apiUrl }: { apiUrl: string }): Promise<Finding> {
  const differences = await differencesFromLive(CATALOGUE, apiUrl === FAL.api ? FAL.schemas : apiUrl)
  const live = CATALOGUE.filter(({ provider, retired }) => provider === 'fal' && !retired)
  if (differences.length === 0) return found('models', 'right', 'models_live', { count: live.length })
  const told = differences.map(({ model, what }) => `${model} (${what})`).join('; ')
  return found('models', 'wrong', 'models_changed', { differences: told })
}
