import { describe, expect, test } from 'vitest'
import { parseSqsUrl } from '../../../src/brokers/sqs/connecting/sqs-url.ts'
import { readSqsOptions } from '../../../src/brokers/sqs/settings/sqs-options.ts'
import { SqsBroker } from '../../../src/brokers/sqs/sqs-broker.ts'
import { silentLogger } from '../../../src/logger.ts'

const URL_OF_WORK = 'https://sqs.us-west-2.amazonaws.com/1/work'

/** Values that are no text, no number and so on, as they come from files, environments and programs. */
const TEXTS = ['soon', '', ' ', '5 s', '0x10', '1e3']
const OTHERS = [
  [],
  [5],
  { a: 1 },
  () => 5,
  Symbol('s'),
  5n,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  new Date(0),
]

describe.each([
  ['wait_time_seconds', [...TEXTS, ...OTHERS, true, -1, 0.5, 21], 'a whole number from 0 to 20'],
  [
    'visibility_timeout',
    ['soon', ' ', ...OTHERS, true, 0.5, -1, 43_201],
    'seconds from 1 to 43200',
  ],
  ['polling_interval', [...TEXTS, ...OTHERS, true, -0.1], 'seconds, from 0'],
  ['max_receives', [...TEXTS, ...OTHERS, true, 0, 1.5, 1_001], 'a whole number from 1 to 1000'],
  ['is_secure', [...TEXTS, ...OTHERS, 0, 1, 'true'], 'true or false'],
  ['create_queues', [...TEXTS, ...OTHERS, 0, 'false'], 'true or false'],
  ['sqs_base64_encoding', [...TEXTS, ...OTHERS, 0], 'true or false'],
  ['supports_fanout', [...TEXTS, ...OTHERS, 1], 'true or false'],
  ['region', [...OTHERS, 5, true], 'text'],
  ['queue_name_prefix', [...OTHERS, 5, false], 'text'],
  ['sts_role_arn', [...OTHERS, 5, true], 'text'],
  [
    'sts_token_timeout',
    [...TEXTS, ...OTHERS, true, 899, 43_201],
    'a whole number from 900 to 43200',
  ],
  ['sts_token_buffer_time', [...TEXTS, ...OTHERS, true, -1, 900], 'a whole number from 0 to 899'],
  ['body_encoding', [...OTHERS, 5, true, 'rot13'], 'base64, utf-8 or null'],
  ['queue_tags', [[], 'a', 5, true, new Map([['a', 'b']]), new Date(0)], 'a dict of texts'],
  ['sqs-creation-attributes', [[], 'a', 5, true, new Map([['a', 'b']])], 'a dict of texts'],
  [
    'fetch_message_attributes',
    ['ALL', 5, true, new Map()],
    'a list of names, or a dict of such lists',
  ],
  ['client-config', [[], 'a', 5, true, new Map()], 'a dict'],
  [
    'predefined_queues',
    [[], 'a', 5, true, new Map([['work', { url: URL_OF_WORK }]])],
    'a dict of queues',
  ],
  ['interval_start', ['soon', ...OTHERS, true], 'a number'],
  ['interval_step', ['soon', ...OTHERS, true], 'a number'],
  ['interval_max', ['soon', ...OTHERS, true], 'a number'],
  ['max_retries', ['soon', ...OTHERS, true], 'a number'],
  ['connect_retries_timeout', ['soon', ...OTHERS, true], 'a number'],
  ['retry_policy', [[], 'a', 5, true], 'a dict'],
])('%s', (name, values, expected) => {
  test.each(values.map((value) => [value]))(
    'refuses %o by its name, with what it is and what was expected',
    (value) => {
      const sts = name.startsWith('sts_token') ? { sts_role_arn: 'arn:aws:iam::1:role/x' } : {}
      expect(() => readSqsOptions({ ...sts, [name]: value })).toThrow(
        expect.objectContaining({
          code: 'BROKER_UNREACHABLE',
          message: expect.stringMatching(
            new RegExp(`"${name}" is .+, expected ${expected.replace(/[()[\]{}]/g, '.')}`),
          ),
        }),
      )
    },
  )

  test.each([null, undefined])('is as good as absent where it is %s', (value) => {
    if (name === 'body_encoding' && value === null) return
    expect(readSqsOptions({ [name]: value })).toEqual(readSqsOptions())
  })
})

const NO_TEXT = [5, true, [], {}]
const POLICY = 'a dict of whole seconds, 0 to 43200, by receive count'
const OF_QUEUE: Readonly<Record<string, readonly [values: readonly unknown[], expected: string]>> =
  {
    secret_access_key: [NO_TEXT, 'text'],
    access_key_id: [NO_TEXT, 'text'],
    session_token: [NO_TEXT, 'text'],
    region: [NO_TEXT, 'text'],
    url: [[...NO_TEXT, 'work', 'ftp://host/1/work', 'http://'], ''],
    backoff_policy: [
      [5, true, 'a', '', [10, 20], { 0: 1 }, { a: 1 }, { 1: -1 }, { 1: 43_201 }, { 1: null }],
      POLICY,
    ],
    backoff_tasks: [[5, true, 'a', '', {}, [5], [null]], 'a list of task names'],
  }

test.each(
  Object.entries(OF_QUEUE).flatMap(([name, [values, expected]]) =>
    values.map((value) => ({ name, value, expected })),
  ),
)('a predefined queue whose $name is $value is refused', ({ name, value, expected }) => {
  const work = { url: URL_OF_WORK, access_key_id: 'a', secret_access_key: 'b', [name]: value }
  expect(() => readSqsOptions({ predefined_queues: { work } })).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(
        new RegExp(`"predefined_queues\\["work"\\]\\.${name}" is .+, expected ${expected}`),
      ),
    }),
  )
})

test.each([
  [{ access_key_id: 'AKIA' }, 'no secret_access_key'],
  [{ secret_access_key: 'hunter2' }, 'no access_key_id'],
  [{ session_token: 'hunter2' }, 'no access_key_id'],
  [{ access_key_id: 'AKIA', session_token: 'hunter2' }, 'no secret_access_key'],
])('a predefined queue with half a login (%o) is refused', (login, why) => {
  const read = () => readSqsOptions({ predefined_queues: { work: { url: URL_OF_WORK, ...login } } })
  expect(read).toThrow(why)
  expect(read).not.toThrow('hunter2')
})

test.each([
  [{ predefined_queues: { work: { url: URL_OF_WORK, secret_access_key: ['hunter2'] } } }],
  [{ predefined_queues: { work: { url: URL_OF_WORK, session_token: { a: 'hunter2' } } } }],
  [{ predefined_queues: [{ secret_access_key: 'hunter2' }] }],
  [{ predefined_queues: { work: ['hunter2'] } }],
  [{ predefined_queues: { work: 'https://AKIA:hunter2@host/1/work' } }],
  [{ 'client-config': ['hunter2'] }],
])('no secret is in the error for %o', (options) => {
  let message = ''
  try {
    readSqsOptions(options)
  } catch (error) {
    message = String(error)
  }
  expect(message).toContain('expected')
  expect(message).not.toContain('hunter2')
})

test.each([
  ['connect_timeout', ['soon', '', true, [], {}, 0, -1, Number.NaN], 'seconds, above 0'],
  ['read_timeout', ['soon', '', true, [], {}, 0, -1], 'seconds, above 0'],
  ['max_pool_connections', ['a', '', true, [], 0, 2.5, -1], 'a whole number from 1 to 65536'],
  ['user_agent_extra', [5, true, [], {}], 'text'],
  ['region_name', [5, true, [], {}], 'text'],
])('client-config.%s is refused where it does not fit', (name, values, expected) => {
  for (const value of values) {
    expect(() => readSqsOptions({ 'client-config': { [name]: value } }), String(value)).toThrow(
      new RegExp(`"client-config.${name}" is .+, expected ${expected}`),
    )
  }
})

test.each([
  [{ queue_tags: { team: null } }, '"queue_tags.team" is null, expected text'],
  [{ queue_tags: { team: ['a'] } }, '"queue_tags.team" is a list, expected text'],
  [{ 'sqs-creation-attributes': { A: undefined } }, '"sqs-creation-attributes.A" is undefined'],
  [{ 'sqs-creation-attributes': { A: () => 5 } }, '"sqs-creation-attributes.A"'],
  [{ fetch_message_attributes: { Names: [] } }, '"fetch_message_attributes.Names"'],
  [{ fetch_message_attributes: [5] }, '"fetch_message_attributes'],
  [
    { fetch_message_attributes: { MessageAttributeNames: 'all' } },
    /MessageAttributeNames" is 'all'/,
  ],
])('%o is refused by the name of what is in it', (options, why) => {
  expect(() => readSqsOptions(options)).toThrow(why)
})

test('numbers and booleans are written as SQS takes them, and a policy as JSON', () => {
  const { tags, creationAttributes } = readSqsOptions({
    queue_tags: { cost: 7, isProd: true },
    'sqs-creation-attributes': { RedriveAllowPolicy: { redrivePermission: 'denyAll' } },
  })
  expect(tags).toEqual({ cost: '7', isProd: 'true' })
  expect(creationAttributes).toEqual({ RedriveAllowPolicy: '{"redrivePermission":"denyAll"}' })
})

test('options that do nothing here are named in one warning, and those that do are not', async () => {
  const warnings: unknown[] = []
  const logger = { ...silentLogger, warn: (...words: unknown[]) => void warnings.push(words) }
  const transportOptions = {
    region: 'us-east-1',
    max_retries: 3,
    retry_policy: { timeout: 5 },
    interval_max: null,
    sts_token_timeout: 900,
    'client-config': { retries: { max_attempts: 2 }, read_timeout: 5 },
    predefined_queues: {
      work: { url: URL_OF_WORK, backoff_policy: { 1: 5 } },
      other: { url: URL_OF_WORK, backoff_policy: { 1: 5 }, backoff_tasks: ['a'] },
    },
  }
  await using _broker = new SqsBroker({
    url: 'sqs://key:secret@127.0.0.1:9',
    transportOptions,
    logger,
  })
  expect(warnings).toEqual([
    [
      {
        options: [
          'max_retries',
          'retry_policy',
          'sts_token_timeout',
          'client-config.retries',
          'predefined_queues["work"].backoff_policy',
        ],
      },
      'these broker_transport_options have no effect on Amazon SQS',
    ],
  ])
})

test.each([
  'sqs://key:secret@host?region=eu',
  'sqs://host:4566/?wait_time_seconds=1',
  'sqs://?a=b',
])('a url with a query (%s) is refused, as nothing reads it', (url) => {
  expect(() => parseSqsUrl(url)).toThrow(/broker_transport_options/)
})
