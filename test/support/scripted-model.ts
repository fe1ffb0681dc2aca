import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProviderError } from '../../src/core/errors.ts'
import type { RenderOrder, VideoModel } from '../../src/core/ports.ts'
import type { RemoteRequest } from '../../src/core/segment.ts'

/** What the provider does at one call, about any segment or about this one, instead of what was asked of it. */
type Turn = { segment?: number } & (
  | {
      at: 'submit' | 'wait'
      /** Nothing is paid where it happens at `submit`. */
      fails: 'rejected' | 'transient'
    }
  | {
      /** Its answer is lost. `accepted`: the request arrived all the same, and is paid. */
      at: 'submit'
      fails: 'unknown'
      accepted: boolean
    }
  | { at: 'wait'; fails: 'unknown' }
  | { at: 'download'; gives: 'broken clip' | 'nothing' }
  | {
      /** It can't say whether it has the request. */
      at: 'find'
      fails: 'unknown'
    }
)

/** The segment that an order or a request is about, by its key `job/segment/attempt`. */
export function segmentOf(key: string): number {
  return Number(key.split('/')[1])
}

/** A provider that plays a script. Everything that was asked of it is kept, what it was paid for above all. */
export interface ScriptedModel extends VideoModel {
  /** The order's key for each request that was accepted, in order: each one cost money. */
  paid: string[]
  /** Every request that reached it, accepted or not. */
  submits: string[]
  cancelled: string[]
  downloads: string[]
  /** Most requests that were worked on at the same time. */
  mostAtOnce: number
  /** The first requests are done only when so many are worked on at the same time. */
  gather: number
  /** Added turns are played before what comes by itself, each once, at the next call of their kind. */
  script: Turn[]
  /** The segment whose `wait` goes on until its signal aborts. */
  stuckAt: number | null
}

/** Makes one. `clip` is the file that it delivers for a request's key. */
export function createScriptedModel(clip: (key: string) => string): ScriptedModel {
  const requests = new Map<string, RemoteRequest>()
  let working = 0
  const gathered = Promise.withResolvers<void>()

  function turn(at: Turn['at'], key: string): Turn | undefined {
    const { script } = model
    const found = script.findIndex(
      (one) => one.at === at && (one.segment ?? segmentOf(key)) === segmentOf(key),
    )
    return found === -1 ? undefined : script.splice(found, 1)[0]
  }

  function accept(order: RenderOrder): RemoteRequest {
    model.paid.push(order.key)
    const request = {
      id: `request-${model.paid.length}`,
      urls: { status: `https://provider.test/${order.key}` },
    }
    requests.set(order.key, request)
    return request
  }

  const model: ScriptedModel = {
    paid: [],
    submits: [],
    cancelled: [],
    downloads: [],
    mostAtOnce: 0,
    gather: 1,
    script: [],
    stuckAt: null,

    async submit(order) {
      model.submits.push(order.key)
      // what a real provider would refuse
      if (order.firstFrame !== null) await readFile(order.firstFrame)
      const played = turn('submit', order.key)
      if (played && 'accepted' in played && played.accepted) accept(order)
      failAs(played)
      return accept(order)
    },

    async find(order) {
      if (turn('find', order.key)) return 'unknown'
      return requests.get(order.key) ?? 'absent'
    },

    async wait(order, request, signal) {
      if (requests.get(order.key)?.id !== request.id) {
        throw new ProviderError('rejected', `no request ${request.id}`)
      }
      failAs(turn('wait', order.key))
      working += 1
      model.mostAtOnce = Math.max(model.mostAtOnce, working)
      if (working >= model.gather) gathered.resolve()
      try {
        await gathered.promise
        const stuck = model.stuckAt === segmentOf(order.key)
        await sleep(stuck ? 3_600_000 : 20, undefined, { signal })
      } finally {
        working -= 1
      }
      return { url: `https://provider.test/clips/${order.key}`, costUsd: 0.4 }
    },

    async download(url, path) {
      const key = url.replace('https://provider.test/clips/', '')
      model.downloads.push(key)
      const played = turn('download', key)
      const gives = played && 'gives' in played ? played.gives : 'clip'
      if (gives === 'nothing') throw new ProviderError('rejected', 'the clip has expired')
      if (gives === 'broken clip') return writeFile(path, 'half a cl')
      await copyFile(clip(key), path)
    },

    async cancel(order, request) {
      if (requests.get(order.key)?.id === request.id) model.cancelled.push(order.key)
    },
  }
  return model
}

function failAs(played: Turn | undefined): void {
  if (played && 'fails' in played) throw new ProviderError(played.fails, `the provider says ${played.fails}`)
}
