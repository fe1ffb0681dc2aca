import { userError } from './errors.ts'
import type { ModelCapabilities, VideoRequest } from './request.ts'
import type { Segment } from './segment.ts'

/** The most that may be spent, in USD: on a job, and by a person in 24 hours. Null: no ceiling. */
export interface Ceilings {
  perJob: number | null
  perUserDay: number | null
}

/** The estimate before rendering, in USD; null where the model's price isn't known. */
export function estimateUsd(request: VideoRequest, model: ModelCapabilities): number | null {
  const rate = model.usdPerSecond[request.resolution]
  return rate === null ? null : rate * request.seconds * request.segments
}

/**
 * The estimate of a request that the operator's ceilings allow. Throws `price_unknown` where there is a ceiling and no
 * price to hold against it, and `cost_over_job`.
 */
export function allowedEstimate(
  request: VideoRequest,
  model: ModelCapabilities,
  ceilings: Ceilings,
): number | null {
  const estimate = estimateUsd(request, model)
  if (estimate === null) {
    if (ceilings.perJob === null && ceilings.perUserDay === null) return null
    throw userError('price_unknown', { model: model.id })
  }
  if (ceilings.perJob !== null && estimate > ceilings.perJob) {
    throw userError('cost_over_job', { estimate_usd: estimate, max_usd: ceilings.perJob })
  }
  return estimate
}

/** What a job's segments have cost so far, in USD; null where one of them doesn't say. */
export function costUsd(segments: readonly Segment[]): number | null {
  const paid = segments.filter((segment) => segment.attempts > 0)
  return paid.reduce<number | null>((sum, segment) => plus(sum, segment.costUsd), 0)
}

/** A sum of amounts is only known where both are. */
export function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b
}
