import * as z from 'zod'
import { UNTAGGED_MATRICES } from '../../core/colour.ts'
import { ASPECTS, type ModelCapabilities, RESOLUTIONS } from '../../core/request.ts'

const key = z.string().regex(/^[a-z_]+$/)
const endpoint = z.string().regex(/^[a-z0-9-]+(\/[a-z0-9.-]+)+$/)
const price = z.number().nonnegative().nullable()
const prices = z.strictObject({ '720p': price, '1080p': price })
const fixed = z.record(key, z.union([z.string(), z.number(), z.boolean()]))

const falSchema = z.strictObject({
  /** `text` makes a clip from a prompt, null where fal has no such endpoint: the film must then open on a picture. */
  endpoints: z.strictObject({ text: endpoint.nullable(), image: endpoint }),
  /** The key of the first frame's address. */
  firstFrame: key,
  /** How `duration` is written: 8, "8" or "8s". */
  duration: z.enum(['number', 'digits', 'digits with s']),
  /** Lengths that it can't make, with the longer one that is made and paid in their place, and cut after the download. */
  rendered: z.record(z.string(), z.int().positive()).optional(),
  /** What `resolution` is called for each of ours; null where the model takes no resolution. */
  resolution: z.partialRecord(z.enum(RESOLUTIONS), z.string()).nullable(),
  /** Which endpoints take `aspect_ratio`: the others follow the picture that they start on. */
  aspect: z.strictObject({ text: z.boolean(), image: z.boolean() }),
  /** The key that turns sound on; null where sound is always there, or never. */
  audio: key.nullable(),
  /** Whether it takes a `seed`, which then also tells one order from another. */
  seed: z.boolean(),
  /** What is sent with every request. */
  fixed: z.strictObject({ text: fixed, image: fixed }).optional(),
  /** What `x-fal-billable-units` counts: seconds of the clip, or thousands of tokens at this many USD. */
  billing: z.union([z.literal('seconds'), z.strictObject({ usdPerThousandTokens: z.number().positive() })]),
  /** USD per second of output without sound. */
  usdPerSecondSilent: prices,
  /** USD per second of output that starts on a picture, where that is not the price of one from a prompt. */
  usdPerSecondFromImage: prices.optional(),
  /** How long a request may take in all, provider's line included, before it is cancelled. */
  giveUpAfterMinutes: z.int().positive(),
})

const capabilitiesSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9.-]+$/),
  name: z.string().min(1),
  retired: z.strictObject({ on: z.iso.date(), replacement: z.string() }).nullable(),
  seconds: z.array(z.int().positive()).min(1),
  resolutions: z.array(z.enum(RESOLUTIONS)).min(1),
  aspects: z.array(z.enum(ASPECTS)).min(1),
  firstFrame: z.literal(true),
  anchor: z.enum(['last', 'sharpest']),
  colours: z.enum(['as they come', 'nudged']),
  untaggedMatrix: z.enum(UNTAGGED_MATRICES).optional(),
  promptMax: z.int().min(500),
  promptLanguage: z.enum(['en', 'any']),
  usdPerSecond: prices,
  renderSeconds: z.number().positive(),
  source: z.enum(['trainedAlgorithmicMedia', 'algorithmicMedia']),
})

/** How fal takes one model: its endpoints, the keys and values of their inputs, and what they cost. */
export type FalModel = z.infer<typeof falSchema>

/** One model: what it can do, and who runs it. */
export type CatalogueModel = ModelCapabilities &
  ({ provider: 'fal'; fal: FalModel } | { provider: 'openai' | 'local'; fal?: never })

/** What every catalogue must be, beyond its types: each model whole, and nothing in it that contradicts another part. */
export const catalogueSchema = z
  .array(
    z.discriminatedUnion('provider', [
      capabilitiesSchema.extend({ provider: z.literal('fal'), fal: falSchema }),
      capabilitiesSchema.extend({ provider: z.enum(['openai', 'local']) }),
    ]),
  )
  .superRefine((models, context) => {
    const refuse = (id: string, message: string) =>
      context.addIssue({ code: 'custom', message: `${id}: ${message}` })
    for (const [i, model] of models.entries()) {
      if (models.findIndex(({ id }) => id === model.id) !== i) refuse(model.id, 'is there twice')
      const { retired } = model
      if (retired && !models.some((other) => other.id === retired.replacement && !other.retired)) {
        refuse(model.id, `is replaced by ${retired.replacement}, which can't be used`)
      }
      for (const resolution of RESOLUTIONS) {
        if (!model.resolutions.includes(resolution) && model.usdPerSecond[resolution] !== null) {
          refuse(model.id, `has a price for ${resolution}, which it can't do`)
        }
        if (model.provider !== 'fal' || !model.fal.resolution) continue
        if (model.resolutions.includes(resolution) !== resolution in model.fal.resolution) {
          refuse(model.id, `needs fal's word for ${resolution} exactly if it can do that`)
        }
      }
      if (model.provider !== 'fal') continue
      for (const [shown, made] of Object.entries(model.fal.rendered ?? {})) {
        if (!model.seconds.includes(Number(shown)) || made <= Number(shown)) {
          refuse(model.id, `can't cut ${made} s to ${shown} s`)
        }
      }
    }
  })
