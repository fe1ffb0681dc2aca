import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Log } from '../../src/core/ports.ts'
import { createAssets } from '../../src/web/assets.ts'
import { createPages } from '../../src/web/pages/routes.ts'
import type { PageViewer } from '../../src/web/pages/site.ts'
import type { Env } from './cli.ts'
import { freePort } from './free-port.ts'

/** The program's pages on loopback. */
export interface Site {
  url: string
  service: Awaited<ReturnType<Awaited<ReturnType<typeof createApp>>['open']>>
  /** From now on somebody else asks. */
  become(person: string): Promise<void>
  stop(): Promise<void>
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Opens the program with these variables and serves its pages to one person. */
export async function startSite(env: Env): Promise<Site> {
  const app = await createApp(readConfig(env), SILENT)
  const service = await app.open()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const viewerFor = async (person: string): Promise<PageViewer> => {
    const identity = { platform: 'web', team: '', externalId: person } as const
    return { identity, userId: await service.jobs.userOf(identity), member: null }
  }
  let viewer = await viewerFor('a')
  const assets = createAssets()
  const root = new Hono().route('/', assets.routes).route(
    '/',
    createPages({
      service,
      models: app.models,
      assets: assets.links,
      viewerOf: () => viewer,
      publicUrl: url,
      mediaOrigins: [],
      defaultLocale: 'ko',
      log: SILENT,
    }),
  )
  const server = serve({ fetch: root.fetch, port, hostname: '127.0.0.1' })
  return {
    url,
    service,
    async become(person) {
      viewer = await viewerFor(person)
    },
    async stop() {
      if ('closeAllConnections' in server) server.closeAllConnections()
      server.close()
      await service.stop()
    },
  }
}
