import { zodTextFormat } from 'openai/helpers/zod'
import type { EasyInputMessage, Response } from 'openai/resources/responses/responses'
import * as z from 'zod'
import { userError } from '../../core/errors.ts'
import { checkPlan, type Plan } from '../../core/plan.ts'
import type { Planner, PlanOrder } from '../../core/ports.ts'
import { correctionOf, INSTRUCTIONS_VERSION, instructionsFor, requestText } from './instructions.ts'
import { createSend, isPolicy, type OpenAiDeps, type Send, wordsOf } from './openai-client.ts'

/** How often one plan is asked for: once, and twice more with the reason why the answer before didn't fit. */
const ASKS = 3

const TITLE_MAX = { film: 120, shot: 80 }

/**
 * What the model fills in. Lengths and numbers are left to `checkPlan`: a schema of OpenAI's strict mode takes few
 * of them, and not every model the same. The seconds are ours.
 */
const answerSchema = z.object({
  title: z.string().describe('The film’s title.'),
  shots: z
    .array(
      z.object({
        title: z.string().describe('What this shot is, in a few words.'),
        prompt: z.string().describe('What the video model is given for this shot, and nothing else.'),
      }),
    )
    .describe('The shots, in the order in which they are seen.'),
})

/**
 * Plans with OpenAI's Responses API, after a check of the prompt by the moderation endpoint.
 *
 * `plan` throws `UserError`: `prompt_flagged`, `planner_refused`, `planner_cut_off`, `planner_timeout`, `planner_busy`,
 * `planner_down` (the moderation too: what can't be checked isn't planned), `planner_key_refused`, `plan_invalid`; or
 * the signal's reason. None of them and no line of the log holds the key.
 *
 * Sources: developers.openai.com/api/docs/guides/structured-outputs, …/moderation, …/safety-best-practices.
 */
export function createOpenAiPlanner(deps: OpenAiDeps): Planner {
  const send = createSend(deps)
  return {
    id: `openai-${deps.model}-${INSTRUCTIONS_VERSION}`,
    async plan(order, person, signal) {
      await moderate(send, order.prompt, signal)
      return askForPlan(deps, send, order, person, signal)
    },
  }
}

async function moderate(send: Send, prompt: string, signal: AbortSignal): Promise<void> {
  const { results } = await send(
    (client, options) =>
      client.moderations.create({ model: 'omni-moderation-latest', input: prompt }, options),
    signal,
  )
  if (!Array.isArray(results) || results.length === 0) {
    throw userError('planner_down', { reason: 'the moderation gave no result' })
  }
  const flagged = results.filter((result) => result.flagged)
  if (flagged.length === 0) return
  const categories = flagged.flatMap((result) => Object.entries(result.categories ?? {}))
  throw userError('prompt_flagged', {
    categories: [...new Set(categories.filter(([, found]) => found).map(([name]) => name))],
  })
}

async function askForPlan(
  deps: OpenAiDeps,
  send: Send,
  order: PlanOrder,
  person: string,
  signal: AbortSignal,
): Promise<Plan> {
  const { log, model } = deps
  const body = {
    model,
    instructions: instructionsFor(order),
    reasoning: { effort: 'low' as const },
    text: { format: zodTextFormat(answerSchema, 'plan') },
    // a bound, not an aim: what isn't written isn't paid, and reasoning counts
    max_output_tokens: 8000 + 2000 * order.segments,
    safety_identifier: person,
    store: false,
  }
  const request: EasyInputMessage = { role: 'user', content: requestText(order) }
  let input = [request]
  let misfit = ''
  for (let ask = 1; ask <= ASKS; ask += 1) {
    // not `parse`: it throws away, together with the answer, its request id and what the next ask has to show
    const response = await send(
      (client, options) => client.responses.create({ ...body, input }, options),
      signal,
    )
    const about = { request_id: response._request_id ?? null, model, ask }
    const text = textOf(response, deps.apiKey)
    const read = readPlan(text, order)
    if ('plan' in read) {
      const { input_tokens, output_tokens } = response.usage ?? {}
      log.info({ ...about, input_tokens, output_tokens }, 'the film is planned')
      return read.plan
    }
    misfit = read.misfit
    log.warn({ ...about, misfit }, 'the planner’s answer did not fit')
    const before: EasyInputMessage[] = text === '' ? [] : [{ role: 'assistant', content: text }]
    input = [request, ...before, { role: 'developer', content: correctionOf(misfit) }]
  }
  throw userError('plan_invalid', { reason: misfit })
}

/** What the model wrote. Throws where there is a reason that it wrote nothing, or not all. */
function textOf(response: Response, apiKey: string): string {
  if (response?.object !== 'response' || !Array.isArray(response.output)) {
    throw userError('planner_down', { reason: 'the answer is none of OpenAI’s Responses API' })
  }
  const messages = response.output.filter((item) => item.type === 'message')
  const refusal = messages.flatMap((item) => item.content).find((part) => part.type === 'refusal')
  if (refusal) throw userError('planner_refused', { reason: wordsOf(refusal.refusal, apiKey) })
  if (response.status === 'incomplete') {
    const reason = response.incomplete_details?.reason ?? 'incomplete'
    throw userError(reason === 'content_filter' ? 'planner_refused' : 'planner_cut_off', { reason })
  }
  if (response.status && response.status !== 'completed') throw failureOf(response, apiKey)
  return messages
    .filter((item) => (item.phase ?? 'final_answer') === 'final_answer')
    .flatMap((item) => item.content)
    .map((part) => (part.type === 'output_text' ? part.text : ''))
    .join('')
}

/** A failure that OpenAI tells of in an answer with status 200. */
function failureOf({ status, error }: Response, apiKey: string) {
  const reason = wordsOf(error?.message || `the answer is ${status}`, apiKey)
  if (isPolicy(error?.code)) return userError('planner_refused', { reason })
  return userError(error?.code === 'rate_limit_exceeded' ? 'planner_busy' : 'planner_down', { reason })
}

function readPlan(text: string, order: PlanOrder): { plan: Plan } | { misfit: string } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { misfit: text === '' ? 'it is empty' : 'it is not JSON' }
  }
  const answer = answerSchema.safeParse(json)
  if (!answer.success) {
    const issue = answer.error.issues[0]
    return { misfit: `${issue?.path.join('.') || 'the answer'}: ${issue?.message ?? 'wrong shape'}` }
  }
  const { title, shots } = answer.data
  const plan = {
    title: clipped(title, TITLE_MAX.film),
    shots: shots.map((shot) => ({
      title: clipped(shot.title, TITLE_MAX.shot),
      prompt: storable(shot.prompt),
      seconds: order.seconds,
    })),
  }
  return checkPlan(plan, order)
}

/** A title that is too long is cut, since asking again would cost more than it is worth. */
function clipped(title: string, max: number): string {
  const line = storable(title)
  return line.length > max ? `${line.slice(0, max - 1).toWellFormed()}…` : line
}

/** Without what Postgres can't store: NUL and halves of characters. */
function storable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
}
