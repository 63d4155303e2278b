import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SettingTable } from '../../src/config/setting.ts'
import { settings } from '../../src/config/settings.ts'
import { makeConfig } from './make-config.ts'

const SRC = join(import.meta.dirname, '../../src')
const TESTS = join(import.meta.dirname, '..')
const OPERATED = /^(worker|control|events?|task)_/
const table: SettingTable = settings
const inState = (...states: string[]) =>
  Object.entries(table).filter(([, { state = 'effect' }]) => states.includes(state))

/** All code but the declarations; a default that names another setting ("{0.NAME}") uses it. */
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith(join('config', 'settings')))
  .map((file) => readFileSync(join(SRC, file), 'utf8').replace(/^\s*(?:\/\/|\/?\*).*$/gm, ''))
  .join('\n')
const used = new Set([
  ...(sources.match(/\w+/g) ?? []),
  ...(String(table.result_backend?.default).match(/\w+(?=\})/g) ?? []),
])

/** What tests set, or give to processes that they start; those of declarations aside. */
const tested = new Set(
  readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|js|py)$/.test(file) && !/^config.(config-docs|setting-)/.test(file))
    .flatMap((file) => readFileSync(join(TESTS, file), 'utf8').match(/\w+/g) ?? [])
    .map((word) => word.replace(/^CELERY_/, '').toLowerCase()),
)

test.each(inState('effect'))(
  '%s, which claims an effect, is used by the code and by a test',
  (name) => {
    expect(used).toContain(name)
    expect(tested).toContain(name.toLowerCase())
  },
)

const operated = Object.entries(table).filter(([name]) => OPERATED.test(name))

test.each(operated)('%s takes effect, which a test shows, or says that it is Python’s', (name) => {
  const { state = 'effect', documentation } = table[name] ?? {}
  if (state === 'python') expect(documentation).toMatch(/Python/)
  else expect({ state, isTested: tested.has(name) }).toEqual({ state: 'effect', isTested: true })
})

test.each(inState('refused'))('%s is an error, as ignoring it would be unsafe', (name) => {
  const given = { environment: {}, queues: ['a'], [name]: 'x' }
  expect(() => makeConfig(given)).toThrow(`${name}: it is refused`)
})

test('a setting without effect warns once, by name; one that is Python’s does not', () => {
  const warnings: string[] = []
  const config = makeConfig({
    environment: { CELERY_RESULT_CHORD_JOIN_TIMEOUT: '5' },
    queues: ['a'],
    beat_schedule: { nightly: { task: 'a.b', schedule: 60 } },
    worker_timer: 'x',
    worker_pool: 'prefork', // its default
    warn: (sentence) => warnings.push(sentence),
  })
  config.warnOfIneffective()
  config.warnOfIneffective()
  expect(warnings).toEqual([
    'beat_schedule has no effect yet: a later version of celery-toolbox has it',
    'result_chord_join_timeout has no effect: celery-toolbox does not use it',
  ])
})

test.each([
  ['broker_url', 'CELERY_BROKER_URL', 'amqp://env', 'amqp://argument'],
  ['broker_read_url', 'CELERY_BROKER_READ_URL', 'amqp://env', 'amqp://argument'],
  ['broker_write_url', 'CELERY_BROKER_WRITE_URL', 'amqp://env', 'amqp://argument'],
  ['result_backend', 'CELERY_RESULT_BACKEND', 'rpc://', 'redis://argument'],
])('as in Celery, %s is that of %s before the argument', (name, variable, ofEnvironment, given) => {
  const warnings: string[] = []
  const config = makeConfig({
    environment: { [variable]: ofEnvironment },
    queues: ['a'],
    ENV_PREFIX: 'MINE_',
    [name]: given,
    warn: (sentence) => warnings.push(sentence),
  })
  expect(config.get(name)).toBe(ofEnvironment)
  expect(config.shadowed(name)).toEqual([{ source: 'argument', isSame: false }])
  expect(warnings).toEqual([
    `${name}: ${variable} in the environment counts, the value given to Config is not used`,
  ])
})

test('elsewhere the argument counts, and a variable that it hides is named', () => {
  const warnings: string[] = []
  const config = makeConfig({
    environment: { CELERY_TASK_ACKS_LATE: 'False', CELERY_WORKER_CONCURRENCY: '3' },
    queues: ['a'],
    task_acks_late: true,
    worker_concurrency: 3,
    warn: (sentence) => warnings.push(sentence),
  })
  expect(config.task_acks_late).toBe(true)
  expect(warnings).toEqual([
    'task_acks_late: the value given to Config counts, CELERY_TASK_ACKS_LATE in the environment is not used',
  ])
  expect(config.shadowed('worker_concurrency')).toMatchObject([{ isSame: true }])
})
