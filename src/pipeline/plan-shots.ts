import { createHash } from 'node:crypto'
import { userError } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import { checkPlan, type Plan } from '../core/plan.ts'
import type { PlanCache, Planner, PlanOrder } from '../core/ports.ts'
import type { ModelCapabilities } from '../core/request.ts'

export interface PlanDeps {
  planner: Planner
  plans: PlanCache
  capabilities: (model: string) => ModelCapabilities
}

/** A job's shots: from the cache where the same was planned before, else from the planner, checked. */
export async function planShots(deps: PlanDeps, job: Job, signal: AbortSignal): Promise<Plan> {
  const { request, locale } = job
  const model = deps.capabilities(request.model)
  const order: PlanOrder = {
    prompt: request.prompt,
    segments: request.segments,
    seconds: request.seconds,
    aspect: request.aspect,
    image: request.image,
    promptMax: model.promptMax,
    language: model.promptLanguage,
    locale,
  }
  const key = createHash('sha256')
    .update(JSON.stringify([deps.planner.id, order]))
    .digest('hex')
  const person = createHash('sha256').update(job.userId).digest('hex')
  const cached = await deps.plans.get(key)
  const checked = checkPlan(cached ?? (await deps.planner.plan(order, person, signal)), order)
  if ('misfit' in checked) throw userError('plan_invalid', { reason: checked.misfit })
  if (!cached) await deps.plans.put(key, checked.plan)
  return checked.plan
}
