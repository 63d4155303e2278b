import { expect, test } from 'vitest'
import { PythonObject, Tuple } from '../../src/codecs/values.ts'
import { TaskFailedError } from '../../src/errors.ts'
import {
  exceptionFromMeta,
  exceptionInfo,
  exceptionToMeta,
  tracebackOf,
} from '../../src/protocol/results/exceptions.ts'

class ExportError extends Error {
  override name = 'ExportError'
}

const UNREADABLE = Object.defineProperty(new Error('x'), 'name', {
  get: () => {
    throw new Error('no')
  },
})

test.each([
  ['an error', new Error('boom'), 'Error', ['boom']],
  [
    'an error of a class of its own',
    new ExportError('no such project'),
    'ExportError',
    ['no such project'],
  ],
  ['a TypeError', new TypeError('bad'), 'TypeError', ['bad']],
  ['a text', 'thrown', 'Error', ['thrown']],
  ['nothing', undefined, 'Error', ['undefined']],
  ['an object', { code: 5 }, 'Error', ['{ code: 5 }']],
  ['an error that cannot be read', UNREADABLE, 'Error', ['an error that cannot be read']],
])('%s is named so that Python can name it', (_, thrown, excType, excMessage) => {
  expect(exceptionInfo(thrown)).toEqual({ excType, excModule: 'builtins', excMessage })
})

test('the failure of another task is passed on under its own name', () => {
  const failure = {
    taskId: 'id-1',
    state: 'FAILURE',
    excType: 'CustomError',
    excModule: 'proj.app',
    excArgs: [42, 'bad thing'],
    traceback: 'Traceback of Python',
  }
  const error = new TaskFailedError(failure)
  expect(exceptionToMeta(exceptionInfo(error))).toEqual({
    exc_type: 'CustomError',
    exc_message: [42, 'bad thing'],
    exc_module: 'proj.app',
  })
  expect(tracebackOf(error)).toContain('Traceback of Python')
})

test('arguments that JSON cannot hold become their text', () => {
  const info = { excType: 'E', excModule: null, excMessage: [1, () => 1, { nested: Symbol('x') }] }
  expect(exceptionToMeta(info).exc_message).toEqual([
    1,
    '[Function (anonymous)]',
    '{ nested: Symbol(x) }',
  ])
})

test.each([
  [{ exc_type: 'E', exc_message: ['x'], exc_module: 'm' }, ['E', 'm', ['x']]],
  [{ exc_type: 'E', exc_message: 'x' }, ['E', null, ['x']]],
  [{ exc_type: 'E', exc_message: null, exc_module: 'm' }, ['E', 'm', [null]]],
  [{ exc_type: 'E', exc_message: Tuple.of(1, 2), exc_module: 'm' }, ['E', 'm', [1, 2]]],
  [{ message: 'x' }, ['Exception', 'builtins', ["{ message: 'x' }"]]],
  ['boom', ['Exception', 'builtins', ['boom']]],
  [null, ['Exception', 'builtins', []]],
  [new PythonObject('proj.app', 'CustomError', [7, 'x']), ['CustomError', 'proj.app', [7, 'x']]],
])('the stored exception %j is read', (stored, [excType, excModule, excMessage]) => {
  expect(exceptionFromMeta(stored)).toEqual({ excType, excModule, excMessage })
})

test('a traceback shows what caused the error, and what caused that', () => {
  const cause = new ExportError('disk full', { cause: 'a text' })
  const traceback = tracebackOf(new Error('cannot export', { cause }))
  expect(traceback).toMatch(/^Error: cannot export\n {4}at /)
  expect(traceback).toContain('\nCaused by: ExportError: disk full\n')
  expect(traceback).toContain("\nCaused by: 'a text' (thrown, but no error)")
})

test('an error that is its own cause has a traceback that ends', () => {
  const error: Error & { cause?: unknown } = new Error('loop')
  error.cause = error
  expect(tracebackOf(error).split('Caused by').length).toBe(11)
})

test('an error that cannot be read has a traceback all the same', () => {
  const error = Object.defineProperty(new Error('x'), 'cause', {
    get: () => {
      throw new Error('no')
    },
  })
  expect(tracebackOf(error)).toBe('Error')
})

test('of the text of an error of megabytes, of its name and of its traceback, the ends are kept', () => {
  const error = new Error(`first ${'x'.repeat(4_000_000)} last`)
  error.name = 'E'.repeat(4_000_000)
  error.cause = error
  const { excType, excMessage } = exceptionInfo(error)
  expect(excType).toHaveLength(1000)
  expect(excMessage).toEqual([
    expect.stringMatching(/^first x+… \(2951435 characters are left out\) …x+ last$/),
  ])
  const traceback = tracebackOf(error)
  expect(traceback.length).toBeLessThan(1_100_000)
  expect(traceback).toMatch(/characters are left out[\s\S]*exceptions\.test\.ts/)
})

test('an error whose message holds itself over and over has a text', () => {
  let message: unknown = [1]
  for (let level = 0; level < 40; level += 1) message = [message, message]
  const error = Object.assign(new Error('x'), { message, stack: 7 })
  expect(exceptionInfo(error).excMessage).toEqual([expect.stringMatching(/^1,1,.*…$/)])
  expect(tracebackOf(error)).toMatch(/^Error: 1,1,/)
})
