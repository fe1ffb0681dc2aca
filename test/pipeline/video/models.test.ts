import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../../src/pipeline/video/catalogue.ts'
import { commandLine } from '../../support/cli.ts'
import { liveSchema, serveAllSchemas, USUAL_INPUTS } from '../../support/fal-schemas.ts'
import { type FalServer, startFalServer } from '../../support/fal-server.ts'

let fal: FalServer
beforeAll(async () => {
  fal = await startFalServer()
})
afterAll(() => fal.close())

async function models(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  // nothing else that the suite itself was started with
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH, HOME, FAL_API_URL: fal.url }
  const [node, ...words] = commandLine('src/models.ts', args)
  try {
    const { stdout, stderr } = await promisify(execFile)(node, words, { env })
    return { code: 0, out: stdout, err: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout, err: stderr }
  }
}

describe('npm run models', () => {
  it('shows every model with what it can do and costs, and unknown where a price is', async () => {
    const { code, out } = await models()
    expect(code).toBe(0)
    for (const { id, name } of CATALOGUE) expect(out).toMatch(new RegExp(`^${id} +${name}`, 'm'))
    expect(out).toMatch(/^wan-2\.7 .*4 8 12 .*720p 1080p .*16:9 9:16 1:1 .*0\.1/m)
    expect(out).toMatch(/^kling-3-standard .*unknown/m)
    expect(out).toMatch(/^sora-2 .*2026-09-24 → wan-2\.7/m)
  })

  it('says that nothing differs from fal’s live schemas', async () => {
    serveAllSchemas(fal)
    const { code, out, err } = await models('--check')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('agrees')
  })

  it('says what differs, model by model', async () => {
    serveAllSchemas(fal)
    const image = (changes: object, endpoint: string) =>
      fal.schemas.set(endpoint, liveSchema(endpoint, { ...USUAL_INPUTS, ...changes }))
    image({ duration: { enum: ['5', '10'] } }, 'fal-ai/wan/v2.7/image-to-video')
    image({ resolution: { enum: ['720p'] } }, 'bytedance/seedance-2.0/text-to-video')
    image({ aspect_ratio: { enum: ['16:9'] } }, 'fal-ai/veo3.1')
    image({ start_image_url: undefined }, 'fal-ai/kling-video/v3/pro/image-to-video')
    image({ prompt: { type: 'string', maxLength: 1000 } }, 'fal-ai/vidu/q3/text-to-video')
    fal.schemas.delete('minimax/h3-max/text-to-video')
    const { code, out } = await models('--check')
    expect(code).toBe(1)
    const lines = out.trim().split('\n')
    expect(lines).toContainEqual(expect.stringMatching(/^wan-2\.7 .*duration: 8 is not allowed/))
    expect(lines).toContainEqual(expect.stringMatching(/^seedance-2\.0 .*resolution: "1080p" is not allowed/))
    expect(lines).toContainEqual(expect.stringMatching(/^veo-3\.1 .*aspect_ratio: "9:16" is not allowed/))
    expect(lines).toContainEqual(expect.stringMatching(/^kling-3-pro .*start_image_url is unknown/))
    expect(lines).toContainEqual(expect.stringMatching(/^vidu-q3 .*at most 1000 characters, not 2000/))
    expect(lines).toContainEqual(expect.stringMatching(/^h3-max .*no such endpoint/))
  })
})
