import { expect, expectTypeOf, test, vi } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { makeConfig, problemsOf } from './make-config.ts'

test('queues and QUEUES are the same setting', () => {
  expect(makeConfig({ queues: ['a', 'b'] }).QUEUES).toEqual(['a', 'b'])
  expect(makeConfig({ queues: undefined, QUEUES: ['a', 'b'] }).QUEUES).toEqual(['a', 'b'])
  expect(makeConfig({ queues: ['a'], QUEUES: ['a'] }).QUEUES).toEqual(['a'])
})

test('queues and QUEUES that differ are a mistake', () => {
  expect(problemsOf({ queues: ['a'], QUEUES: ['b'] })).toEqual([
    "queues: ['a'] and QUEUES: ['b'] differ, expected one of them",
  ])
})

test('with nothing said about queues they are msg and export, and one warning says so', () => {
  const warn = vi.fn()
  const config = new Config({ environment: {}, warn })
  expect(config.QUEUES).toEqual(['msg', 'export'])
  expect(warn).toHaveBeenCalledTimes(1)
  expect(warn.mock.calls[0]?.[0]).toContain('msg and export')
})

test('given queues cause no warning', () => {
  const warn = vi.fn()
  new Config({ environment: {}, warn, queues: ['msg', 'export'] })
  new Config({ environment: {}, warn, task_queues: ['a'] })
  new Config({ environment: { CELERY_QUEUES: "('a',)" }, warn })
  expect(warn).not.toHaveBeenCalled()
})

test('the defaults are those of the toolbox', () => {
  const config = makeConfig()
  expect(config.broker_transport).toBe('sqs')
  expect(config.broker_transport_options).toEqual({
    region: 'us-west-2',
    queue_name_prefix: 'dev-',
    wait_time_seconds: 20,
    visibility_timeout: 20,
    interval_start: 0,
    max_retries: 1,
  })
  expect(config.task_track_started).toBe(true)
  expect(config.task_default_exchange).toBe('task_exchange')
  expect(config.task_default_exchange_type).toBe('topic')
  expect(config.imports).toEqual(['app.tasks'])
  expect(config.result_backend).toBe('db+postgresql://worker:cadasta@localhost:5432/cadasta')
  expect(config.PLATFORM_QUEUE_NAME).toBe('platform.fifo')
  expect(config.QUEUE_PREFIX).toBe('dev')
  expect(config.ENV_PREFIX).toBe('CELERY_')
  expect(config.CHORD_UNLOCK_MAX_RETRIES).toBe(21_600)
  expect(config.SETUP_FILE_LOGGING).toBe(false)
  expect(config.SETUP_SENTRY_LOGGING).toBe(false)
})

test('the default transport options follow QUEUE_PREFIX, given ones replace them', () => {
  expect(makeConfig({ QUEUE_PREFIX: 'prod' }).broker_transport_options).toMatchObject({
    queue_name_prefix: 'prod-',
  })
  const given = { region: 'eu-west-1' }
  expect(makeConfig({ broker_transport_options: given }).broker_transport_options).toEqual(given)
})

test('argument wins over environment, environment over .env, .env over default', () => {
  const environment = { CELERY_RESULT_SERIALIZER: 'yaml', CELERY_TIMEZONE: 'Europe/Rome' }
  const config = makeConfig({ environment, timezone: 'UTC' })
  expect([config.timezone, config.source('timezone')]).toEqual(['UTC', 'argument'])
  expect([config.result_serializer, config.source('result_serializer')]).toEqual([
    'yaml',
    'environment',
  ])
  expect(config.variable('result_serializer')).toBe('CELERY_RESULT_SERIALIZER')
  expect([config.event_serializer, config.source('event_serializer')]).toEqual(['json', 'default'])
  expect(config.source('task_queues')).toBe('derived')
  expect(config.source('result_backend')).toBe('derived')
  expect(config.source('task_routes')).toBe('default')
})

test('settings are read-only, and say how they are set', () => {
  const config = makeConfig() as { task_serializer: string }
  expect(() => {
    config.task_serializer = 'yaml'
  }).toThrow(
    new TypeError(
      "task_serializer is read-only: give it to new Config({ task_serializer }), or use config.set('task_serializer', value)",
    ),
  )
})

test('a list or dict that was given cannot be changed from afar', () => {
  const imports = ['a']
  const config = makeConfig({ imports, broker_transport_options: { nested: { list: [1] } } })
  imports.push('b')
  expect(config.imports).toEqual(['a'])
  const { nested } = config.broker_transport_options as { nested: { list: number[] } }
  expect(() => nested.list.push(2)).toThrow(TypeError)
})

test('set gives a setting a value unless it is present', () => {
  const config = makeConfig({ task_serializer: 'yaml' })
  config.set('task_serializer', 'json')
  config.set('task_track_started', false)
  config.set('QUEUE_PREFIX', 'prod')
  config.set('worker_concurrency', 7)
  config.set('worker_concurrency', 8)
  config.set('foo', 'bar')
  expect(config.task_serializer).toBe('yaml')
  expect(config.task_track_started).toBe(true)
  expect(config.QUEUE_PREFIX).toBe('dev')
  expect(config.worker_concurrency).toBe(7)
  expect(config.get('foo')).toBe('bar')
  expect(Reflect.get(config, 'foo')).toBe('bar')
})

test('set checks the value as the constructor does', () => {
  expect(() => makeConfig().set('worker_concurrency', 'many')).toThrow(
    "worker_concurrency: 'many' does not fit, expected an integer, 1 or more, or None",
  )
})

test('set reads the environment before the value it is given', () => {
  const config = makeConfig({
    environment: { CELERY_FLAG: 'True', CELERY_LABEL: '5', CELERY_BROKEN: '' },
    FLAG: undefined,
    strict: false,
  })
  config.set('FLAG', false)
  config.set('LABEL', 'none')
  expect(config.get('FLAG')).toBe(true)
  expect(config.get('LABEL')).toBe('5')
  expect(() => config.set('BROKEN', false)).toThrow(/CELERY_BROKEN: '' cannot be read/)
})

test('has reports what was given, derived or is a default of the toolbox', () => {
  const config = makeConfig({ timezone: 'UTC' })
  expect(
    ['timezone', 'task_queues', 'task_track_started', 'QUEUES'].map((name) => config.has(name)),
  ).toEqual([true, true, true, true])
  expect(config.has('worker_concurrency')).toBe(false)
  expect(config.has('nothing')).toBe(false)
  expect(config.get('nothing')).toBeUndefined()
})

test('many mistakes are all reported at once', () => {
  const problems = problemsOf({
    queues: [],
    borker_url: 'amqp://',
    brokerUrl: 'amqp://',
    PLATFORM_QUEUE: 'x',
    CELERY_RESULT_BACKEND: 'x',
    CELERYD_CONCURRENCY: 2,
    CELERYBEAT_SCHEDULE: {},
    BROKER_URL: 'amqp://',
    CELERY_ROUTES: {},
    worker_concurrency: 0,
    task_acks_late: 'yes',
    broker_port: 70_000,
    accept_content: [1],
    environment: { CELERY_TASK_TIME_LIMIT: 'soon', CELERY_TASK_TRACK_STARTED: '' },
  } as never)
  expect(problems).toEqual([
    'borker_url: there is no such setting, did you mean broker_url? (strict: false takes any)',
    'brokerUrl: there is no such setting, did you mean broker_url? (strict: false takes any)',
    expect.stringMatching(/^PLATFORM_QUEUE: there is no such setting/),
    'CELERY_RESULT_BACKEND: this old-style name is not read, expected result_backend',
    'CELERYD_CONCURRENCY: this old-style name is not read, expected worker_concurrency',
    'CELERYBEAT_SCHEDULE: this old-style name is not read, expected beat_schedule',
    'BROKER_URL: this old-style name is not read, expected broker_url',
    'CELERY_ROUTES: this old-style name is not read, expected task_routes',
    'worker_concurrency: 0 does not fit, expected an integer, 1 or more, or None',
    "task_acks_late: 'yes' does not fit, expected true or false",
    'broker_port: 70000 does not fit, expected a port, 1 to 65535, or None',
    'accept_content: [1] does not fit, expected a list of serializers (json, yaml, msgpack, pickle, raw) or content types',
    'CELERY_TASK_TIME_LIMIT: \'soon\' cannot be read (found "s" at position 0, expected a literal), expected seconds, 0 or more, or None',
    "CELERY_TASK_TRACK_STARTED: '' cannot be read (found the end at position 0, expected a literal), expected true or false",
    'QUEUES: [] names no queue, expected at least one',
  ])
})

test('with strict: false unknown settings are taken as they are', () => {
  const config = makeConfig({ strict: false, foo: 'abc', BAR: 'def' })
  expect([config.get('foo'), config.get('BAR')]).toEqual(['abc', 'def'])
})

test.each([
  ['{0.foo}:{0.BAR}', 'abc:def'],
  [':memory:', ':memory:'],
  ['memory://', 'memory://'],
  ['{{x}}{0.BAR}', '{x}def'],
])('result_backend %s renders to %s', (result_backend, rendered) => {
  const config = makeConfig({ strict: false, foo: 'abc', BAR: 'def', result_backend })
  expect(config.result_backend).toBe(rendered)
})

test.each([
  '{0.foo}:{}',
  '{0}',
  '{0.foo.bar}',
  '{0.foo[0]}',
  '{1.foo}',
  '{foo}',
  '{0.foo!r}',
  '{0.missing}',
  '{0.constructor}',
  '{0.__proto__}',
  '{',
  '}',
])('result_backend %s cannot be rendered', (result_backend) => {
  expect(problemsOf({ strict: false, foo: 'abc', result_backend })).toEqual([
    `Unable to render 'result_backend' value: '${result_backend}'`,
  ])
})

test('the default result backend is built from RESULT_DB_*, escaped for a url', () => {
  const config = makeConfig({
    RESULT_DB_USER: 'u',
    RESULT_DB_PASS: 'p@ss/w:rd',
    RESULT_DB_HOST: 'db',
    RESULT_DB_PORT: 6543,
    RESULT_DB_NAME: 'n',
  })
  expect(config.result_backend).toBe('db+postgresql://u:p%40ss%2Fw%3Ard@db:6543/n')
})

test('SETUP_FILE_LOGGING leaves the root logger of a Python worker alone', () => {
  expect(makeConfig().worker_hijack_root_logger).toBe(true)
  expect(makeConfig({ SETUP_FILE_LOGGING: true }).worker_hijack_root_logger).toBe(false)
})

test('Sentry is on when there is a DSN, unless it is turned off, and needs one when asked for', () => {
  const environment = { SENTRY_DSN: 'https://key@sentry.example/1', SENTRY_ENVIRONMENT: 'prod' }
  const config = makeConfig({ environment })
  expect([config.SETUP_SENTRY_LOGGING, config.SENTRY_ENVIRONMENT]).toEqual([true, 'prod'])
  expect(makeConfig({ environment, SETUP_SENTRY_LOGGING: false }).SETUP_SENTRY_LOGGING).toBe(false)
  expect(problemsOf({ SETUP_SENTRY_LOGGING: true })).toEqual([
    'SETUP_SENTRY_LOGGING: True needs SENTRY_DSN, expected both',
  ])
})

test('no property of the object prototype can be set from outside', () => {
  const environment = JSON.parse(
    `{"CELERY___PROTO__": "x", "CELERY_CONSTRUCTOR": "x", "CELERY_GET": "x", "CELERY_BROKER_TRANSPORT_OPTIONS": "{'__proto__': {'polluted': True}}"}`,
  )
  const config = makeConfig({ environment })
  expect(config).toBeInstanceOf(Config)
  expect(config.get('get')).toBe('x')
  expect('polluted' in {}).toBe(false)
  expect('polluted' in config.broker_transport_options).toBe(false)
})

test('settings have the types of their values', () => {
  const config = makeConfig()
  expectTypeOf(config.worker_concurrency).toEqualTypeOf<number | null>()
  expectTypeOf(config.task_acks_late).toEqualTypeOf<boolean>()
  expectTypeOf(config.QUEUES).toEqualTypeOf<readonly string[]>()
  expectTypeOf(config.task_default_queue_type).toEqualTypeOf<'classic' | 'quorum'>()
  expectTypeOf(config.task_default_delivery_mode).toEqualTypeOf<1 | 2>()
  // @ts-expect-error a setting that there is not
  expect(() => new Config({ environment: {}, borker_url: 'amqp://' })).toThrow(
    'did you mean broker_url?',
  )
  // @ts-expect-error a value that does not fit
  expect(() => new Config({ environment: {}, worker_concurrency: 'x' })).toThrow('does not fit')
})

test.each(['Mars/Olympus', '', '+01:00'])('the time zone %j is refused', (timezone) => {
  expect(() => makeConfig({ timezone })).toThrow(/timezone: .*expected the name of a time zone/)
})

test.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata'])('the time zone %s is taken', (timezone) => {
  expect(makeConfig({ timezone }).timezone).toBe(timezone)
})
