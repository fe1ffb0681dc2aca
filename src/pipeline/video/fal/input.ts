import { createHash } from 'node:crypto'
import { ProviderError } from '../../../core/errors.ts'
import type { RenderOrder } from '../../../core/ports.ts'
import type { CatalogueModel, FalModel } from '../catalogue-schema.ts'

/** What is posted to an endpoint: flat, with only the keys that the catalogue gives for it. */
export type FalInput = Record<string, string | number | boolean>

/** An order with everything that the catalogue says about it. `rendered` is the length that is made and paid, in seconds. */
export interface FalOrder {
  order: RenderOrder
  model: CatalogueModel & { provider: 'fal' }
  endpoint: string
  rendered: number
}

/** Reads an order against the catalogue. Throws `ProviderError` `rejected` for what no endpoint of fal's can do. */
export function readOrder(catalogue: readonly CatalogueModel[], order: RenderOrder): FalOrder {
  const model = catalogue.find(({ id }) => id === order.model)
  if (model?.provider !== 'fal') throw new ProviderError('rejected', `fal has no model ${order.model}`)
  const { text, image } = model.fal.endpoints
  const endpoint = order.firstFrame === null ? text : image
  if (endpoint === null) throw new ProviderError('rejected', `${model.name} needs a picture to start on`)
  if (order.prompt.length > model.promptMax) {
    const longest = `${model.name} takes prompts of ${model.promptMax} characters`
    throw new ProviderError('rejected', `${longest}, not ${order.prompt.length}`)
  }
  return { order, model, endpoint, rendered: model.fal.rendered?.[order.seconds] ?? order.seconds }
}

/** Builds an endpoint's input. `frameUrl` is where fal finds the first frame. */
export function inputOf({ order, model, rendered }: FalOrder, frameUrl: string | null): FalInput {
  const { fal } = model
  const kind = frameUrl === null ? 'text' : 'image'
  const input: FalInput = { prompt: order.prompt, duration: durationOf(fal, rendered) }
  if (frameUrl !== null) input[fal.firstFrame] = frameUrl
  const resolution = fal.resolution?.[order.resolution]
  if (resolution !== undefined) input.resolution = resolution
  if (fal.aspect[kind]) input.aspect_ratio = order.aspect
  if (fal.audio !== null) input[fal.audio] = true
  if (fal.seed) input.seed = seedOf(order)
  return { ...input, ...fal.fixed?.[kind] }
}

function durationOf({ duration }: FalModel, seconds: number): string | number {
  if (duration === 'number') return seconds
  return duration === 'digits' ? `${seconds}` : `${seconds}s`
}

/** The uploaded frame's file name: fal keeps it at the end of the file's address, so that it shows up in the input. */
export function frameName(order: RenderOrder): string {
  return `frame-${digest(order).toString('hex').slice(0, 24)}.png`
}

/** A seed that no other order has: 31 bits, which every model that takes one accepts. */
function seedOf(order: RenderOrder): number {
  return digest(order).readUInt32BE(0) >>> 1
}

function digest(order: RenderOrder): Buffer {
  return createHash('sha256').update(order.key).digest()
}

/**
 * Whether an input that fal was given is this order's. A first frame carries the order's key in its name, a seed is made
 * from it; where there is neither, everything that was asked for must be the same.
 */
export function isInputOf(falOrder: FalOrder, given: Record<string, unknown>): boolean {
  const { order, model } = falOrder
  if (order.firstFrame !== null) {
    const frame = given[model.fal.firstFrame]
    return typeof frame === 'string' && frame.includes(frameName(order).slice(0, -'.png'.length))
  }
  const expected = inputOf(falOrder, null)
  return Object.entries(expected).every(([key, value]) => given[key] === value)
}

/** The file that a model's answer points to, or null where there is none. */
export function clipUrlIn(answer: unknown): string | null {
  if (typeof answer !== 'object' || answer === null || !('video' in answer)) return null
  const { video } = answer
  if (typeof video !== 'object' || video === null || !('url' in video)) return null
  return typeof video.url === 'string' && URL.canParse(video.url) ? video.url : null
}

/**
 * What a clip has cost, from the units that fal has billed. Null where fal doesn't say, where the price isn't known, and
 * where the result is far from the price of such a clip: then the unit is not what the catalogue takes it for.
 */
export function costOf({ order, model, rendered }: FalOrder, billedUnits: string | null): number | null {
  const units = Number(billedUnits)
  if (!(units > 0)) return null
  const { billing, usdPerSecondFromImage } = model.fal
  const perShown = (order.firstFrame === null ? null : usdPerSecondFromImage) ?? model.usdPerSecond
  const rate = perShown[order.resolution]
  if (rate === null) return null
  const expected = rate * order.seconds
  const cost = units * (billing === 'seconds' ? expected / rendered : billing.usdPerThousandTokens)
  return cost > expected / 4 && cost < expected * 4 ? Math.round(cost * 1e6) / 1e6 : null
}
