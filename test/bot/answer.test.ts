import { expect, test } from 'vitest'
import { linkAnswer, refusalAnswer } from '../../src/bot/answer.ts'
import { renderAnswer } from '../../src/bot/discord/render.ts'
import { renderAnswer as renderSlackAnswer } from '../../src/bot/slack/render.ts'
import { userError } from '../../src/core/errors.ts'
import { job } from './support.ts'

const jobs = { get: async () => job({ title: '네온 드라이브' }) }

test.each(['ko', 'en'] as const)(
  'a limit is said with its number and with the moment by the reader’s clock: %s',
  async (locale) => {
    const { detail } = userError('hourly_limit', { limit: 7, retry_at: '2026-11-24T12:00:00Z' })
    const answer = await refusalAnswer(detail, locale, jobs)
    const said = JSON.stringify(renderAnswer(answer))
    expect(said).toContain('7')
    expect(said).toContain('<t:1795521600:T> (<t:1795521600:R>)')
    const { blocks, text } = renderSlackAnswer(answer)
    const moment = '<!date^1795521600^{time_secs} ({ago})|2026-11-24T12:00:00.000Z>'
    expect(blocks).toEqual([
      { type: 'section', text: { type: 'mrkdwn', text: expect.stringContaining(moment) } },
    ])
    expect(text).toContain(moment)
  },
)

test('unfinished films are named by what they are called', async () => {
  const { detail } = userError('active_limit', { limit: 2, jobs: ['9b2d4a53'] })
  const { lines } = await refusalAnswer(detail, 'ko', jobs)
  expect(lines[0]?.text).toContain('“네온 드라이브”')
  expect(lines[0]?.text).not.toContain('9b2d4a53')
})

test('an option is called as the reader’s language calls it', async () => {
  const said = async (locale: 'ko' | 'en') => {
    const { detail } = userError('image_too_small', { width: 1, height: 1, min: 300 })
    return (await refusalAnswer(detail, locale, jobs)).lines[0]?.text
  }
  expect([await said('ko'), await said('en')]).toEqual([
    expect.stringMatching(/^이미지: /),
    expect.stringMatching(/^image: /),
  ])
})

test.each(['ko', 'en'] as const)(
  'a link code is said with the page, its end by the reader’s clock, and a warning: %s',
  (locale) => {
    const code = { code: '7KQ2-M9XD', expiresAt: new Date('2026-11-24T12:10:00Z') }
    const answer = linkAnswer(code, 'https://films.example.com/link', locale)
    const discord = JSON.stringify(renderAnswer(answer))
    for (const said of ['7KQ2-M9XD', '<t:1795522200:T>', 'https://films.example.com/link'])
      expect(discord).toContain(said)
    const { blocks } = renderSlackAnswer(answer)
    expect(blocks).toHaveLength(3)
    expect(JSON.stringify(blocks[0])).toContain('7KQ2-M9XD')
    expect(blocks[1]).toMatchObject({
      text: { text: expect.stringContaining('<!date^1795522200^') },
      accessory: { url: 'https://films.example.com/link' },
    })
    expect(linkAnswer(code, null, locale).lines.map(({ link }) => link)).toEqual([null, null, null])
  },
)
