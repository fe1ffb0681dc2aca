/**
 * What fal's endpoints take, written from fal's pages (shared facts of August 2026) and not from the catalogue: a
 * stand-in that asked the catalogue would agree with its mistakes.
 */
type Field = (value: unknown) => string | null

interface Endpoint {
  required: readonly string[]
  fields: Readonly<Record<string, Field>>
}

/** One entry of fal's `detail`. */
export interface Complaint {
  loc: readonly string[]
  msg: string
  type: string
}

const text =
  (longest: number): Field =>
  (value) => {
    if (typeof value !== 'string') return 'Input should be a valid string'
    return value.length > longest ? `String should have at most ${longest} characters` : null
  }
const whole =
  (least: number, most: number): Field =>
  (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) return 'Input should be a valid integer'
    return value < least || value > most ? `Input should be between ${least} and ${most}` : null
  }
const one =
  (...allowed: (string | number)[]): Field =>
  (value) =>
    allowed.some((candidate) => candidate === value)
      ? null
      : `Input should be ${allowed.map((v) => JSON.stringify(v)).join(' or ')}`
const flag: Field = (value) => (typeof value === 'boolean' ? null : 'Input should be a valid boolean')
const address: Field = (value) =>
  typeof value === 'string' && URL.canParse(value) ? null : 'Input should be a valid URL'
const seed = whole(0, 2 ** 31 - 1)
const digits = (from: number, to: number) =>
  one(...Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`))

function pair(
  text_: { id: string; fields: Record<string, Field> },
  image: { id: string; frame: string; fields?: Record<string, Field> },
  common: Record<string, Field>,
): Record<string, Endpoint> {
  return {
    [text_.id]: { required: ['prompt'], fields: { ...common, ...text_.fields } },
    [image.id]: {
      required: ['prompt', image.frame],
      fields: { ...common, [image.frame]: address, ...image.fields },
    },
  }
}

const fiveAspects = one('16:9', '9:16', '1:1', '4:3', '3:4')
const seedanceAspects = one('auto', '21:9', '16:9', '4:3', '1:1', '3:4', '9:16')
const seedance = (folder: string, resolution: Field) =>
  pair(
    { id: `bytedance/seedance-2.0/${folder}text-to-video`, fields: {} },
    {
      id: `bytedance/seedance-2.0/${folder}image-to-video`,
      frame: 'image_url',
      fields: { end_image_url: address },
    },
    {
      prompt: text(5000),
      duration: one('auto', ...Array.from({ length: 12 }, (_, i) => `${i + 4}`)),
      resolution,
      aspect_ratio: seedanceAspects,
      generate_audio: flag,
      seed,
    },
  )
const kling3 = (tier: string) =>
  pair(
    {
      id: `fal-ai/kling-video/v3/${tier}/text-to-video`,
      fields: { aspect_ratio: one('16:9', '9:16', '1:1') },
    },
    {
      id: `fal-ai/kling-video/v3/${tier}/image-to-video`,
      frame: 'start_image_url',
      fields: { end_image_url: address },
    },
    { prompt: text(2500), duration: digits(3, 15), generate_audio: flag },
  )
const veo = (id: string) =>
  pair(
    { id, fields: { aspect_ratio: one('16:9', '9:16') } },
    { id: `${id}/image-to-video`, frame: 'image_url', fields: { aspect_ratio: one('auto', '16:9', '9:16') } },
    {
      prompt: text(5000),
      duration: one('4s', '6s', '8s'),
      resolution: one('720p', '1080p', '4k'),
      generate_audio: flag,
      seed,
    },
  )

/** Every endpoint that the stand-in has. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  ...pair(
    { id: 'fal-ai/wan/v2.7/text-to-video', fields: { aspect_ratio: fiveAspects } },
    { id: 'fal-ai/wan/v2.7/image-to-video', frame: 'image_url', fields: { end_image_url: address } },
    {
      prompt: text(5000),
      duration: whole(2, 15),
      resolution: one('720p', '1080p'),
      audio_url: address,
      seed,
    },
  ),
  ...seedance('', one('480p', '720p', '1080p', '4k')),
  ...seedance('mini/', one('480p', '720p')),
  ...kling3('standard'),
  ...kling3('pro'),
  ...pair(
    {
      id: 'fal-ai/kling-video/v2.5-turbo/pro/text-to-video',
      fields: { aspect_ratio: one('16:9', '9:16', '1:1') },
    },
    {
      id: 'fal-ai/kling-video/v2.5-turbo/pro/image-to-video',
      frame: 'image_url',
      fields: { tail_image_url: address },
    },
    { prompt: text(2500), duration: one('5', '10') },
  ),
  ...veo('fal-ai/veo3.1'),
  ...veo('fal-ai/veo3.1/fast'),
  ...pair(
    { id: 'fal-ai/ltx-2.3/text-to-video', fields: { aspect_ratio: one('16:9', '9:16') } },
    {
      id: 'fal-ai/ltx-2.3/image-to-video',
      frame: 'image_url',
      fields: { aspect_ratio: one('auto', '16:9', '9:16'), end_image_url: address },
    },
    {
      prompt: text(5000),
      duration: one(6, 8, 10),
      resolution: one('1080p', '1440p', '2160p'),
      generate_audio: flag,
    },
  ),
  ...pair(
    {
      id: 'minimax/h3-max/text-to-video',
      fields: {
        aspect_ratio: one('21:9', '16:9', '4:3', '1:1', '3:4', '9:16'),
        prompt_expansion_mode: one('disabled', 'balanced', 'quality'),
      },
    },
    { id: 'minimax/h3-max/image-to-video', frame: 'image_url', fields: { end_image_url: address } },
    { prompt: text(5000), duration: whole(5, 15), resolution: one('480P', '768P', '1080P'), seed },
  ),
  ...pair(
    { id: 'fal-ai/vidu/q3/text-to-video', fields: { aspect_ratio: fiveAspects } },
    { id: 'fal-ai/vidu/q3/image-to-video', frame: 'image_url', fields: { end_image_url: address } },
    {
      prompt: text(2000),
      duration: whole(1, 16),
      resolution: one('360p', '540p', '720p', '1080p'),
      audio: flag,
      seed,
    },
  ),
}

/** What an endpoint has against an input: a missing, unknown or wrong field, in fal's own form. */
export function complaintsOf(endpoint: Endpoint, input: Record<string, unknown>): Complaint[] {
  const missing = endpoint.required
    .filter((key) => !(key in input))
    .map((key) => ({ loc: ['body', key], msg: 'Field required', type: 'missing' }))
  const wrong = Object.entries(input).flatMap(([key, value]) => {
    const field = endpoint.fields[key]
    if (!field)
      return [{ loc: ['body', key], msg: 'Extra inputs are not permitted', type: 'extra_forbidden' }]
    const msg = field(value)
    return msg === null ? [] : [{ loc: ['body', key], msg, type: 'value_error' }]
  })
  return [...missing, ...wrong]
}
