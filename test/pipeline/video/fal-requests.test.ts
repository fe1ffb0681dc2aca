import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RenderOrder, VideoModel } from '../../../src/core/ports.ts'
import type { RemoteRequest } from '../../../src/core/segment.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { ffmpeg } from '../../support/clips.ts'
import { folder, logged, modelAt, never, orderOf, standIn } from '../../support/fal-model.ts'
import type { FalServer, Fault } from '../../support/fal-server.ts'

const media = createMedia(ffmpeg)

describe('an order whose answer was lost', () => {
  /** Submits with an answer that never comes, as a process that was killed would have it. */
  async function lose(fal: FalServer, model: VideoModel, order: RenderOrder, accept = true): Promise<void> {
    fal.fault('submit', { drop: 'at once', accept })
    await expect(model.submit(order)).rejects.toMatchObject({ kind: 'unknown' })
  }

  it.each([
    ['a picture', {}],
    ['a prompt', { firstFrame: null }],
    ['a prompt, with a model that takes no seed', { firstFrame: null, model: 'kling-3-standard' }],
  ])('is found by a new process, and goes on, when it starts on %s', async (_, more) => {
    const { fal, model } = await standIn({ unlistedFor: 3 })
    const order = orderOf(more)
    await model.submit(orderOf({ ...more, key: 'another/1/1', prompt: 'Another film.' }))
    await lose(fal, model, order)
    const found = await modelAt(fal.deps, { pace: { unlisted: 2000 } }).find(order, never)
    expect(found).toMatchObject({ id: fal.accepted[1]?.id })
    const clip = await model.wait(order, found as RemoteRequest, never)
    expect(clip.url).toContain(fal.accepted[1]?.id)
    expect(fal.accepted).toHaveLength(2)
  })

  it('is told from the same shot of another film with the same words', async () => {
    const { fal, model } = await standIn()
    const mine = orderOf({ key: 'mine/1/1', firstFrame: null })
    await model.submit(orderOf({ key: 'other/1/1', firstFrame: null }))
    expect(await model.find(mine, never)).toBe('absent')
    await lose(fal, model, mine)
    expect(await model.find(mine, never)).toMatchObject({ id: fal.accepted[1]?.id })
  })

  it('is absent when fal never had it', async () => {
    const { fal, model } = await standIn()
    await lose(fal, model, orderOf(), false)
    expect(await model.find(orderOf(), never)).toBe('absent')
  })

  it('is found on the last of many pages', async () => {
    const { fal, model } = await standIn()
    const order = orderOf({ firstFrame: null })
    await lose(fal, model, order)
    for (let i = 0; i < 120; i += 1) await model.submit(orderOf({ key: `${i}`, firstFrame: null }))
    expect(await model.find(order, never)).toMatchObject({ id: fal.accepted[0]?.id })
    expect(await model.find(orderOf({ key: 'no such', firstFrame: null }), never)).toBe('absent')
  })

  it.each<[string, Fault[]]>([
    ['the key may not read it', [{ answer: 403, body: { detail: 'Forbidden' } }]],
    ['fal has none', [{ answer: 404 }]],
    ['it is in another form', [{ answer: 200, body: { requests: [] } }]],
    ['it is cut off', [{ answer: 200, body: { items: [], has_more: true, next_cursor: null } }]],
    ['its inputs are not kept', [{ answer: 200, body: { items: [{ request_id: 'r', json_input: null }] } }]],
    ['it can’t be reached', [{ answer: 503 }, { drop: 'at once' }, { answer: 500 }]],
  ])('stays unknown when the list can’t tell: %s', async (_, faults) => {
    const { fal, model } = await standIn()
    fal.fault('list', ...faults)
    expect(await model.find(orderOf(), never)).toBe('unknown')
  })

  it('is looked for again when the list stumbles', async () => {
    const { fal, model } = await standIn()
    await lose(fal, model, orderOf())
    fal.fault('list', { answer: 502 })
    expect(await model.find(orderOf(), never)).toMatchObject({ id: fal.accepted[0]?.id })
  })

  it('is no longer looked for when the job is stopped', async () => {
    const { model } = await standIn({}, { pace: { unlisted: 60_000 } })
    const stop = new AbortController()
    const found = model.find(orderOf(), stop.signal)
    setTimeout(() => stop.abort(new Error('stopped')), 20)
    await expect(found).rejects.toThrow()
  })
})

describe('a request that is waited for', () => {
  async function waiting(fal: FalServer, model: VideoModel, order = orderOf()) {
    const request = await model.submit(order)
    const positions: number[] = []
    const clip = model.wait(order, request, never, (position) => positions.push(position))
    return { clip, positions, request, accepted: fal.accepted[0] }
  }

  it('tells its place in line, then gives the clip and its price', async () => {
    const { fal, model } = await standIn()
    fal.outcomes.push({ steps: [2, 2, 1, 0, 'running'] })
    const { clip, positions } = await waiting(fal, model)
    expect(await clip).toEqual({ url: expect.stringContaining('/media/files/'), costUsd: 0.8 })
    expect(positions).toEqual([2, 1, 0])
  })

  it.each([
    ['in seconds', {}, undefined, 0.8],
    ['in tokens', { model: 'seedance-2.0-mini' }, '172.8', 1.2096],
    [
      'in the seconds that were made, of which some are cut',
      { model: 'kling-2.5-turbo', resolution: '1080p' as const },
      '10',
      0.7,
    ],
    [
      'from a picture, where that has its own price',
      { model: 'ltx-2.3', resolution: '1080p' as const },
      '8',
      0.48,
    ],
    ['as unknown where fal doesn’t say', {}, null, null],
    ['as unknown where the price isn’t known', { model: 'kling-3-standard' }, '8', null],
    ['as unknown where the units can’t be seconds', {}, '1', null],
    ['as unknown, never as nothing', {}, '0', null],
  ])('has its cost counted %s', async (_, order, units, costUsd) => {
    const { fal, model } = await standIn()
    fal.outcomes.push(units === undefined ? {} : { units })
    const { clip } = await waiting(fal, model, orderOf(order))
    expect((await clip).costUsd).toBe(costUsd)
  })

  it('survives five 500s in a row, and a connection that drops', async () => {
    const { fal, model } = await standIn()
    const five = Array.from({ length: 5 }, (): Fault => ({ answer: 500 }))
    fal.fault('status', ...five, { drop: 'at once' }, { answer: 429 })
    fal.fault('result', { answer: 502, body: 'Bad Gateway' }, { drop: 'in the body' })
    const { clip } = await waiting(fal, model)
    expect((await clip).url).toContain('/media/')
  })

  it.each<[string, Fault, string]>([
    ['stays paid for while fal can’t be asked', { answer: 500 }, 'unknown'],
    ['is lost when fal has never heard of it', { answer: 404 }, 'rejected'],
  ])('%s', async (_, fault, kind) => {
    const { fal, model } = await standIn({}, { pace: { patience: 0 } })
    fal.fault('status', fault)
    const { clip, request } = await waiting(fal, model)
    await expect(clip).rejects.toMatchObject({ kind, requestId: request.id })
  })

  it('stays paid for when the key is refused, which is said', async () => {
    const { fal, model } = await standIn()
    const request = await model.submit(orderOf())
    const other = modelAt({ ...fal.deps, key: 'wrong-secret-key' })
    const error = await other.wait(orderOf(), request, never).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ kind: 'unknown', message: expect.stringContaining('FAL_KEY') })
    expect(`${error}`).not.toContain('wrong-secret-key')
  })

  const detail = (type: string, msg: string) => ({ detail: [{ loc: ['body', 'prompt'], msg, type }] })
  it.each([
    [
      'its content',
      { status: 422, body: detail('content_policy_violation', 'The prompt was flagged.') },
      { kind: 'rejected', reason: 'content_policy', message: 'prompt: The prompt was flagged.' },
    ],
    [
      'its picture',
      { status: 422, body: detail('image_load_error', 'No image') },
      { kind: 'rejected', reason: null },
    ],
    [
      'a word of its own',
      { status: 422, body: { detail: 'Bad duration' } },
      { kind: 'rejected', message: 'Bad duration' },
    ],
    [
      'a fault of its own that passes',
      { status: 422, body: detail('generation_timeout', 'Too slow') },
      { kind: 'transient' },
    ],
    [
      'a runner that died',
      { status: 500, body: detail('runner_disconnected', 'Runner left') },
      { kind: 'transient' },
    ],
    [
      'a fault that fal says will pass',
      { status: 503, body: {}, headers: { 'x-fal-retryable': 'true' } },
      { kind: 'transient' },
    ],
    [
      'a fault that fal says will stay',
      { status: 500, body: {}, headers: { 'x-fal-retryable': 'false' } },
      { kind: 'rejected' },
    ],
    [
      'a named fault downstream',
      { status: 502, body: 'x', headers: { 'x-fal-error-type': 'downstream_service_error' } },
      { kind: 'transient' },
    ],
    ['an answer without a clip', { status: 200, body: { images: [] } }, { kind: 'rejected' }],
  ])('fails for %s, as fal says it', async (_, answer, failure) => {
    const { fal, model } = await standIn()
    fal.outcomes.push({ answer })
    const { clip, request } = await waiting(fal, model)
    await expect(clip).rejects.toMatchObject({ name: 'ProviderError', requestId: request.id, ...failure })
  })

  it('is given up and cancelled after the catalogue’s minutes since it was accepted', async () => {
    let now = Date.now()
    const { fal, model } = await standIn({ outcome: { never: true } }, { now: () => now })
    const { clip, accepted } = await waiting(fal, model)
    now += 30 * 60_000
    await expect(clip).rejects.toMatchObject({ kind: 'rejected', reason: 'given_up' })
    expect(accepted?.cancelled).toBe(true)
  })

  it('is given up by the time it was accepted, however often the process starts again', async () => {
    const { fal, model } = await standIn({ outcome: { never: true } })
    const request = await model.submit(orderOf())
    const later = modelAt(fal.deps, { now: () => Date.now() + 31 * 60_000 })
    await expect(later.wait(orderOf(), request, never)).rejects.toMatchObject({ reason: 'given_up' })
  })

  it('is taken all the same when it ends in the moment of giving up', async () => {
    const { fal, model } = await standIn({}, {})
    const request = await model.submit(orderOf())
    fal.fault('status', { answer: 202, body: { status: 'IN_PROGRESS' } })
    const [accepted] = fal.accepted
    if (accepted) accepted.looks = 3
    const late = modelAt(fal.deps, { now: () => Date.now() + 31 * 60_000 })
    expect((await late.wait(orderOf(), request, never)).url).toContain('/media/')
  })

  it('is left at once when the job is stopped', async () => {
    const { fal, model } = await standIn({}, { pace: { timeout: 60_000 } })
    const request = await model.submit(orderOf())
    const hold = fal.hold('status')
    const stop = new AbortController()
    const clip = model.wait(orderOf(), request, stop.signal)
    await hold.arrived
    stop.abort(new Error('stopped'))
    await expect(clip).rejects.toThrow('stopped')
    hold.release()
  })

  it('is asked after at the configured queue alone, whatever addresses were stored', async () => {
    const { fal, model } = await standIn()
    const { id } = await model.submit(orderOf())
    const spy = await standIn()
    for (const base of [
      'https://queue.fal.run',
      spy.fal.deps.queueUrl,
      `${fal.deps.queueUrl}.evil.example`,
    ]) {
      const urls = {
        status: `${base}/fal-ai/wan/requests/${id}/status`,
        response: `${base}/fal-ai/wan/requests/${id}`,
      }
      expect((await model.wait(orderOf(), { id, urls }, never)).url).toContain(fal.url)
    }
    expect(spy.fal.seen).toEqual([])
  })
})

describe('a clip of fal’s', () => {
  it('comes home and is a clip, also when its download is cut short twice', async () => {
    const { fal, model } = await standIn()
    const { url } = await model.wait(orderOf(), await model.submit(orderOf()), never)
    fal.fault('download', { cutAfter: 2000 }, { cutAfter: 2000 })
    const path = join(folder, 'home.mp4')
    await model.download(url, path, never)
    expect(await media.probe(path)).toMatchObject({ width: 320, height: 180, fps: 24 })
  })

  it('is cut to the length that was asked for, where the model makes more', async () => {
    const { fal, model } = await standIn({ clip: { seconds: 5, scale: 0.1 } })
    fal.outcomes.push({ clip: { sound: false } })
    const order = orderOf({ model: 'kling-2.5-turbo', seconds: 4, resolution: '1080p' })
    const { url } = await model.wait(order, await model.submit(order), never)
    const path = join(folder, 'cut.mp4')
    await model.download(url, path, never)
    expect((await media.probe(path)).seconds).toBeCloseTo(4, 2)
    expect((await readdir(folder)).filter((name) => name.startsWith('cut.'))).toEqual(['cut.mp4'])
  })

  it('is not fetched from anywhere but fal’s media hosts', async () => {
    const { model } = await standIn()
    const path = join(folder, 'no.mp4')
    await expect(model.download('https://evil.example/clip.mp4', path, never)).rejects.toMatchObject({
      kind: 'rejected',
    })
  })
})

describe('a request that is cancelled', () => {
  it('is stopped at fal', async () => {
    const { fal, model } = await standIn()
    const request = await model.submit(orderOf())
    fal.fault('cancel', { answer: 502 })
    await model.cancel(orderOf(), request)
    expect(fal.accepted[0]?.cancelled).toBe(true)
  })

  it('is left alone when it has ended, or is unknown', async () => {
    const { fal, model } = await standIn({ outcome: { steps: [] } })
    const request = await model.submit(orderOf())
    await model.wait(orderOf(), request, never)
    await model.cancel(orderOf(), request)
    await model.cancel(orderOf(), { id: 'nobody', urls: {} })
    expect(fal.accepted[0]?.cancelled).toBe(false)
  })
})

it('never writes the key to the log', async () => {
  const { fal, model } = await standIn()
  fal.fault('submit', { answer: 500, body: { detail: `bad key ${fal.deps.key}` } })
  const error = await model.submit(orderOf()).catch((reason: unknown) => reason)
  await model.wait(orderOf(), await model.submit(orderOf()), never)
  expect(logged).not.toEqual([])
  expect(`${error} ${JSON.stringify(error)} ${logged}`).not.toContain(fal.deps.key)
})
