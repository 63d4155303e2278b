import { expect, test } from 'vitest'
import { remoteArguments } from '../../src/cli/remote/remote-arguments.ts'
import { CONTROL, INSPECT } from '../../src/cli/remote/remote-commands.ts'
import { replyText } from '../../src/cli/remote/reply-text.ts'

const PLAIN = { isColoured: false, withBody: true }

function read(name: string, ...typed: string[]): unknown {
  const command = INSPECT[name] ?? CONTROL[name]
  if (command === undefined) throw new Error(`no command ${name}`)
  return remoteArguments(name, command, typed)
}

test('what is typed becomes the arguments of Celery', () => {
  expect(read('pool_grow')).toEqual({})
  expect(read('pool_grow', '3')).toEqual({ n: 3 })
  expect(read('time_limit', 'export.pdf', '1.5')).toEqual({ task_name: 'export.pdf', soft: 1.5 })
  expect(read('terminate', 'KILL', 'one', 'two')).toEqual({
    signal: 'KILL',
    task_id: ['one', 'two'],
  })
  expect(read('query_task')).toEqual({ ids: [] })
  expect(read('conf', 'yes')).toEqual({ with_defaults: true })
})

test('what is missing, too much or none of its kind is refused by name, with what is expected', () => {
  expect(() => read('rate_limit', 'export.pdf')).toThrow(
    '"rate_limit" needs rate_limit; it takes: <task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>',
  )
  expect(() => read('pool_grow', 'x')).toThrow('n is "x", expected a whole number')
  expect(() => read('ping', 'now')).toThrow('"ping" does not accept "now"; it takes no arguments')
  expect(() => read('conf', 'maybe')).toThrow('with_defaults is "maybe", expected one of yes,')
})

test('answers are shown as celery shows them', () => {
  expect(replyText({ 'w1@host': { ok: 'pong' } }, PLAIN)).toBe('->  w1@host: OK\n        pong')
  expect(replyText({ 'w1@host': { error: 'no' } }, PLAIN)).toBe('->  w1@host: ERROR\n        no')
  expect(replyText({ 'w1@host': [] }, PLAIN)).toBe('->  w1@host: OK\n    - empty -')
  expect(replyText({ 'w1@host': ['b', { a: true }] }, PLAIN)).toBe(
    "->  w1@host: OK\n    * b\n    * {'a': True}",
  )
  expect(replyText({ 'w1@host': { b: 1, a: null } }, PLAIN)).toBe(
    '->  w1@host: OK\n    {\n        "a": null,\n        "b": 1\n    }',
  )
  expect(replyText({ 'w1@host': { ok: 'pong' } }, { ...PLAIN, withBody: false })).toBe(
    '->  w1@host: OK',
  )
})
