import { expect, test } from 'vitest'
import { signatureDict } from '../../src/protocol/signatures.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { encodeTaskV1 } from '../../src/protocol/tasks/encode-task-v1.ts'
import { messagesIn } from './recorded.ts'

const CALL = { id: 'x', task: 't' }

test('a call that says nothing but its name gets Celery’s defaults', () => {
  expect(encodeTask(CALL)).toEqual({
    headers: {
      lang: 'js',
      task: 't',
      id: 'x',
      shadow: null,
      eta: null,
      expires: null,
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: 'x',
      parent_id: null,
      argsrepr: '()',
      kwargsrepr: '{}',
      origin: null,
      ignore_result: false,
      replaced_task_nesting: 0,
      stamped_headers: null,
      stamps: {},
    },
    properties: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      deliveryMode: 2,
      priority: 0,
      correlationId: 'x',
    },
    body: Buffer.from(
      '[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
    ),
  })
})

test('priority null leaves the property out, as Python does for chord_unlock', () => {
  expect(encodeTask({ ...CALL, priority: null }).properties).not.toHaveProperty('priority')
})

test('a part of a millisecond is no time to live', () => {
  expect(encodeTask({ ...CALL, expirationMs: 1234.9 }).properties.expiration).toBe('1234')
  expect(encodeTask({ ...CALL, expirationMs: -5 }).properties.expiration).toBe('0')
})

test('a header named __proto__ is a header like any other', () => {
  const headers = JSON.parse('{"__proto__": {"task": "evil"}}')
  const message = encodeTask({ ...CALL, headers })
  expect(Object.getPrototypeOf(message.headers)).toBe(Object.prototype)
  expect(message.headers.task).toBe('t')
})

test.each([['pickle'], ['raw'], ['nosuch']])('the serializer %s is refused', (serializer) => {
  expect(() => encodeTask({ ...CALL, serializer })).toThrow(
    expect.objectContaining({ code: 'VALUE_UNENCODABLE' }),
  )
})

test('a value without a form on the wire is refused', () => {
  expect(() => encodeTask({ ...CALL, args: [() => 1] })).toThrow(
    expect.objectContaining({ code: 'VALUE_UNENCODABLE' }),
  )
})

test('whole numbers of any size come back exactly', () => {
  const args = [2n ** 80n, Number.MAX_SAFE_INTEGER, -(2n ** 53n)]
  expect(decodeTask(encodeTask({ ...CALL, args }), ['json']).args).toEqual(args)
})

test('a chain in protocol 1 travels as callbacks inside callbacks', () => {
  const [recorded] = messagesIn('proto1-chain')
  const replyTo = 'cd3810d2-b4d0-394a-934f-c873644da7ee'
  const step = (task: string, args: number[], taskId: string) =>
    signatureDict({ task, args, options: { task_id: taskId, reply_to: replyTo } })
  const message = encodeTaskV1({
    id: '41297316-9432-4474-ab2d-69e73908540e',
    task: 'proj.tasks.add',
    args: [1, 2],
    replyTo,
    chain: [
      step('proj.tasks.add', [4], '511ec6a3-76af-4f8e-846f-cb43e6196386'),
      step('proj.tasks.mul', [3], '8a0b0e36-dd97-4c55-b924-3da321ccb1bd'),
    ],
  })
  expect(message.body.toString()).toBe(recorded!.message.body.toString())
})
