import { expect, onTestFinished, test, vi } from 'vitest'
import { asUsageError, codeOf, exitCodeOf, reportFailure } from '../../src/cli/failure.ts'
import {
  BrokerError,
  ConfigError,
  TaskError,
  UnroutableTaskError,
  UsageError,
} from '../../src/errors.ts'

test.each([
  ['a setting', new ConfigError(['wrong'])],
  ['the command line', new UsageError('wrong')],
  ['an option of a task', new TaskError('TASK_INVALID', 'wrong')],
  ['a queue nobody has', new UnroutableTaskError('a.b', 'a', ['celery'])],
])('exit code 2 for a mistake in %s', (_what, error) => {
  expect(exitCodeOf(error)).toBe(2)
})

test('exit code 1 for work that failed', () => {
  expect(exitCodeOf(new BrokerError('BROKER_UNREACHABLE', 'away'))).toBe(1)
  expect(exitCodeOf(new Error('anything'))).toBe(1)
  expect(exitCodeOf('not even an error')).toBe(1)
})

test("an error of an app's own copy of the toolbox is known by its code", () => {
  expect(exitCodeOf(Object.assign(new Error('wrong'), { code: 'CONFIG_INVALID' }))).toBe(2)
})

test("a driver's own codes are not ours", () => {
  expect(codeOf(Object.assign(new Error('wrong'), { code: 'ECONNREFUSED' }))).toBeUndefined()
  expect(codeOf(Object.assign(new Error('wrong'), { code: '42P01' }))).toBeUndefined()
})

test('a failing app is a usage error that says where it failed', () => {
  const error = asUsageError('cannot load the app "x.ts"', new TypeError('boom'))
  expect(error).toBeInstanceOf(UsageError)
  expect(String(error)).toMatch(/cannot load the app "x\.ts": boom\n +at .*failure\.test\.ts/)
})

test('where tables of ours are missing, it is said what makes them', () => {
  const missing = (relation: string): Error =>
    Object.assign(new Error(`relation "${relation}" does not exist`), { code: '42P01' })
  expect(reported(missing('monitor.task'))).toMatch(
    /^error: relation "monitor.task" does not exist; run "celery-toolbox migrate up", or name another/,
  )
  expect(reported(missing('theirs'))).toMatch(/^error: relation "theirs" does not exist\n/)
})

test('where the default broker cannot be reached, it is said how to name another', () => {
  const away = (url: string) =>
    new BrokerError('BROKER_UNREACHABLE', `${url} cannot be reached: no`)
  expect(reported(away('sqs://'))).toMatch(/no; sqs:\/\/ is the default: name your broker with -b /)
  expect(reported(away('sqs://localhost:4566'))).toBe(
    'error: sqs://localhost:4566 cannot be reached: no [BROKER_UNREACHABLE]\n',
  )
})

function reported(error: Error): string {
  const written: string[] = []
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  onTestFinished(() => spy.mockRestore())
  reportFailure(error, { withStack: false })
  spy.mockRestore()
  return written.join('')
}
