import { readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFalClient } from '@fal-ai/client'
import { ProviderError, reasonOf } from '../../core/errors.ts'
import type { Log, RenderOrder, VideoModel } from '../../core/ports.ts'
import { CATALOGUE, type CatalogueModel } from './catalogue.ts'
import { downloadClip, isLoopback } from './download.ts'
import { cancelRequest } from './fal/cancel.ts'
import type { FalContext } from './fal/context.ts'
import { findRequest } from './fal/find.ts'
import { type Addresses, guardedFetch, isUnder, moved, PACE, type Pace, thrownBy } from './fal/http.ts'
import { frameName, inputOf, readOrder } from './fal/input.ts'
import { remoteRequest, urlsOf } from './fal/request.ts'
import { waitForRequest } from './fal/wait.ts'

/** What the adapter stands on. `key` is `FAL_KEY`; the addresses are those of fal or of a stand-in. */
export interface FalDeps extends Addresses {
  key: string
  catalogue?: readonly CatalogueModel[]
  /** Hosts beside fal's own that clips may come from: exact, with a port where it isn't the usual one, or `*.example.com`. */
  mediaHosts: readonly string[]
  /** Writes the first `seconds` of a clip to `output`, for models that make more than was asked for. */
  trim: (clip: string, seconds: number, output: string, signal: AbortSignal) => Promise<void>
  log: Log
  /** The largest clip that is taken, in bytes. */
  maxClipBytes?: number
  pace?: Partial<Pace>
  now?: () => number
}

const START_MS = Date.now() - performance.now()

/** The time as it was set when the process began, in milliseconds: a clock that is set meanwhile gives up no request, and pays for none again. */
const steadyNow = () => START_MS + performance.now()

/** Where fal's clips lie. */
const FAL_MEDIA_HOSTS = ['*.fal.media']

const MAX_CLIP_BYTES = 2 * 1024 ** 3

/**
 * fal's video models, on @fal-ai/client. What each takes and costs is the catalogue's to say.
 *
 * A `submit` posts once. Its first frame goes up before that, and free of charge is tried again: a failure then is
 * `transient`, and nothing was asked for. See guardedFetch for what each answer to the POST means, waitForRequest and
 * findRequest for theirs.
 */
export function createFalModel(deps: FalDeps): VideoModel {
  const { key, catalogue = CATALOGUE, mediaHosts, trim, log, now = steadyNow } = deps
  const pace = { ...PACE, ...deps.pace }
  const addresses = {
    queueUrl: withoutSlash(deps.queueUrl),
    restUrl: withoutSlash(deps.restUrl),
    apiUrl: withoutSlash(deps.apiUrl),
  }
  const context: FalContext = { key, addresses, pace, log, now }
  const client = createFalClient({ credentials: key, fetch: guardedFetch(addresses, pace, key) })
  /** When the orders whose outcome this process doesn't know were sent: it narrows the search for them. */
  const sent = new Map<string, number>()

  return {
    async submit(order) {
      const falOrder = readOrder(catalogue, order)
      const frameUrl = order.firstFrame === null ? null : await uploadFrame(order, order.firstFrame)
      const input = inputOf(falOrder, frameUrl)
      sent.set(order.key, now())
      try {
        const answer = await client.queue.submit(falOrder.endpoint, { input })
        sent.delete(order.key)
        const urls: Record<string, string> = {}
        for (const [name, url] of [
          ['status', answer.status_url],
          ['response', answer.response_url],
          ['cancel', answer.cancel_url],
        ] as const) {
          if (isUnder(moved(url ?? '', addresses), addresses.queueUrl)) urls[name] = url
        }
        return remoteRequest(answer.request_id, urls, now())
      } catch (error) {
        const failure = thrownBy(error)
        if (failure.kind !== 'unknown') sent.delete(order.key)
        throw failure
      }
    },

    async find(order, signal) {
      const here = sent.get(order.key) ?? null
      const times = { since: here ?? order.sentAt?.getTime() ?? null, until: here ?? now() }
      return findRequest(context, readOrder(catalogue, order), times, signal)
    },

    wait: async (order, request, signal, waiting) =>
      waitForRequest(context, readOrder(catalogue, order), request, signal, waiting),

    async download(url, path, signal) {
      const { hash } = URL.canParse(url) ? new URL(url) : { hash: '' }
      const seconds = Number(/^#t=0,(\d+)$/.exec(hash)?.[1])
      const options = {
        allowedHosts: [...FAL_MEDIA_HOSTS, ...mediaHosts],
        allowLoopback: isLoopback(addresses.queueUrl),
        maxBytes: deps.maxClipBytes ?? MAX_CLIP_BYTES,
        pause: pace.pause,
        signal,
      }
      if (!(seconds > 0)) return downloadClip(url, path, options)
      const whole = `${path}.whole`
      try {
        await downloadClip(url, whole, options)
        await trim(whole, seconds, path, signal)
      } finally {
        await rm(whole, { force: true })
      }
    },

    async cancel(order, request) {
      const urls = urlsOf(request, readOrder(catalogue, order).endpoint, addresses)
      await cancelRequest(context, urls, request.id)
    },
  }

  async function uploadFrame(order: RenderOrder, path: string): Promise<string> {
    const bytes = await readFile(path).catch((error) => {
      throw new ProviderError('rejected', `The first frame can't be read: ${reasonOf(error)}`, {
        cause: error,
      })
    })
    const file = new File([bytes], frameName(order), { type: 'image/png' })
    for (let tries = 1; ; tries += 1) {
      try {
        return await client.storage.upload(file, { lifecycle: { expiresIn: '1d' } })
      } catch (error) {
        const failure = thrownBy(error)
        // nothing has been asked for yet: whatever became of the upload, it costs nothing
        const kind = failure.kind === 'rejected' ? 'rejected' : 'transient'
        if (kind === 'rejected' || tries >= pace.tries) {
          throw new ProviderError(kind, `The first frame could not be uploaded: ${failure.message}`, {
            cause: error,
          })
        }
        log.warn({ key: order.key, tries, err: failure }, 'cannot upload a first frame')
        await sleep(pace.pause * 2 ** (tries - 1))
      }
    }
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}
