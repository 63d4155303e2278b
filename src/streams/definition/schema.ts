import type { JsonSchema } from '../../definitions/check.ts'

const component: JsonSchema = {
  type: 'object',
  required: ['class'],
  properties: {
    class: {
      type: 'string',
      description: 'A short name (zmq, redis, files, …), ./file.js#Export, or package#Export.',
    },
    args: { type: 'array' },
    kwargs: { type: 'object' },
  },
}

/** A file of blocks, as JSON Schema: for editors, and for the documentation. */
export const blocksSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Blocks',
  type: 'object',
  required: ['blocks'],
  properties: {
    blocks: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'operator'],
        properties: {
          name: { type: 'string', minLength: 1 },
          description: { type: 'string' },
          operator: component,
          listeners: { type: 'array', items: component },
          publishers: { type: 'array', items: component },
          queue: {
            type: 'object',
            properties: {
              limit: { type: 'integer', minimum: 1 },
              limitBytes: { type: 'integer', minimum: 1 },
              whenFull: { enum: ['wait', 'drop-oldest', 'drop-newest', 'latest'] },
            },
          },
          onError: {},
          concurrency: { type: 'integer', minimum: 1 },
          ordered: { type: 'boolean' },
        },
      },
    },
  },
}
