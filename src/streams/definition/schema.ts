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

const limits: JsonSchema = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1 },
    limitBytes: { type: 'integer', minimum: 1 },
    whenFull: { enum: ['wait', 'drop-oldest', 'drop-newest', 'latest'] },
  },
  additionalProperties: false,
}

const retry: JsonSchema = {
  type: 'object',
  minProperties: 1,
  properties: {
    times: { type: 'integer', minimum: 0 },
    delayMs: { type: 'number', minimum: 0 },
    afterwards: { enum: ['skip', 'stop'] },
  },
  additionalProperties: false,
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
          queue: limits,
          outlet: limits,
          onError: {
            oneOf: [
              { enum: ['skip', 'retry', 'stop'] },
              retry,
              {
                type: 'object',
                required: ['retry'],
                properties: { retry },
                additionalProperties: false,
              },
            ],
          },
          concurrency: { type: 'integer', minimum: 1 },
          ordered: { type: 'boolean' },
          graceMs: { type: 'number', minimum: 0 },
        },
        additionalProperties: false,
      },
    },
  },
}
