const LINK = { anyOf: [{ type: 'integer' }, { type: 'array', items: { type: 'integer' } }] }

const LINKS = {
  anyOf: [...LINK.anyOf, { type: 'object', additionalProperties: { $ref: '#/definitions/links' } }],
}

/** A JSON Schema (draft 7) of recipes, for editors; what it cannot say, such as cycles, `recipe check` does. */
export const RECIPE_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Zocalo recipe',
  type: 'object',
  required: ['start'],
  properties: {
    $schema: { type: 'string' },
    start: {
      description: 'Pairs of a node number and the payload it begins with.',
      type: 'array',
      minItems: 1,
      items: { type: 'array', minItems: 2, maxItems: 2, items: [{ type: 'integer' }, {}] },
    },
    error: {
      description: 'Node numbers; checked, not acted upon.',
      anyOf: LINK.anyOf,
    },
  },
  patternProperties: {
    '^\\s*[+-]?[0-9]+(_[0-9]+)*\\s*$': { $ref: '#/definitions/node' },
  },
  additionalProperties: false,
  definitions: {
    links: LINKS,
    node: {
      type: 'object',
      properties: {
        queue: { type: 'string', description: 'Messages to this node go to this queue.' },
        topic: {
          type: 'string',
          description: 'Messages to this node are broadcast to this topic.',
        },
        output: { $ref: '#/definitions/links', description: 'The nodes that results go to.' },
        error: { $ref: '#/definitions/links' },
        exchange: { type: 'string', description: 'The exchange messages to this node go through.' },
        'transport-delay': {
          type: 'number',
          minimum: 0,
          description: 'Seconds that messages wait.',
        },
        parameters: { type: 'object' },
        job_parameters: { type: 'object' },
        wrapper: { type: 'object' },
        service: { type: 'string', description: 'A label.' },
      },
    },
  },
} as const
