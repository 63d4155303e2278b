import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import { isSecretName, maskText, maskValue } from '../../src/config/masking.ts'
import { settingRows } from '../../src/config/setting-rows.ts'
import { ConfigError } from '../../src/errors.ts'
import { makeConfig, problemsOf } from './make-config.ts'

test.each([
  'password',
  'broker_password',
  'redis_password',
  'aws_secret_access_key',
  'aws_access_key_id',
  'RESULT_DB_PASS',
  'security_key_password',
  'token',
  'sessionToken',
  'apiKey',
  'api_key',
  'x-api-key',
  'SENTRY_DSN',
  'sslpassword',
  'passphrase',
  'credentials',
  'cassandra_auth_kwargs',
  's3_secret_access_key',
  'key',
  'db_password2',
  'passwords',
  'curve_secretkey',
  'broker_pasword',
  'broker_passwort',
])('%s names a secret', (name) => {
  expect(isSecretName(name)).toBe(true)
})

test.each([
  'routing_key',
  'task_default_routing_key',
  'routingKey',
  'binding_key',
  'cassandra_keyspace',
  'redis_socket_keepalive',
  'global_keyprefix',
  'queue_name_prefix',
  'region',
  'passive',
  'cassandra_auth_provider',
  'security_key',
  'keyspace',
  'monkey',
])('%s names no secret', (name) => {
  expect(isSecretName(name)).toBe(false)
})

test.each([
  ['amqp://u:p@h/v', 'amqp://u:***@h/v'],
  ['amqp://a:1@h;amqp://b:2@h', 'amqp://a:***@h'],
  ['cannot reach redis://:p@h', 'cannot reach redis://:***@h'],
  ['sqs://AKIA:se/cr+et@', 'sqs://AKIA:***@'],
  [
    'db+postgresql://u:p@ss:w@h/n?sslpassword=x&a=1',
    'db+postgresql://u:***@h/n?sslpassword=***&a=1',
  ],
  ['Protocol=https;AccountKey=abc==;Name=n', 'Protocol=https;AccountKey=***;Name=n'],
  ['amqp://h/v', 'amqp://h/v'],
  [`{'user': 'u', 'password': 'p@x'}`, `{'user': 'u', 'password': ***}`],
  [`{"password" : "p\\"x", "user": "u"}`, `{"password" : ***, "user": "u"}`],
  [`{'credentials': {'id': 'p', 'x': ['y']}, 'a': 1}`, `{'credentials': ***, 'a': 1}`],
  [`{'password': 'p`, `{'password': ***`],
  [`the option "key": expected text`, `the option "key": expected text`],
])('%s is shown as %s', (text, shown) => {
  expect(maskText(text)).toBe(shown)
})

test('secrets are masked at any depth, by key, in pairs and in urls', () => {
  const masked = maskValue('broker_transport_options', {
    region: 'eu',
    sentinels: [{ url: 'redis://:p@h', options: { password: 'p', ssl: true } }],
    pairs: [
      ['token', 'p'],
      ['key', 1],
    ],
    map: new Map([['secret', 'p']]),
    set: new Set(['amqp://u:p@h']),
    url: new URL('amqp://u:p@h'),
    empty: { password: null, token: '', secret: false },
    credentials: { id: 1 },
    buffer: { key: Buffer.from('p') },
  })
  expect(masked).toEqual({
    region: 'eu',
    sentinels: [{ url: 'redis://:***@h', options: { password: '***', ssl: true } }],
    pairs: [
      ['token', '***'],
      ['key', '***'],
    ],
    map: new Map([['secret', '***']]),
    set: new Set(['amqp://u:***@h']),
    url: 'amqp://u:***@h',
    empty: { password: null, token: '', secret: false },
    credentials: '***',
    buffer: { key: '***' },
  })
})

test('a value that holds itself is masked all the same', () => {
  const value: Record<string, unknown> = { password: 'p' }
  value.self = value
  expect(maskValue('x', value)).toEqual({ password: '***', self: '...' })
})

test('the text of a config has the present lowercase settings only, sorted, as Python prints them', () => {
  const config = makeConfig({
    broker_url: 'amqp://u:hunter2@h',
    timezone: null,
    task_acks_late: true,
  })
  expect(
    config
      .toString()
      .split('\n')
      .map((line) => line.replace(/:.*/s, '')),
  ).toEqual([
    "Config({'broker_transport'",
    " 'broker_transport_options'",
    " 'broker_url'",
    " 'imports'",
    " 'result_backend'",
    " 'task_acks_late'",
    " 'task_default_exchange'",
    " 'task_default_exchange_type'",
    " 'task_queues'",
    " 'task_track_started'",
    " 'timezone'",
  ])
  expect(config.toString()).toContain(" 'task_acks_late': True,\n")
  expect(config.toString()).toContain(" 'timezone': None})")
  expect(inspect({ nested: { config } }, { depth: 9 })).toContain("'broker_url': 'amqp://u:***@h'")
  expect(`${config}`).toBe(inspect(config))
})

test('toObject gives the same pairs with their real values, masked when asked', () => {
  const config = makeConfig({ broker_url: 'amqp://u:hunter2@h', QUEUE_PREFIX: 'x' })
  expect(config.toObject()).toMatchObject({ broker_url: 'amqp://u:hunter2@h' })
  expect(config.toObject({ masked: true })).toMatchObject({ broker_url: 'amqp://u:***@h' })
  expect(Object.keys(config.toObject()).filter((name) => /[A-Z]/.test(name))).toEqual([])
  expect(config.toObject()).not.toHaveProperty('task_routes')
  expect(JSON.parse(JSON.stringify(config))).toEqual(config.toObject({ masked: true }))
})

const SECRET = 'S3cr3t'

/** Settings with the secret wherever one may stand, right and wrong ones. */
const placed: Readonly<Record<string, readonly unknown[]>> = {
  broker_url: [
    `amqp://u:${SECRET}@h`,
    `redis://u:${SECRET}@h`,
    `sqs://id:${SECRET}@`,
    `x;amqp://:${SECRET}@h`,
    5,
  ],
  broker_read_url: [[`amqp://u:a@b:${SECRET}@h`], `amqp://u:${SECRET}/x@h`],
  result_backend: [
    `db+postgresql://u:${SECRET}@h/n`,
    `redis://:${SECRET}@h/{0.x}`,
    [`redis://:${SECRET}@h`],
  ],
  broker_password: [SECRET, [SECRET], 5],
  redis_password: [SECRET, { a: SECRET }],
  RESULT_DB_PASS: [SECRET, [SECRET]],
  SENTRY_DSN: [`https://${SECRET}@h/1`, [SECRET]],
  broker_use_ssl: [{ password: SECRET }, [{ password: SECRET }], SECRET.length],
  broker_transport_options: [
    { aws_secret_access_key: SECRET },
    { predefined_queues: { q: { secret_access_key: SECRET, url: `https://u:${SECRET}@h` } } },
    [['password', SECRET]],
    [{ token: SECRET }],
  ],
  redis_backend_use_ssl: [{ ssl_keyfile_password: SECRET }, [{ apiKey: SECRET }]],
  s3_secret_access_key: [SECRET, [SECRET]],
  worker_concurrency: [1, `amqp://u:${SECRET}@h`],
  borker_password: [SECRET],
  task_queues: [undefined, [{ name: 'q', password: SECRET }]],
  environment: [
    {},
    { CELERY_FOO_TOKEN: SECRET, CELERY_BROKER_POOL_LIMIT: `postgres://u:${SECRET}@h` },
    { CELERY_BROKER_USE_SSL: `{'password': '${SECRET}'` },
    {
      CELERY_BROKER_TRANSPORT_OPTIONS: `{'secret': '${SECRET}'}`,
      CELERY_REDIS_PORT: `'redis://:${SECRET}@h'`,
    },
    { CELERY_BROKER_HEARTBEAT: `{'api_key': '${SECRET}'}`, CELERY_RESULT_DB_PASS: SECRET },
  ],
}

const places = Object.fromEntries(
  Object.entries(placed).map(([name, values]) => [name, fc.constantFrom(...values)]),
)

test.each([
  ['right', firstOnes(places)],
  ['wrong', fc.record(places, { requiredKeys: [] })],
])(
  'no secret of %s settings is in toString, inspect, JSON, the rows of config show or a ConfigError',
  { timeout: 120_000 },
  (_, settings) => {
    fc.assert(
      fc.property(settings, fc.boolean(), (options, strict) => {
        for (const text of textsOf({ ...options, strict: strict as false })) {
          expect(text).not.toContain(SECRET)
        }
      }),
      { numRuns: 400 },
    )
  },
)

test('settings with secrets in their right places build a config', () => {
  const options = Object.fromEntries(Object.entries(placed).map(([name, [first]]) => [name, first]))
  expect(problemsOf({ ...options, strict: false })).toEqual([])
})

/** The first value of each place is a right one. */
function firstOnes(all: typeof places): fc.Arbitrary<Record<string, unknown>> {
  const names = Object.keys(all)
  return fc
    .subarray(names)
    .map((chosen) => Object.fromEntries(chosen.map((name) => [name, placed[name]?.[0]])))
}

function textsOf(options: ConfigOptions): string[] {
  try {
    const config = makeConfig(options)
    return [
      config.toString(),
      inspect(config, { depth: 9, showHidden: true }),
      JSON.stringify(config),
      JSON.stringify(settingRows(config, { all: true })),
    ]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [inspect(error), JSON.stringify(problemsOf(options))]
  }
}

test('what follows a url that is masked already stays readable, though it holds an @', () => {
  const text =
    'queue "w@host.pidbox" refused on amqp://guest:***@127.0.0.1/v: queue \'w@host\' is locked'
  expect(maskText(text)).toBe(text)
  expect(maskText(`${text}; then amqp://guest:geh@im@127.0.0.1`)).not.toContain('geh')
})
