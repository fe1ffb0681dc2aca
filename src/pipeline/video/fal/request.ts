import type { RemoteRequest } from '../../../core/segment.ts'
import { type Addresses, isUnder, moved } from './http.ts'

/** The addresses of one request at fal's queue, all under the configured one. */
export interface RequestUrls {
  status: string
  response: string
  cancel: string
}

/**
 * A request as the ledger keeps it. Beside fal's addresses it holds when the request was accepted, which is what giving
 * up is counted from, after a restart too.
 */
export function remoteRequest(id: string, urls: Partial<RequestUrls>, acceptedAt: number): RemoteRequest {
  return { id, urls: { ...urls, accepted_at: new Date(acceptedAt).toISOString() } }
}

/** When a request was accepted, in milliseconds since 1970; null where the ledger doesn't say. */
export function acceptedAt(request: RemoteRequest): number | null {
  const at = Date.parse(request.urls.accepted_at ?? '')
  return Number.isNaN(at) ? null : at
}

/**
 * Where a request can be asked after. The addresses that fal gave are taken only under the configured queue, since the
 * key goes with them; else they are made by the queue's scheme, which drops an endpoint's sub-path.
 */
export function urlsOf(request: RemoteRequest, endpoint: string, addresses: Addresses): RequestUrls {
  const app = endpoint.split('/').slice(0, 2).join('/')
  const made = `${addresses.queueUrl}/${app}/requests/${encodeURIComponent(request.id)}`
  const given = (name: keyof RequestUrls, otherwise: string) => {
    const url = moved(request.urls[name] ?? '', addresses)
    return isUnder(url, addresses.queueUrl) ? url : otherwise
  }
  return {
    status: given('status', `${made}/status`),
    response: given('response', made),
    cancel: given('cancel', `${made}/cancel`),
  }
}
