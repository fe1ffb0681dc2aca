import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import type { Config } from './config.ts'
import type { ChatName } from './core/card.ts'
import type { Log } from './core/ports.ts'
import { createOperator } from './operator.ts'
import type { App, Service } from './service.ts'
import { createWebApp } from './web/app.ts'
import { createHealth } from './web/health.ts'
import { createOperatorDoor } from './web/operator.ts'
import { startWebServer, type WebServer } from './web/server.ts'
import { createSupabaseAuth } from './web/supabase-auth.ts'
import { createReadToken } from './web/tokens.ts'

/** Where the chats' signed requests arrive. */
export const CHAT_PATHS: Readonly<Record<ChatName, string>> = {
  discord: '/discord/interactions',
  slack: '/slack/events',
}

/** The web at work. */
export interface Web extends WebServer {
  /** From now on `/readyz` says that people can be sent here. */
  up(): void
  /** From now on only what was begun is answered, event streams end, and `/readyz` says so. */
  refuse(): void
}

/** Starts the API and the pages, and says to the command line where they are. Throws `AddressTaken`. */
export async function startWeb(deps: {
  config: Config
  app: Pick<App, 'models' | 'check'>
  service: Service
  log: Log
  /** Answers a chat's requests; null as long as nobody does. */
  listener: (chat: ChatName) => RequestListener | null
}): Promise<Web> {
  const { config, app, service, log } = deps
  const { supabase, publicUrl, defaultLocale } = config
  const { host, port, corsOrigins, auth } = config.web
  const closing = new AbortController()
  let isUp = false
  const operator = createOperator(app, service)
  const accounts =
    auth && supabase
      ? {
          readToken: createReadToken(auth),
          signIn: createSupabaseAuth({ url: auth.url, apiKey: supabase.secretKey }),
        }
      : null
  const web = createWebApp({
    ...{ service, models: app.models, accounts, publicUrl, corsOrigins, defaultLocale, log },
    origin: publicUrl ?? `http://${host}:${port}`,
    mediaOrigins: supabase ? [new URL(supabase.url).origin] : [],
    operatorDoor: createOperatorDoor({
      operator,
      token: service.door.token,
      log,
      stopping: closing.signal,
    }),
    metrics: service.metrics,
    version: VERSION,
    isUp: () => isUp,
    closing: closing.signal,
  })
  const server = await startWebServer({
    ...{ host, port, log, locale: defaultLocale },
    fetch: web.fetch,
    doors: (path) => {
      const chat = (['discord', 'slack'] as const).find((name) => CHAT_PATHS[name] === path)
      return chat === undefined || closing.signal.aborted ? null : deps.listener(chat)
    },
  })
  await service.door.open(server.address)
  return {
    ...server,
    up() {
      isUp = true
    },
    refuse: () => closing.abort(),
  }
}

/** For a worker: whether it lives and can work, and what it has counted, at the same addresses as the web server's. Throws `AddressTaken`. */
export async function startHealth(deps: {
  config: Config
  service: Pick<Service, 'jobs' | 'disk' | 'metrics'>
  log: Log
}): Promise<Web> {
  const { config, service, log } = deps
  const closing = new AbortController()
  let isUp = false
  const { jobs, disk, metrics } = service
  const health = createHealth({ jobs, disk, metrics, isUp: () => isUp, closing: closing.signal, log })
  const { host, port } = config.web
  const { fetch } = health
  const server = await startWebServer({
    host,
    port,
    log,
    locale: config.defaultLocale,
    fetch,
    doors: () => null,
  })
  return {
    ...server,
    up() {
      isUp = true
    },
    refuse: () => closing.abort(),
  }
}

const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
