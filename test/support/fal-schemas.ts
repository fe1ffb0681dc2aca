import { CATALOGUE } from '../../src/pipeline/video/catalogue.ts'
import type { FalServer } from './fal-server.ts'

/** A schema in the form in which fal serves them, which takes what the catalogue sends. */
export function liveSchema(endpoint: string, properties: object): unknown {
  return {
    openapi: '3.0.4',
    paths: {
      [`/${endpoint}`]: {
        post: {
          requestBody: {
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Input' } } },
          },
        },
      },
    },
    components: { schemas: { Input: { type: 'object', properties, required: ['prompt'] } } },
  }
}

/** Inputs as most of fal's models have them. */
export const USUAL_INPUTS = {
  prompt: { type: 'string', maxLength: 5000 },
  duration: { anyOf: [{ type: 'integer', minimum: 2, maximum: 15 }, { type: 'string' }] },
  resolution: { type: 'string' },
  aspect_ratio: { enum: ['16:9', '9:16', '1:1', 'auto'], type: 'string' },
  generate_audio: { type: 'boolean' },
  audio: { type: 'boolean' },
  seed: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
  image_url: { type: 'string', format: 'uri' },
  start_image_url: { type: 'string' },
  prompt_expansion_mode: { enum: ['balanced'] },
}

/** Serves schemas that take all that the catalogue sends. */
export function serveAllSchemas({ schemas }: Pick<FalServer, 'schemas'>): void {
  for (const model of CATALOGUE) {
    if (model.provider !== 'fal') continue
    for (const endpoint of Object.values(model.fal.endpoints)) {
      if (endpoint) schemas.set(endpoint, liveSchema(endpoint, USUAL_INPUTS))
    }
  }
}
