import * as z from 'zod'

/**
 * What a planner answers: a film's title and its shots in order.
 * Each shot's prompt stands alone: it says what is seen, style, light and camera, and how it opens on the frame before.
 */
export const planSchema = z.strictObject({
  title: z.string().trim().min(1).max(120),
  shots: z
    .array(
      z.strictObject({
        title: z.string().trim().min(1).max(80),
        prompt: z.string().trim().min(1).max(5000),
        seconds: z.number().positive(),
      }),
    )
    .min(1),
})

export type Plan = z.infer<typeof planSchema>

/** What a plan has to fit. `seconds` is the length of every shot; `promptMax` counts UTF-16 units, as providers do. */
export interface PlanShape {
  segments: number
  seconds: number
  promptMax: number
}

/** Checks a planner's answer. Returns the plan, or one sentence for the planner that says what doesn't fit. */
export function checkPlan(answer: unknown, shape: PlanShape): { plan: Plan } | { misfit: string } {
  const parsed = planSchema.safeParse(answer)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return { misfit: `${issue?.path.join('.') || 'the answer'}: ${issue?.message ?? 'wrong shape'}` }
  }
  const { shots } = parsed.data
  if (shots.length !== shape.segments) {
    return { misfit: `there must be exactly ${shape.segments} shots, not ${shots.length}` }
  }
  for (const [i, shot] of shots.entries()) {
    if (shot.seconds !== shape.seconds) {
      return { misfit: `shot ${i + 1} must last ${shape.seconds} seconds, not ${shot.seconds}` }
    }
    if (shot.prompt.length > shape.promptMax) {
      return { misfit: `the prompt of shot ${i + 1} is longer than ${shape.promptMax} characters` }
    }
  }
  return { plan: parsed.data }
}
