import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { makeConfig, problemsOf } from './make-config.ts'

test('a variable of a text setting is taken as it is', () => {
  const config = makeConfig({
    environment: {
      CELERY_BROKER_URL: 'amqp://mq',
      CELERY_QUEUE_PREFIX: '5',
      CELERY_EVENT_QUEUE_PREFIX: '',
    },
  })
  expect([config.broker_url, config.QUEUE_PREFIX, config.event_queue_prefix]).toEqual([
    'amqp://mq',
    '5',
    '',
  ])
})

test('None is nothing where nothing is a value, and text where it is not', () => {
  const config = makeConfig({
    environment: { CELERY_TIMEZONE: 'None', CELERY_QUEUE_PREFIX: 'None' },
  })
  expect([config.timezone, config.QUEUE_PREFIX]).toEqual([null, 'None'])
})

test('a variable of any other setting is read as a Python literal or as JSON', () => {
  const config = makeConfig({
    queues: undefined,
    environment: {
      CELERY_QUEUES: "('a', 'b')",
      CELERY_IMPORTS: '{"x"}',
      CELERY_TASK_ACKS_LATE: 'True',
      CELERY_TASK_IGNORE_RESULT: 'true',
      CELERY_WORKER_CONCURRENCY: '1_0',
      CELERY_RESULT_EXPIRES: 'None',
      CELERY_BROKER_TRANSPORT_OPTIONS: "{'region': 'eu', 'n': -1.5}",
      CELERY_TASK_DEFAULT_RATE_LIMIT: '10/m',
      CELERY_RESULT_DB_PORT: '6543',
    },
  })
  expect(config.QUEUES).toEqual(['a', 'b'])
  expect(config.imports).toEqual(['x'])
  expect(config.task_acks_late).toBe(true)
  expect(config.task_ignore_result).toBe(true)
  expect(config.worker_concurrency).toBe(10)
  expect(config.result_expires).toBeNull()
  expect(config.broker_transport_options).toEqual({ region: 'eu', n: -1.5 })
  expect(config.task_default_rate_limit).toBe('10/m')
  expect(config.RESULT_DB_PORT).toBe(6543)
})

test('a variable that cannot be read is a mistake with its name, its value and the place', () => {
  expect(problemsOf({ environment: { CELERY_IMPORTS: "('a', b)" } })).toEqual([
    `CELERY_IMPORTS: "('a', b)" cannot be read (found "b" at position 6, expected a literal), expected a list of texts, or a text`,
  ])
})

test('a variable that reads and does not fit is a mistake with its name', () => {
  expect(problemsOf({ environment: { CELERY_WORKER_CONCURRENCY: "'x'" } })).toEqual([
    "worker_concurrency (from CELERY_WORKER_CONCURRENCY): 'x' does not fit, expected an integer, 1 or more, or None",
  ])
})

test('an unreadable value that may hold a secret is not shown', () => {
  const [problem] = problemsOf({
    environment: {
      CELERY_BROKER_USE_SSL: "{'password': 'hunter2'",
      CELERY_REDIS_PORT: 'amqp://u:hunter2@h',
    },
  })
  expect(problem).not.toContain('hunter2')
})

test('every other variable with the prefix becomes a lowercase setting with its text', () => {
  const config = makeConfig({
    environment: { CELERY_FOO: '9876', CELERY_LOG_LEVEL: 'INFO', CELERY_LOG_FILE: 'x', OTHER: '1' },
  })
  expect(config.get('foo')).toBe('9876')
  expect(Reflect.get(config, 'foo')).toBe('9876')
  expect(config.source('foo')).toBe('environment')
  expect(['log_level', 'log_file', 'other'].map((name) => config.get(name))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test.each(['FOO', 'foo'])('another variable does not come beside the given %s', (name) => {
  const config = makeConfig({ environment: { CELERY_FOO: '9876' }, strict: false, [name]: '1234' })
  expect([config.get('foo'), config.get('FOO')]).toEqual(
    name === 'foo' ? ['1234', undefined] : [undefined, '1234'],
  )
})

test.each([
  [
    'the argument',
    {
      ENV_PREFIX: 'APP_',
      environment: {
        APP_TIMEZONE: 'Africa/Accra',
        CELERY_TIMEZONE: 'Africa/Cairo',
        CELERY_ENV_PREFIX: 'X_',
      },
    },
    'Africa/Accra',
  ],
  [
    'CELERY_ENV_PREFIX',
    {
      environment: {
        X_TIMEZONE: 'Africa/Tunis',
        CELERY_TIMEZONE: 'Africa/Cairo',
        CELERY_ENV_PREFIX: 'X_',
      },
    },
    'Africa/Tunis',
  ],
  [
    'the default',
    { environment: { X_TIMEZONE: 'Africa/Tunis', CELERY_TIMEZONE: 'Africa/Cairo' } },
    'Africa/Cairo',
  ],
])('the prefix comes from %s', (_, options, timezone) => {
  expect(makeConfig(options).timezone).toBe(timezone)
})

test('.env in the working directory is read, and the environment wins over it', () => {
  const folder = temporaryFolder()
  writeFileSync(
    join(folder, '.env'),
    'CELERY_TIMEZONE=Europe/Rome\nCELERY_FOO=1\nCELERY_QUEUES=["a"]\n',
  )
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder)
  onTestFinished(() => cwd.mockRestore())
  vi.stubEnv('CELERY_FOO', '2')
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const config = new Config()
  expect([config.timezone, config.source('timezone')]).toEqual(['Europe/Rome', '.env'])
  expect([config.get('foo'), config.source('foo')]).toEqual(['2', 'environment'])
  expect(config.QUEUES).toEqual(['a'])
  expect(process.env.CELERY_TIMEZONE).toBeUndefined()
  expect(new Config({ dotenv: false, queues: ['a'] }).timezone).toBeNull()
})

test('a named .env file is read, and must be there', () => {
  const path = join(temporaryFolder(), 'production.env')
  expect(problemsOf({ dotenv: path })).toEqual([
    `dotenv: cannot read ${path} (ENOENT), expected a file`,
  ])
  writeFileSync(path, 'CELERY_TIMEZONE="Europe/Rome"')
  expect(makeConfig({ dotenv: path }).timezone).toBe('Europe/Rome')
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a misspelt variable is named with the nearest, without its value; those of other programs are left alone', () => {
  const warnings: string[] = []
  new Config({
    queues: ['export'],
    dotenv: false,
    environment: {
      CELERY_BROKR_URL: 'amqp://user:secret@mq',
      CELERY_TASK_ACK_LATE: 'true',
      CELERY_QUEUS: "['a']",
      CELERY_LOADER: 'default',
      CELERY_TOOLBOX_DATABASE_URL: 'postgresql://mq',
      CELERY_OWN_SETTING: '1',
    },
    warn: (sentence) => warnings.push(sentence),
  })
  expect(warnings).toEqual([
    'CELERY_BROKR_URL names no setting and has no effect; did you mean CELERY_BROKER_URL?',
    'CELERY_TASK_ACK_LATE names no setting and has no effect; did you mean CELERY_TASK_ACKS_LATE?',
    'CELERY_QUEUS names no setting and has no effect; did you mean CELERY_QUEUES?',
  ])
})

test('as in Celery, one module of imports or include may stand for a list of one', () => {
  const environment = { CELERY_IMPORTS: "'proj.tasks'" }
  const config = makeConfig({ queues: ['a'], environment, include: './more.ts' })
  expect(config.imports).toEqual(['proj.tasks'])
  expect(config.include).toEqual(['./more.ts'])
})
