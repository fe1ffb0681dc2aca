import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../../src/pipeline/video/catalogue.ts'
import { catalogueSchema } from '../../../src/pipeline/video/catalogue-schema.ts'

const SPEC = [
  ...['wan-2.7', 'seedance-2.0', 'seedance-2.0-mini', 'kling-3-standard', 'kling-3-pro', 'kling-2.5-turbo'],
  ...['veo-3.1', 'veo-3.1-fast', 'ltx-2.3', 'h3-max', 'vidu-q3', 'local', 'sora-2', 'sora-2-pro'],
]

/** The catalogue with one model changed, as somebody might get it wrong. */
function changed(id: string, change: object): unknown {
  return CATALOGUE.map((model) => (model.id === id ? { ...model, ...change } : model))
}

describe('the catalogue of models', () => {
  it('is whole and without contradictions', () => {
    expect(catalogueSchema.safeParse(CATALOGUE).error?.issues).toBeUndefined()
  })

  it('has every model that people are promised', () => {
    expect(CATALOGUE.map(({ id }) => id).sort()).toEqual(SPEC.sort())
  })

  it('takes every option of a request with its default model', () => {
    const [first] = CATALOGUE
    expect(first).toMatchObject({
      id: 'wan-2.7',
      seconds: [4, 8, 12],
      resolutions: ['720p', '1080p'],
      aspects: ['16:9', '9:16', '1:1'],
    })
  })

  it('knows Sora 2 as retired, with a model that is alive in its place', () => {
    for (const id of ['sora-2', 'sora-2-pro']) {
      const model = CATALOGUE.find((candidate) => candidate.id === id)
      expect(model?.retired).toEqual({ on: '2026-09-24', replacement: 'wan-2.7' })
    }
  })

  it.each([
    ['a model that is there twice', [...CATALOGUE, ...CATALOGUE.slice(0, 1)], 'wan-2.7: is there twice'],
    [
      'a replacement that is gone too',
      changed('sora-2', { retired: { on: '2026-09-24', replacement: 'sora-2-pro' } }),
      'sora-2-pro',
    ],
    [
      'a price of a size that it cannot do',
      changed('ltx-2.3', { usdPerSecond: { '720p': 0.04, '1080p': 0.08 } }),
      'ltx-2.3: has a price for 720p',
    ],
    [
      'a size without a word of fal’s for it',
      changed('ltx-2.3', { resolutions: ['720p', '1080p'] }),
      'ltx-2.3: needs fal',
    ],
    [
      'a length that is rendered but not offered',
      changed('kling-2.5-turbo', { seconds: [4] }),
      "kling-2.5-turbo: can't cut 10 s to 8 s",
    ],
    ['a key that nobody knows', changed('wan-2.7', { colour: 'blue' }), 'colour'],
  ])('refuses %s', (_, models, message) => {
    const { error } = catalogueSchema.safeParse(models)
    expect(error?.message).toContain(message)
  })
})
