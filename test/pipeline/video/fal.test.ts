import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../../src/pipeline/video/catalogue.ts'
import { inputOf, readOrder } from '../../../src/pipeline/video/fal/input.ts'
import { folder, frame, logged, modelAt, orderOf, standIn } from '../../support/fal-model.ts'
import type { Fault } from '../../support/fal-server.ts'
import { judgedByClient } from '../../support/fal-types.ts'

describe('what fal is asked for', () => {
  const all = CATALOGUE.flatMap((model) =>
    model.provider !== 'fal'
      ? []
      : model.seconds.flatMap((seconds) =>
          model.resolutions.flatMap((resolution) =>
            model.aspects.flatMap((aspect) =>
              [null, frame].map((firstFrame) =>
                orderOf({ model: model.id, seconds, resolution, aspect, firstFrame }),
              ),
            ),
          ),
        ),
  )

  it('is taken by every endpoint, for every request that its model permits', async () => {
    const { fal, model } = await standIn()
    for (const order of all) await model.submit(order)
    expect(fal.accepted).toHaveLength(all.length)
  })

  it('fits the types of fal’s own client, where that knows the endpoint', () => {
    const judged = all.map((order) => {
      const falOrder = readOrder(CATALOGUE, order)
      const input = inputOf(falOrder, order.firstFrame === null ? null : 'https://v3.fal.media/frame.png')
      // the client's generator writes choices of whole numbers as texts; fal's pages give these models numbers
      const whole = ['wan-2.7', 'ltx-2.3'].includes(order.model)
      const known = whole ? { ...input, duration: `${input.duration}` } : input
      return judgedByClient(falOrder.endpoint, known)
    })
    expect(judged.filter((complaints) => complaints !== null).length).toBeGreaterThan(50)
    expect(judged.flatMap((complaints) => complaints ?? [])).toEqual([])
  })

  it.each([
    ['Wan', {}, { duration: 8, resolution: '720p' }],
    [
      'Kling',
      { model: 'kling-3-pro', resolution: '1080p' as const },
      { duration: '8', generate_audio: true },
    ],
    ['Veo', { model: 'veo-3.1' }, { duration: '8s', resolution: '720p', aspect_ratio: '16:9' }],
    ['MiniMax', { model: 'h3-max' }, { duration: 8, resolution: '768P' }],
    [
      'a longer clip of Kling 2.5',
      { model: 'kling-2.5-turbo', resolution: '1080p' as const },
      { duration: '10' },
    ],
  ])('is written as %s wants it', async (_, order, input) => {
    const { fal, model } = await standIn()
    await model.submit(orderOf(order))
    expect(fal.accepted[0]?.input).toMatchObject({ prompt: 'A lighthouse at dusk.', ...input })
  })

  it.each([
    ['a model that is not fal’s', { model: 'local' }],
    ['a model that is retired', { model: 'sora-2' }],
    ['a prompt that is too long for the model', { model: 'vidu-q3', prompt: 'x'.repeat(2001) }],
    ['a first frame that is not there', { firstFrame: join(folder, 'none.png') }],
  ])('is refused before anything is sent: %s', async (_, order) => {
    const { fal, model } = await standIn()
    await expect(model.submit(orderOf(order))).rejects.toMatchObject({ kind: 'rejected' })
    expect(fal.seen).toEqual([])
  })

  it('is refused for a model that only goes on from pictures, when there is none', async () => {
    const [wan] = CATALOGUE
    if (wan?.provider !== 'fal') throw new Error('Wan is fal’s')
    const catalogue = [{ ...wan, fal: { ...wan.fal, endpoints: { ...wan.fal.endpoints, text: null } } }]
    const { model } = await standIn({}, { catalogue })
    await expect(model.submit(orderOf({ firstFrame: null }))).rejects.toThrow('needs a picture')
  })
})

describe('a submit', () => {
  it('is paid once, and can be asked after', async () => {
    const { fal, model } = await standIn()
    const { id, urls } = await model.submit(orderOf())
    expect(fal.accepted).toMatchObject([{ id, endpoint: 'fal-ai/wan/v2.7/image-to-video' }])
    expect(urls.status).toBe(`${fal.deps.queueUrl}/fal-ai/wan/requests/${id}/status`)
  })

  it.each<[string, Fault, { accepted: number; kind: string }]>([
    [
      'fal accepts it and the connection drops',
      { drop: 'at once', accept: true },
      { accepted: 1, kind: 'unknown' },
    ],
    [
      'fal accepts it and the answer breaks off',
      { drop: 'in the body', accept: true },
      { accepted: 1, kind: 'unknown' },
    ],
    ['the connection is reset before fal accepts it', { drop: 'at once' }, { accepted: 0, kind: 'unknown' }],
    ['fal accepts it and answers 500', { answer: 500, accept: true }, { accepted: 1, kind: 'unknown' }],
    ['fal accepts it and answers 502', { answer: 502, accept: true }, { accepted: 1, kind: 'unknown' }],
    ['fal answers 503', { answer: 503 }, { accepted: 0, kind: 'unknown' }],
    ['fal accepts it and answers 504', { answer: 504, accept: true }, { accepted: 1, kind: 'unknown' }],
    [
      'fal accepts it and answers nonsense',
      { answer: 200, body: 'hello', accept: true },
      { accepted: 1, kind: 'unknown' },
    ],
    [
      'fal redirects it',
      { answer: 307, headers: { location: '/queue/fal-ai/veo3.1' } },
      { accepted: 0, kind: 'rejected' },
    ],
    [
      'fal asks for money first',
      { answer: 402, body: { detail: 'Exhausted balance' } },
      { accepted: 0, kind: 'rejected' },
    ],
    [
      'fal wants it in half an hour',
      { answer: 429, headers: { 'retry-after': '1800' } },
      { accepted: 0, kind: 'transient' },
    ],
  ])('is sent once, and never paid twice, when %s', async (_, fault, { accepted, kind }) => {
    const { fal, model } = await standIn()
    fal.fault('submit', fault)
    await expect(model.submit(orderOf())).rejects.toMatchObject({ name: 'ProviderError', kind })
    expect(fal.accepted).toHaveLength(accepted)
    expect(fal.seen.filter((line) => line === 'POST /queue/fal-ai/wan/v2.7/image-to-video')).toHaveLength(1)
  })

  it('waits as long as fal says when there is no room, and is then paid once', async () => {
    const { fal, model } = await standIn()
    fal.fault('submit', { answer: 429, headers: { 'retry-after': '0' } }, { answer: 429 })
    await model.submit(orderOf())
    expect(fal.accepted).toHaveLength(1)
  })

  it('can be tried again later when there is no room for long', async () => {
    const { fal, model } = await standIn()
    fal.fault(
      'submit',
      { answer: 429 },
      { answer: 429 },
      { answer: 429, body: { detail: 'Too many requests' } },
    )
    await expect(model.submit(orderOf())).rejects.toMatchObject({
      kind: 'transient',
      message: 'Too many requests',
    })
    expect(fal.accepted).toHaveLength(0)
  })

  it('has an unknown outcome when fal accepts it and never answers', async () => {
    const { fal, model } = await standIn({}, { pace: { timeout: 100 } })
    const hold = fal.hold('submit')
    await expect(model.submit(orderOf())).rejects.toMatchObject({
      kind: 'unknown',
      message: 'fal did not answer in time',
    })
    hold.release()
    expect(fal.accepted).toHaveLength(1)
  })

  it('can be tried again when fal could not be reached at all', async () => {
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const bound = closed.address()
    await new Promise((resolve) => closed.close(resolve))
    const { fal } = await standIn()
    const queueUrl = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`
    const model = modelAt({ ...fal.deps, queueUrl })
    await expect(model.submit(orderOf())).rejects.toMatchObject({ kind: 'transient' })
  })

  it('is refused in words that name FAL_KEY, and never the key', async () => {
    const { fal } = await standIn()
    const model = modelAt({ ...fal.deps, key: 'wrong-secret-key' })
    for (const firstFrame of [frame, null]) {
      const error = await model.submit(orderOf({ firstFrame })).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ kind: 'rejected', message: expect.stringContaining('FAL_KEY') })
      expect(`${error} ${JSON.stringify(error)} ${logged}`).not.toContain('wrong-secret-key')
    }
    expect(fal.accepted).toHaveLength(0)
  })

  it('is refused in fal’s own words', async () => {
    const { fal, model } = await standIn()
    const detail = [{ loc: ['body', 'image_url'], msg: 'Image is too small', type: 'image_too_small' }]
    fal.fault('submit', { answer: 422, body: { detail } })
    await expect(model.submit(orderOf())).rejects.toMatchObject({
      kind: 'rejected',
      message: 'image_url: Image is too small',
    })
  })
})

describe('the first frame', () => {
  it('goes up as a PNG under a name that only this order has', async () => {
    const { fal, model } = await standIn()
    await model.submit(orderOf({ key: 'a/1/1' }))
    await model.submit(orderOf({ key: 'a/1/2' }))
    const [one, two] = fal.accepted.map(({ input }) => String(input.image_url))
    expect(one).toMatch(/_frame-[0-9a-f]{24}\.png$/)
    expect(one?.slice(-30)).not.toBe(two?.slice(-30))
    const served = await fetch(one ?? '')
    expect(Buffer.from(await served.arrayBuffer()).equals(await readFile(frame))).toBe(true)
  })

  it('goes up again when fal’s storage stumbles, and costs nothing', async () => {
    const { fal, model } = await standIn()
    fal.fault('initiate', { answer: 503 }, { drop: 'at once' })
    await model.submit(orderOf())
    fal.fault('upload', { answer: 500 })
    await model.submit(orderOf())
    expect(fal.accepted).toHaveLength(2)
  })

  it('is a passing failure when fal’s storage is down, and nothing was asked for', async () => {
    const { fal, model } = await standIn()
    fal.fault('upload', { answer: 503 }, { drop: 'at once' }, { answer: 500 })
    await expect(model.submit(orderOf())).rejects.toMatchObject({ kind: 'transient' })
    expect(fal.accepted).toHaveLength(0)
  })
})
