import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../src/errors.ts'
import { expandMessage } from '../../src/protocol/compressed-message.ts'
import { identify } from '../../src/protocol/describe-message.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import {
  BASE_HEADERS,
  BASE_PROPERTIES,
  EXPECTED,
  type Expected,
  type MalformedCase,
  malformedCases,
  messageOf,
} from './malformed-matrix.ts'
import { propertiesOf } from './recorded.ts'

/** Celery 5.2 fed the wrapper to the task as it was; we do as today's Celery does. */
const OLD_WORKER_RAN_IT = 'unknown __type__ in JSON body'

describe.each([['malformed-message-matrix'], ['compat52-malformed-message-matrix']])(
  '%s',
  (name) => {
    const cases = malformedCases(name)

    test('has no case that is not expected here', () => {
      expect(new Set(cases.map(({ label }) => label))).toEqual(new Set(Object.keys(EXPECTED)))
    })

    test.each(cases.map((one): [string, MalformedCase] => [one.label, one]))(
      '%s',
      async (label, one) => {
        expect(await outcomeOf(one)).toEqual(await expectedOutcome(EXPECTED[label]!))
        expect(() => identify(messageOf(one))).not.toThrow()
      },
    )

    test.each(cases.map((one): [string, MalformedCase] => [one.label, one]))(
      '%s: nothing that Python runs is refused, nothing that it loses is run',
      (label, one) => {
        const isRun = !('refused' in EXPECTED[label]!)
        expect(isRun).toBe(isStoredByPython(one) && label !== OLD_WORKER_RAN_IT)
      },
    )
  },
)

test('a shown value is cut to 200 characters', () => {
  const message = messageOf({ label: '', body: [[], 'x'.repeat(5000), {}], worker_alive: true })
  expect(() => decodeTask(message, ['json'])).toThrow(/^kwargs is 'x{199}…, expected an object$/)
})

test('a message that is still compressed is not decoded', () => {
  const message = messageOf({ label: '', body: [[], {}, {}], worker_alive: true })
  const compressed = {
    ...message,
    headers: { ...message.headers, compression: 'application/x-gzip' },
  }
  expect(() => decodeTask(compressed, ['json'])).toThrow(/still compressed/)
})

test('text in another encoding is read as that encoding', () => {
  const message = messageOf({ label: '', body: [['é'], {}, {}], worker_alive: true })
  const latin = {
    ...message,
    properties: { ...message.properties, contentEncoding: 'iso-8859-1' },
    body: Buffer.from(JSON.stringify([['é'], {}, {}]), 'latin1'),
  }
  expect(decodeTask(latin, ['json']).args).toEqual(['é'])
})

test('what is sent on to others keeps its floats', () => {
  const step =
    '{"task": "t", "args": [1.0, 2], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}'
  const message = messageOf({ label: '', body: null, worker_alive: true })
  const body = Buffer.from(`[[1.0], {}, {"callbacks": [${step}]}]`)
  const { args, callbacks } = decodeTask({ ...message, body }, ['json'])
  expect(args).toEqual([1])
  expect(String(callbacks?.[0]?.args[0])).toBe('1.0')
})

test('whatever a message holds, it is decoded or refused with a reason, and nothing else happens', () => {
  const fields = fc.constantFrom(
    ...Object.keys(BASE_HEADERS),
    'args',
    'kwargs',
    'chain',
    '__proto__',
  )
  const anything = fc.oneof(fc.anything({ withBigInt: true, withDate: true }), fc.constant(null))
  const headers = fc.dictionary(fields, anything).map((some) => ({ ...BASE_HEADERS, ...some }))
  const part = fc.oneof(fc.jsonValue(), fc.dictionary(fields, fc.jsonValue()))
  const body = fc.oneof(part, fc.tuple(part, part, part), fc.constant([[], {}, {}]))
  fc.assert(
    fc.property(headers, body, fc.boolean(), (some, value, isV1) => {
      const message = {
        headers: isV1 ? {} : some,
        properties: propertiesOf(BASE_PROPERTIES),
        body: Buffer.from(JSON.stringify(value)),
      }
      try {
        expect(decodeTask(message, ['json']).id).toBeTypeOf('string')
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        expect(error.message.length).toBeLessThan(600)
      }
    }),
    { numRuns: 1000 },
  )
})

async function outcomeOf(one: MalformedCase): Promise<unknown> {
  try {
    const request = decodeTask(await expandMessage(messageOf(one)), ['json'])
    return request.fault === undefined ? request : { fault: request.fault.message }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { refused: error.code, because: error.message }
  }
}

function expectedOutcome(expected: Expected): unknown {
  if ('accepted' in expected) return expect.objectContaining(expected.accepted)
  if ('fault' in expected) return { fault: expect.stringMatching(expected.fault) }
  return { refused: expected.refused, because: expect.stringMatching(expected.because) }
}

/** Python stored a result, or was told to store none, or is still waiting for the eta. */
function isStoredByPython({ label, result }: MalformedCase): boolean {
  return (
    result !== undefined ||
    ['ignore_result true', 'no reply_to', 'eta far future year 9999'].includes(label)
  )
}
