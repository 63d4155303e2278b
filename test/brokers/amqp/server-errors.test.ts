import { expect, test } from 'vitest'
import {
  declareRefusal,
  isHopeless,
  missingExchange,
  serverText,
} from '../../../src/brokers/amqp/connecting/server-errors.ts'

const closed = (text: string): Error =>
  new Error(`Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message "${text}"`)

test.each([
  [
    "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'",
    "it exists with durable 'true' where 'false' was asked for",
  ],
  [
    "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received none but current is the value '5' of type 'signedint'",
    "it exists with x-max-priority '5' where none was asked for",
  ],
  [
    'RESOURCE_LOCKED - cannot obtain exclusive access',
    'RESOURCE_LOCKED - cannot obtain exclusive access',
  ],
])('a refused declaration is told in plain words: %s', (text, told) => {
  expect(declareRefusal(closed(text))).toBe(told)
})

test('the exchange that is missing is found in what the server says', () => {
  const text = "NOT_FOUND - no exchange 'it's gone' in vhost '/'"
  expect(missingExchange(new Error(`Channel closed by server: 404 with message "${text}"`))).toBe(
    "it's gone",
  )
  expect(missingExchange(new Error('another error'))).toBeUndefined()
})

test('an error without a message is shown by its code', () => {
  const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
  expect(serverText(refused)).toBe('ECONNREFUSED')
  expect(isHopeless(refused)).toBe(false)
})
