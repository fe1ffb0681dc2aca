import { expect, test } from 'vitest'
import { checkPlan } from '../../../src/core/plan.ts'
import type { PlanOrder } from '../../../src/core/ports.ts'
import { createLocalPlanner } from '../../../src/pipeline/planner/local.ts'

const order: PlanOrder = {
  prompt: '여우',
  segments: 10,
  seconds: 4,
  promptMax: 5000,
  aspect: '16:9',
  image: false,
  language: 'any',
  locale: 'ko',
}

test.each([
  ['a short prompt', '눈 속의 여우'],
  ['500 families, each of which is eleven units for a provider', '👨‍👩‍👧‍👦'.repeat(500)],
])('%s becomes a plan that fits the model', async (_, prompt) => {
  const signal = new AbortController().signal
  const plan = await createLocalPlanner().plan({ ...order, prompt }, 'somebody', signal)
  expect(checkPlan(plan, order)).toEqual({ plan })
  for (const shot of plan.shots) expect(shot.prompt.startsWith(prompt.slice(0, 4400))).toBe(true)
})
