import type { JsonSchema } from '../../definitions/check.ts'

const SPAN = {
  description: 'a span of time: "90s", "1h30m", or milliseconds',
  anyOf: [
    { type: 'string', pattern: '^(?:\\d+(?:\\.\\d+)?(?:ms|[smhdw]))+$' },
    { type: 'number', minimum: 0 },
  ],
}

const NAME = { type: 'string', minLength: 1, maxLength: 200, not: { const: '__proto__' } }
const NAMES = { type: 'array', items: NAME, uniqueItems: true }

const RETRY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    times: { type: 'integer', minimum: 1, description: 'Attempts at most.' },
    each: {
      description: 'One attempt a value; "$symbol" reads the list from a symbol.',
      anyOf: [
        { type: 'array', minItems: 1 },
        { type: 'string', pattern: '^\\$' },
      ],
    },
    as: { ...NAME, description: 'The symbol that holds the attempt’s number or value.' },
    delay: SPAN,
    backoff: { type: 'number', minimum: 1 },
    maxDelay: SPAN,
    jitter: { type: 'boolean' },
    on: { ...NAMES, description: 'Only for these errors, by name.' },
    revertAll: { type: 'boolean' },
  },
}

const STEP = {
  description:
    '"task" with "run", or "wait", or one of "linear", "unordered", "graph" with "steps"',
  type: 'object',
  additionalProperties: false,
  properties: {
    task: { ...NAME, description: 'The name of the step.' },
    run: { ...NAME, description: 'The registered task that does it.' },
    revert: { ...NAME, description: 'The registered task that undoes it.' },
    queue: {
      ...NAME,
      description: 'The step is a Celery task of another app, sent to this queue.',
    },
    with: {
      type: 'object',
      description: 'Arguments; "$symbol" reads a symbol, "$$" is a dollar sign.',
    },
    out: { description: 'A name for the result, or names for its keys.', anyOf: [NAME, NAMES] },
    when: { type: 'string', description: 'Runs only if this is true, e.g. "$bytes > 0".' },
    otherwise: {
      enum: ['skip', 'skip-flow'],
      description: 'What is skipped when it is not. Default skip.',
    },
    after: { ...NAMES, description: 'In a graph: steps that come first.' },
    delay: SPAN,
    timeout: SPAN,
    priority: { type: 'number' },
    retry: RETRY,
    wait: { ...NAME, description: 'Waits for this signal; its value is the result.' },
    linear: NAME,
    unordered: NAME,
    graph: NAME,
    steps: { type: 'array', minItems: 1, items: { $ref: '#/$defs/step' } },
  },
  oneOf: [
    { required: ['task', 'run'] },
    { required: ['wait'] },
    { required: ['linear', 'steps'] },
    { required: ['unordered', 'steps'] },
    { required: ['graph', 'steps'] },
  ],
}

/** The form of a flow file; printed by `celery-toolbox flow schema`. */
export const FLOW_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A flow of celery-toolbox',
  type: 'object',
  additionalProperties: false,
  required: ['flow', 'steps'],
  properties: {
    flow: { ...NAME, description: 'The name of the flow.' },
    version: { type: ['string', 'number'] },
    description: { type: 'string' },
    kind: { enum: ['linear', 'unordered', 'graph'], description: 'Default linear.' },
    inputs: { ...NAMES, description: 'Values that a run must be given.' },
    retry: RETRY,
    steps: { type: 'array', minItems: 1, items: { $ref: '#/$defs/step' } },
  },
  $defs: { step: STEP },
}

export interface RetrySpec {
  readonly times?: number
  readonly each?: readonly unknown[] | string
  readonly as?: string
  readonly delay?: string | number
  readonly backoff?: number
  readonly maxDelay?: string | number
  readonly jitter?: boolean
  readonly on?: readonly string[]
  readonly revertAll?: boolean
}

export interface StepSpec {
  readonly task?: string
  readonly run?: string
  readonly revert?: string
  readonly queue?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly out?: string | readonly string[]
  readonly when?: string
  readonly otherwise?: 'skip' | 'skip-flow'
  readonly after?: readonly string[]
  readonly delay?: string | number
  readonly timeout?: string | number
  readonly priority?: number
  readonly retry?: RetrySpec
  readonly wait?: string
  readonly linear?: string
  readonly unordered?: string
  readonly graph?: string
  readonly steps?: readonly StepSpec[]
}

export interface FlowSpec {
  readonly flow: string
  readonly version?: string | number
  readonly description?: string
  readonly kind?: 'linear' | 'unordered' | 'graph'
  readonly inputs?: readonly string[]
  readonly retry?: RetrySpec
  readonly steps: readonly StepSpec[]
}
