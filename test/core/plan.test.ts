import { expect, test } from 'vitest'
import { checkPlan } from '../../src/core/plan.ts'

const SHAPE = { segments: 2, seconds: 8, promptMax: 100 }
const SHOT = { title: '첫 장면', prompt: 'A car drives through neon rain.', seconds: 8 }
const PLAN = { title: '네온 도시', shots: [SHOT, { ...SHOT, title: '둘째 장면' }] }

const withShot = (changes: object) => ({ ...PLAN, shots: [SHOT, { ...SHOT, ...changes }] })

test('an answer that fits is the plan, without blanks around its texts', () => {
  expect(checkPlan(PLAN, SHAPE)).toEqual({ plan: PLAN })
  const spaced = {
    title: '  네온 도시\n',
    shots: PLAN.shots.map((shot) => ({ ...shot, prompt: ` ${shot.prompt} ` })),
  }
  expect(checkPlan(spaced, SHAPE)).toEqual({ plan: PLAN })
})

test('a prompt may be exactly as long as the model takes', () => {
  expect(checkPlan(withShot({ prompt: 'a'.repeat(100) }), SHAPE)).toHaveProperty('plan')
})

test.each([
  ['too few shots', { ...PLAN, shots: [SHOT] }, 'exactly 2 shots, not 1'],
  ['too many shots', { ...PLAN, shots: [SHOT, SHOT, SHOT] }, 'exactly 2 shots, not 3'],
  ['no shots', { ...PLAN, shots: [] }, 'shots'],
  ['a shot of another length', withShot({ seconds: 5 }), 'shot 2 must last 8 seconds, not 5'],
  ['a length in words', withShot({ seconds: '8' }), 'shots.1.seconds'],
  ['a prompt that is too long', withShot({ prompt: 'a'.repeat(101) }), 'prompt of shot 2 is longer than 100'],
  ['a prompt of blanks', withShot({ prompt: '  ' }), 'shots.1.prompt'],
  ['a shot without a title', withShot({ title: undefined }), 'shots.1.title'],
  ['a title that is a paragraph', withShot({ title: 'a'.repeat(81) }), 'shots.1.title'],
  ['a film without a title', { ...PLAN, title: '' }, 'title'],
  ['a field that nobody asked for', withShot({ camera: 'pan' }), 'camera'],
  ['a text', JSON.stringify(PLAN), 'the answer'],
  ['nothing', null, 'the answer'],
  ['nothing at all', undefined, 'the answer'],
  ['a list', [PLAN], 'the answer'],
])('%s is sent back with where and what doesn’t fit, in one line', (_, answer, reason) => {
  const checked = checkPlan(answer, SHAPE)
  if (!('misfit' in checked)) throw new Error('it was taken')
  expect(checked.misfit).toContain(reason)
  expect(checked.misfit).not.toContain('\n')
})
