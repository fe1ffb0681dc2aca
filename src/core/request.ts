import * as z from 'zod'
import type { UntaggedMatrix } from './colour.ts'
import { type ErrorDetail, userError } from './errors.ts'

export const LOCALES = ['ko', 'en'] as const
export type Locale = (typeof LOCALES)[number]

export const RESOLUTIONS = ['720p', '1080p'] as const
export const ASPECTS = ['16:9', '9:16', '1:1'] as const
export const SECONDS = [4, 8, 12] as const
export const SEGMENTS = { min: 2, max: 10, default: 4 } as const
export const PROMPT_MAX = 500
/** In milliseconds: half of the shortest segment. */
export const CROSSFADE_MAX = 2000

/** A picture that a film may open on: bytes, and pixels of its shorter side. */
export const IMAGE = { bytesMax: 20_000_000, sideMin: 300, kinds: ['PNG', 'JPEG', 'WebP'] } as const

export type Resolution = (typeof RESOLUTIONS)[number]
export type Aspect = (typeof ASPECTS)[number]

/** How the segments are put together. `crossfade`: how long each dissolves into the next, in ms; 0: not at all. */
export interface JoinWishes {
  crossfade: number
  /** Every segment's sound at one loudness. */
  levelSound: boolean
  /** Each segment's clip is kept beside the film. */
  keepClips: boolean
}

/** What nobody asked for: segments that meet without a dissolve, their sound as it came, and the film alone. */
export const PLAIN_JOIN: JoinWishes = { crossfade: 0, levelSound: false, keepClips: false }

/** A film that somebody asked for, checked. `seconds` is the length of each segment; `image`: it opens on a picture of theirs. */
export interface VideoRequest extends JoinWishes {
  prompt: string
  segments: number
  seconds: number
  resolution: Resolution
  aspect: Aspect
  model: string
  image: boolean
}

/** What a surface hands over: strings as people typed them, or numbers. Absent options take their defaults. */
export type RequestInput = { [K in keyof VideoRequest]?: unknown }

/** What is true of one video model. Prices are USD per second of output, null where unknown. */
export interface ModelCapabilities {
  id: string
  name: string
  /** The day on which it was switched off, and the model to take instead. */
  retired: { on: string; replacement: string } | null
  seconds: readonly number[]
  resolutions: readonly Resolution[]
  aspects: readonly Aspect[]
  /** It can start on a given picture. Without that it can't go on from the frame before. */
  firstFrame: boolean
  /** The frame that the next segment opens on, where the clip is cut: the last one, or a far sharper one shortly before it. */
  anchor: 'last' | 'sharpest'
  /** Colours of that frame: as the clip has them, or nudged towards the first clip's where the clips drift away from them. */
  colours: 'as they come' | 'nudged'
  /** The matrix of its clips if they name none, for a model that the rule (`UNTAGGED_MATRIX`) is wrong about. */
  untaggedMatrix?: UntaggedMatrix | undefined
  /** In UTF-16 units. */
  promptMax: number
  /** The language that its prompts are best written in; `any`: the user's own. */
  promptLanguage: 'en' | 'any'
  usdPerSecond: Readonly<Record<Resolution, number | null>>
  /** About how many seconds a segment takes to render; told to people until there are segments to learn it from. */
  renderSeconds: number
  /** IPTC's term for what it makes, which a film's metadata must say. */
  source: 'trainedAlgorithmicMedia' | 'algorithmicMedia'
}

/** The catalogue as a request sees it: every model that is known, and those that this installation can use. */
export interface ModelList {
  models: readonly ModelCapabilities[]
  usable: readonly string[]
  default: string
}

const PIXELS: Record<Resolution, number> = { '720p': 720, '1080p': 1080 }

/** The picture's size in pixels: the resolution is its short side. */
export function frameSize(resolution: Resolution, aspect: Aspect): { width: number; height: number } {
  const short = PIXELS[resolution]
  const long = (short * 16) / 9
  if (aspect === '1:1') return { width: short, height: short }
  return aspect === '16:9' ? { width: long, height: short } : { width: short, height: long }
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** The length of a text as a reader counts it, in grapheme clusters. */
export function readerLength(text: string): number {
  let length = 0
  for (const _ of graphemes.segment(text)) length += 1
  return length
}

const wholeNumber = z.union([
  z.int().nonnegative(),
  z
    .string()
    .regex(/^\s*\d{1,9}\s*$/)
    .transform(Number),
])

/**
 * Checks what was asked for against the limits and against what the chosen model can do.
 * Throws a `UserError` that names the option, what was given and what is allowed, before anything is stored or spent.
 */
export function parseRequest(input: RequestInput, list: ModelList): VideoRequest {
  const prompt = parsePrompt(input.prompt)
  const segmentChoices = Array.from({ length: SEGMENTS.max - SEGMENTS.min + 1 }, (_, i) => i + SEGMENTS.min)
  const segments = oneOf('segments', input.segments ?? SEGMENTS.default, segmentChoices, [
    `${SEGMENTS.min}–${SEGMENTS.max}`,
  ])
  const seconds = oneOf('seconds', input.seconds ?? 8, SECONDS)
  const resolution = oneOf('resolution', input.resolution ?? '720p', RESOLUTIONS)
  const aspect = oneOf('aspect', input.aspect ?? '16:9', ASPECTS)
  const image = input.image === true
  const model = parseModel(input.model, list)
  const wishes = parseWishes(input)
  const request = { prompt, segments, seconds, resolution, aspect, model: model.id, image, ...wishes }
  const misfit = misfitOf(request, model)
  if (misfit) {
    const alternative = list.models.find(
      (other) => list.usable.includes(other.id) && !other.retired && !misfitOf(request, other),
    )
    throw userError('combination_unsupported', {
      model: model.id,
      ...misfit,
      alternative: alternative?.id ?? null,
    })
  }
  return request
}

function parseWishes(input: RequestInput): JoinWishes {
  const given = input.crossfade ?? PLAIN_JOIN.crossfade
  const crossfade = wholeNumber.pipe(z.int().max(CROSSFADE_MAX)).safeParse(given)
  if (!crossfade.success) {
    const allowed = [`0–${CROSSFADE_MAX}`]
    throw userError('option_invalid', { option: 'crossfade', given: shown(given), allowed })
  }
  return {
    crossfade: crossfade.data,
    levelSound: input.levelSound === true,
    keepClips: input.keepClips === true,
  }
}

/** A character that can be seen: no blank, no sign that only turns or joins others. */
const VISIBLE = /[^\s\p{Z}\p{C}\p{M}\u115f\u1160\u3164\uffa0]/u

function parsePrompt(given: unknown): string {
  const prompt = typeof given === 'string' ? printable(given) : ''
  if (!VISIBLE.test(prompt)) throw userError('prompt_empty', { max: PROMPT_MAX })
  // one cluster may hold any number of code points, so a text far longer than any language needs is refused by its size
  const length = prompt.length > PROMPT_MAX * 32 ? prompt.length : readerLength(prompt)
  if (length > PROMPT_MAX) throw userError('prompt_too_long', { given: length, max: PROMPT_MAX })
  return prompt
}

/** Text that every database, terminal and provider can take: no control characters but line breaks and tabs, no half emoji. */
function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}--[\n\r\t]]/gv, ' ')
    .trim()
}

function oneOf<T extends string | number>(
  option: string,
  given: unknown,
  values: readonly T[],
  allowed: readonly string[] = values.map(String),
): T {
  const numeric = typeof values[0] === 'number' ? wholeNumber.safeParse(given) : null
  const value = numeric ? numeric.data : typeof given === 'string' ? given.trim() : given
  const found = values.find((candidate) => candidate === value)
  if (found === undefined) throw userError('option_invalid', { option, given: shown(given), allowed })
  return found
}

function parseModel(given: unknown, list: ModelList): ModelCapabilities {
  const id = given ?? list.default
  const model = list.models.find((candidate) => candidate.id === (typeof id === 'string' ? id.trim() : id))
  if (!model)
    throw userError('option_invalid', { option: 'model', given: shown(given), allowed: list.usable })
  if (model.retired) {
    const { on, replacement } = model.retired
    throw userError('model_retired', {
      model: model.id,
      retired_on: on,
      replacement: list.usable.includes(replacement) ? replacement : list.default,
    })
  }
  if (!list.usable.includes(model.id)) {
    throw userError('model_unavailable', { model: model.id, allowed: list.usable })
  }
  return model
}

type Misfit = Pick<
  Extract<ErrorDetail, { code: 'combination_unsupported' }>['data'],
  'option' | 'given' | 'allowed'
>

function misfitOf(request: VideoRequest, model: ModelCapabilities): Misfit | null {
  const checks = [
    ['seconds', request.seconds, model.seconds],
    ['resolution', request.resolution, model.resolutions],
    ['aspect', request.aspect, model.aspects],
  ] as const
  for (const [option, given, allowed] of checks) {
    if (!(allowed as readonly unknown[]).includes(given)) {
      return { option, given: String(given), allowed: allowed.map(String) }
    }
  }
  return null
}

/** What was given, as an error repeats it: short, on one line, never a control character. */
export function shown(given: unknown): string {
  const text = typeof given === 'string' ? given : (JSON.stringify(given) ?? String(given))
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > 60 ? `${line.slice(0, 59).toWellFormed()}…` : line
}
