import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import type { SettingTable } from '../../src/config/setting.ts'
import { settings } from '../../src/config/settings.ts'
import { ConfigError } from '../../src/errors.ts'

// Values that no setting of their kind takes, in each place where a value may come from.

const table: SettingTable = settings
const WHOLE = /^(?:an integer|a port)/
const AMOUNT = /^(?:seconds|a number, 0)/
const kinds = Object.entries(table).map(([name, { type }]) => [name, type.name] as const)
const counted = kinds.filter(([, kind]) => WHOLE.test(kind) || AMOUNT.test(kind))
const numeric = counted.filter(([, kind]) => !/text/.test(kind)).map(([name]) => name)

test('many settings are numbers', () => {
  expect(numeric.length).toBeGreaterThan(50)
})

test.each(numeric)(
  '%s refuses what is no number, by name, with the value and what it takes',
  (name) => {
    const ofArgument = [
      [Number.NaN, 'nan'],
      ['1h', "'1h'"],
      ['', "''"],
      [{}, '{}'],
      [[3], '[3]'],
    ] as const
    for (const [value, shown] of ofArgument)
      expect(problemsOf({ [name]: value })).toEqual([
        expect.stringContaining(`${name}: ${shown} does not fit, expected ${kindOf(name)}`),
      ])
    for (const text of ['1h', '', 'nan', '[1']) {
      const expected = [expect.stringContaining(`${variableOf(name)}: '${text}' cannot be read`)]
      expect(problemsOf({ environment: { [variableOf(name)]: text } })).toEqual(expected)
      expect(problemsOf({ dotenv: dotenvWith(`${variableOf(name)}=${text}`) })).toEqual(expected)
    }
  },
)

test.each(numeric.filter((name) => !/^an integer(?:, or None)?$/.test(kindOf(name))))(
  '%s refuses a negative number',
  (name) => {
    const problem = `-1 does not fit, expected ${kindOf(name)}`
    const environment = { [variableOf(name)]: '-1' }
    expect(problemsOf({ [name]: -1 })).toEqual([`${name}: ${problem}`])
    expect(problemsOf({ environment })).toEqual([`${name} (from ${variableOf(name)}): ${problem}`])
  },
)

const switches = kinds.filter(([, kind]) => kind.startsWith('true or false'))
const onOrOff = switches.filter(([, kind]) => !/dict|text|auto/.test(kind)).map(([name]) => name)

test.each(onOrOff)('%s refuses what is neither true nor false', (name) => {
  for (const value of ['yes', '', 2, -1, Number.NaN, {}])
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(`^${name}: .* does not fit, expected ${kindOf(name)}$`),
    ])
  const problem = `${variableOf(name)}: 'yes' cannot be read`
  expect(problemsOf({ environment: { [variableOf(name)]: 'yes' } })).toEqual([
    expect.stringContaining(problem),
  ])
})

test.each([
  ['task_default_priority', 256],
  ['task_queue_max_priority', 256],
  ['task_default_priority', 1.5],
])('%s refuses %d, as AMQP has one byte for it', (name, value) => {
  expect(problemsOf({ [name]: value })).toEqual([
    `${name}: ${value} does not fit, expected an integer from 0 to 255, or None`,
  ])
})

test.each([
  ['event_queue_ttl', 4_294_968, '0'],
  ['event_queue_expires', 0, '0.001'],
  ['event_queue_expires', Number.POSITIVE_INFINITY, '0.001'],
  ['control_queue_ttl', Number.POSITIVE_INFINITY, '0'],
  ['control_queue_expires', 0.0005, '0.001'],
])('%s refuses %d, as RabbitMQ does', (name, value, least) => {
  expect(problemsOf({ [name]: value })).toEqual([
    expect.stringContaining(`does not fit, expected seconds, ${least} to 4294967, or None`),
  ])
})

function kindOf(name: string): string {
  return table[name]?.type.name ?? ''
}

function variableOf(name: string): string {
  return `CELERY_${name.toUpperCase()}`
}

function dotenvWith(line: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'dotenv-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, '.env')
  writeFileSync(file, `${line}\n`)
  return file
}

function problemsOf(given: Readonly<Record<string, unknown>>): readonly string[] {
  const options = { queues: ['a'], environment: {}, dotenv: false, warn: () => undefined, ...given }
  try {
    new Config(options as ConfigOptions) // values that its type refuses are what this is about
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
