import { expect, test } from 'vitest'
import { helpAnswer, jobsAnswer } from '../../src/bot/answer.ts'
import { suggestJobs, suggestModels } from '../../src/bot/command.ts'
import type { ModelList } from '../../src/core/request.ts'
import { JOB_ID, job, MODEL } from './support.ts'

const LIST: ModelList = {
  models: [
    MODEL,
    { ...MODEL, id: 'veo-3.1', name: 'Veo 3.1', usdPerSecond: { '720p': null, '1080p': null } },
    { ...MODEL, id: 'not-connected' },
    { ...MODEL, id: 'sora-2', retired: { on: '2026-09-24', replacement: 'wan-2.7' } },
  ],
  usable: ['wan-2.7', 'veo-3.1'],
  default: 'wan-2.7',
}

test('the models that can be used are suggested, with their prices, and those that fit what was typed', () => {
  expect(suggestModels(LIST, '', 'en').map(({ value }) => value)).toEqual(['wan-2.7', 'veo-3.1'])
  expect(suggestModels(LIST, ' VEO', 'ko')).toEqual([
    { value: 'veo-3.1', label: expect.stringMatching(/^Veo 3\.1 .*가격/) },
  ])
  expect(suggestModels(LIST, '', 'en')[0]?.label).toContain('0.10 USD')
})

test('jobs are suggested by their titles or ids', () => {
  const jobs = [job({ status: 'generating', progress: 0.5, title: '네온 드라이브' })]
  expect(suggestJobs(jobs, '', 'ko')).toEqual([{ value: JOB_ID, label: '생성 중 50% · 네온 드라이브' }])
  expect(suggestJobs(jobs, JOB_ID.slice(0, 4), 'en')).toHaveLength(1)
  expect(suggestJobs(jobs, '바다', 'ko')).toEqual([])
})

test('a list of jobs has each with its state and where it can be seen', async () => {
  const link = { label: 'Open', url: 'https://example.com' }
  const { lines } = await jobsAnswer([job({ status: 'failed', progress: 0.35 })], 'en', async () => link)
  expect(lines).toEqual([{ text: expect.stringMatching(/^failed 35% · 네온이/), link }])
  const none = await jobsAnswer([], 'ko', async () => null)
  expect(none.lines[0]?.text).toMatch(/\/sora/)
})

test('help says what is left, which models there are at what price, and which were switched off', () => {
  const allowance = { hour: { limit: 10, used: 3 }, active: { limit: 2, used: 1 } }
  const said = helpAnswer(allowance, LIST, 'discord', 'en').lines.map(({ text }) => text)
  expect(said.join('\n')).toMatch(/3 of 10/)
  expect(said.join('\n')).toMatch(/1 of 2/)
  expect(said.join('\n')).toMatch(/Wan 2\.7 \(wan-2\.7\): 0\.10\/0\.15 USD/)
  expect(said.join('\n')).toMatch(/Veo 3\.1 .*unknown/)
  expect(said.at(-1)).toMatch(/sora-2$/)
  expect(said.join('\n')).toContain('/sora-link')
  expect(said.join('\n')).not.toContain('not-connected')
  const uncounted = helpAnswer({ ...allowance, hour: null }, LIST, 'slack', 'ko')
  expect(uncounted.lines.map(({ text }) => text).join()).not.toContain('10편')
})
