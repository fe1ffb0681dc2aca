import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type Env, MAIN, type Machine, type Running } from './cli.ts'
import { usedMachine } from './databases.ts'
import { type FalServer, startFalServer } from './fal-server.ts'
import { freePort } from './free-port.ts'
import { CLIP } from './services.ts'
import { startSlackFront } from './slack-front.ts'
import { buttonsIn } from './slack-limits.ts'
import type { SlackFront, SlackPerson, SlackShown } from './slack-world.ts'
import { type SupabaseServer, startSupabaseServer } from './supabase-server.ts'
import { until } from './until.ts'

/** What slack.manifest.yaml declares, as far as the tests ask. */
export interface Manifest {
  display_information: { name: string }
  features: {
    bot_user: { display_name: string }
    slash_commands: { command: string; url?: string; should_escape: boolean }[]
  }
  oauth_config: { scopes: { bot: string[] } }
  settings: { interactivity: { is_enabled: boolean; request_url?: string }; socket_mode_enabled: boolean }
}

/** The manifest that people paste. */
export function readManifest(): Manifest {
  return parse(readFileSync(new URL('../../slack.manifest.yaml', import.meta.url), 'utf8'))
}

/** The bot in Slack: the whole program as a process, with a stand-in for everything that it talks to. */
export interface SlackBotAtWork {
  machine: Machine
  front: SlackFront
  fal: FalServer
  supabase: SupabaseServer
  /** The variables that connect everything. */
  env: Env
  /** The program that was started last. */
  running: Running
  /** Starts it (again) by signed requests or by Socket Mode, and waits until it can be talked to. */
  start(door: 'http' | 'socket', env?: Env): Promise<void>
  /** Kills it as a crash would. */
  crash(): Promise<void>
}

/** Starts everything but the program. Whoever starts it closes it. */
export async function prepareSlackBot(
  cleanup: (close: () => Promise<void>) => void,
  more: Env = {},
): Promise<SlackBotAtWork> {
  const machine = await usedMachine(MAIN)
  cleanup(() => machine.remove())
  const fal = await startFalServer({ clip: CLIP, outcome: { steps: [] } })
  cleanup(() => fal.close())
  const supabase = await startSupabaseServer()
  cleanup(() => supabase.stop())
  const front = await startSlackFront(readManifest().oauth_config.scopes.bot)
  cleanup(() => front.close())
  const env: Env = {
    ...fal.env,
    FAL_LOOKUP_SECONDS: '1',
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SLACK_BOT_TOKEN: front.token,
    SLACK_API_URL: front.url,
    ...more,
  }
  let running: Running | undefined

  return {
    machine,
    front,
    fal,
    supabase,
    env,
    get running() {
      if (!running) throw new Error('the program was not started')
      return running
    },
    async start(door, also = {}) {
      const port = String(await freePort())
      const by: Env =
        door === 'socket'
          ? { SLACK_APP_TOKEN: front.appToken }
          : { SLACK_SIGNING_SECRET: front.signingSecret, PORT: port }
      front.deliveries.toUrl(`http://127.0.0.1:${port}/slack/events`)
      const started = machine.start([], { ...env, ...by, ...also })
      running = started
      const isReady = () => started.output().includes('"msg":"ready"')
      const ended = started.ended.then(() => {
        throw new Error('the program ended')
      })
      const ready = until('a bot that is ready', isReady, { seconds: 100 })
      await Promise.race([ready, ended]).catch((error) => {
        throw new Error(`${error.message}\n${started.output()}`)
      })
      // it ends once more, after the tests: nobody waits for that
      ended.catch(() => {})
      if (door === 'socket') await until('a connection', () => front.deliveries.connected())
    },
    async crash() {
      running?.kill('SIGKILL')
      await running?.ended
    },
  }
}

/** The first message in a channel that fits; waits for it. */
export function slackShown(
  front: SlackFront,
  channel: string,
  fits: (message: SlackShown) => boolean,
  what: string,
): Promise<SlackShown> {
  const instead = () => `, but ${JSON.stringify(front.messages(channel).map(({ texts }) => texts))}`
  return until(what, () => front.messages(channel).find(fits), { instead })
}

/** Waits for a person's direct message about an end. */
export function slackToldOf(front: SlackFront, person: SlackPerson): Promise<SlackShown> {
  return until(`a direct message for ${person.name}`, () => front.dms(person).find(isNotice))
}

/** A message at a job's end, beside the cards that may stand in the same place. */
export function isNotice({ blocks }: SlackShown): boolean {
  const last = blocks.at(-1) as { type?: string; elements?: { text?: string }[] } | undefined
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(last?.elements?.[0]?.text ?? '')
}

/** What a message's buttons do: their actions, and the addresses of those that open a page. */
export function slackActions({ blocks }: Pick<SlackShown, 'blocks'>): string[] {
  return buttonsIn(blocks).map(({ url, action_id }) => String(url ?? action_id))
}
