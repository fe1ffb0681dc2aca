import { expect, test } from 'vitest'
import { parseCommand } from '../../../src/bot/slack/parse.ts'
import { UserError } from '../../../src/core/errors.ts'

const film = (input: object, image: string | null = null) => ({ command: 'sora', input, image })
const ALL = { prompt: 'a cat', segments: '4', seconds: '8', aspect: '9:16', model: 'wan-2.7' }

test.each([
  'a cat --segments 4 --seconds 8 --aspect 9:16 --model wan-2.7',
  'a cat segments:4 seconds:8 aspect:9:16 model:wan-2.7',
  'a cat segments=4 seconds=8 aspect=9:16 model=wan-2.7',
  'a cat segments: 4 seconds: 8 aspect: 9:16 model: wan-2.7',
  '--segments=4 --seconds:8 a cat --aspect "9:16" --model “wan-2.7”',
  // as Slack's smart punctuation and Korean keyboards make them
  'a cat —segments 4 –seconds 8 ——aspect 9：16 －－model wan-2.7',
  'a cat 세그먼트：４ 초：8 화면비：9：16 모델：wan-2.7',
  'a cat --세그먼트 4 —초 8 —화면비 9:16 --모델 wan-2.7',
  '“a cat” --SEGMENTS 4 --Seconds 8 --aspect 9:16 --model wan-2.7',
  '"a cat"\n--segments 4\n--seconds 8\n--aspect 9:16\n--model wan-2.7',
  'prompt:a cat --segments 4 --seconds 8 --aspect 9:16 --model wan-2.7',
  // as people write lists, count, and put quotes
  'segments:4, seconds:8, aspect:9:16, model:wan-2.7, a cat',
  'a cat, 세그먼트:4개, 초:8초, 화면비:9:16, 모델:wan-2.7',
  'a cat 세그먼트：4개，길이：8초，비율：9：16，모델：wan-2.7',
  "'a cat' --segments '4' --seconds ‘8’ --aspect 「9:16」 --model «wan-2.7»",
  '”a cat” --segments 4개 --seconds 8s --aspect "9:16” --model wan-2.7',
  '/sora a cat --segments 4 --seconds 8 --aspect 9:16 --model wan-2.7',
])('options are understood however they are typed: %s', (typed) => {
  expect(parseCommand(typed)).toEqual(film(ALL))
})

test.each([
  ['새벽—바다로 가는 길 — 안개', '새벽—바다로 가는 길 — 안개'],
  ['a man says: "stop" -- and leaves', 'a man says: "stop" -- and leaves'],
  ["don't stop: seconds: later, model: a ship", "don't stop: seconds: later, model: a ship"],
  ['"a cat --segments 9 in quotes"', 'a cat --segments 9 in quotes'],
  ['jobs for robots', 'jobs for robots'],
  ['cancel culture', 'cancel culture'],
  ['—그리고 끝', '—그리고 끝'],
  ['one\n\ntwo', 'one\n\ntwo'],
  ['네온 시티: 비', '네온 시티: 비'],
  ["'tis the season, isn't it", "'tis the season, isn't it"],
  ['a -model shoot with a model:t-shirt show', 'a -model shoot with a model:t-shirt show'],
  ['cancel all the robots', 'cancel all the robots'],
  ['12:30 in the morning, meeting at 4:5', '12:30 in the morning, meeting at 4:5'],
])('what is no option is the prompt: %s', (typed, prompt) => {
  expect(parseCommand(typed)).toEqual(film({ prompt }))
})

test.each([
  ['neon city: --segments 2', 'neon city:', { segments: '2' }],
  ['네온 시티: 세그먼트:2 초:4', '네온 시티:', { segments: '2', seconds: '4' }],
  ['a man -alone --segments 2', 'a man -alone', { segments: '2' }],
  ['밤 —비 —세그먼트 2', '밤 —비', { segments: '2' }],
  ['a cat -- --segments 4', 'a cat --', { segments: '4' }],
  ['등대: seconds:4 segments:2', '등대:', { segments: '2', seconds: '4' }],
])('an option counts whatever stands before it: %s', (typed, prompt, options) => {
  expect(parseCommand(typed)).toEqual(film({ prompt, ...options }))
})

test('a value that an option can’t have is checked, and never taken for the prompt', () => {
  expect(parseCommand('a cat seconds:5x')).toEqual(film({ prompt: 'a cat', seconds: '5x' }))
  expect(parseCommand('a cat 화면비:9대16')).toEqual(film({ prompt: 'a cat', aspect: '9대16' }))
})

test.each([
  ['a cat --image https://example.com/a.png', 'https://example.com/a.png'],
  ['a cat image:https://example.com/a.png', 'https://example.com/a.png'],
  ['a cat 그림：<https://example.com/a.png|example.com>', 'https://example.com/a.png'],
  ['이미지:https://example.com/a,b|c.png a cat', 'https://example.com/a,b|c.png'],
])('a picture is named by its link: %s', (typed, link) => {
  expect(parseCommand(typed)).toEqual(film({ prompt: 'a cat' }, link))
})

test('a word alone asks for something else, in either language', () => {
  const id = '9b2d4a53-0d4c-4f4e-8a53-5a3c3f1c9d10'
  expect(parseCommand('  ')).toEqual({ command: null })
  for (const word of ['jobs', 'JOBS', 'list', '작업', '목록'])
    expect(parseCommand(word)).toEqual({ command: 'sora-jobs' })
  for (const word of ['help', 'help!', '/sora help', '도움말'])
    expect(parseCommand(word)).toEqual({ command: 'sora-help' })
  for (const word of ['cancel', '취소']) {
    expect(parseCommand(word)).toEqual({ command: 'sora-cancel', job: null })
    expect(parseCommand(`${word} ${id}`)).toEqual({ command: 'sora-cancel', job: id })
    // with a slip it is no film either
    expect(parseCommand(`${word} ${id.slice(2)}`)).toEqual({ command: 'sora-cancel', job: id.slice(2) })
  }
})

test('an option that there isn’t is told of, with those that there are; one without a value is checked as such', () => {
  expect(() => parseCommand('a cat --frames 9')).toThrow(UserError)
  expect(parseCommand('a cat --segments')).toEqual(film({ prompt: 'a cat', segments: '' }))
})
