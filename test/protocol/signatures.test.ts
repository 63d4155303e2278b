import { expect, test } from 'vitest'
import { checkSignature, readSignature, signatureDict } from '../../src/protocol/signatures.ts'

test('a signature has all six keys that Python needs, in its order', () => {
  expect(Object.entries(signatureDict({ task: 't', args: [1] }))).toEqual([
    ['task', 't'],
    ['args', [1]],
    ['kwargs', {}],
    ['options', {}],
    ['subtask_type', null],
    ['immutable', false],
  ])
})

test('what is missing in a signature is filled in, what is unknown stays', () => {
  expect(readSignature({ task: 't', args: null, chord_size: 3 })).toEqual({
    ...signatureDict({ task: 't' }),
    chord_size: 3,
  })
})

test('a complete signature is given back as it is', () => {
  const complete = signatureDict({ task: 't', options: { queue: 'q' } })
  expect(readSignature(complete)).toBe(complete)
})

test.each([
  ['text', "signature is 'text', expected an object"],
  [{}, "signature.task is missing, expected a task's name"],
  [{ task: 5 }, "signature.task is 5, expected a task's name"],
  [{ task: 't', args: {} }, 'signature.args is {}, expected a list'],
  [{ task: 't', kwargs: [] }, 'signature.kwargs is [], expected an object'],
  [{ task: 't', options: 'x' }, "signature.options is 'x', expected an object"],
])('%j is refused, naming the field', (value, message) => {
  expect(() => readSignature(value)).toThrow(message)
})

test('a step that Python could not run is distinguished from one it could', () => {
  expect(() => checkSignature({ task: 't', args: [], options: {} }, 'chain[0]')).not.toThrow()
  expect(() => checkSignature({ task: 't', args: [] }, 'chain[0]')).toThrow(
    'chain[0].options is missing',
  )
})

test('a key named __proto__ changes no prototype', () => {
  const signature = readSignature(JSON.parse('{"task": "t", "__proto__": {"immutable": true}}'))
  expect(Object.getPrototypeOf(signature)).toBe(Object.prototype)
  expect(signature.immutable).toBe(false)
})
