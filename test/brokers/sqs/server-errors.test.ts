import { expect, test } from 'vitest'
import { failureOf } from '../../../src/brokers/sqs/connecting/server-errors.ts'

test.each([
  ['QueueDoesNotExist', 400, 'missing'],
  ['AWS.SimpleQueueService.NonExistentQueue', 400, 'missing'],
  ['RequestThrottled', 403, 'busy'],
  ['ThrottlingException', 400, 'busy'],
  ['KmsThrottled', 400, 'busy'],
  ['SlowDown', 503, 'busy'],
  ['Whatever', 429, 'busy'],
  ['ExpiredTokenException', 403, 'login'],
  ['InvalidSignatureException', 403, 'refused'],
  ['RequestTimeTooSkewed', 403, 'login'],
  ['ServiceUnavailable', 503, 'away'],
  ['RequestTimeout', 400, 'away'],
  ['Whatever', 408, 'away'],
  ['Error', 200, 'away'],
  ['TimeoutError', undefined, 'away'],
  ['AccessDeniedException', 403, 'refused'],
  ['InvalidMessageContents', 400, 'refused'],
  ['UnsupportedOperation', 400, 'refused'],
])('%s with status %s is %s', (name, httpStatusCode, failure) => {
  const error = Object.assign(new Error('oh'), { name, $metadata: { httpStatusCode } })
  expect(failureOf(error)).toBe(failure)
})

test('a signature that is too old by a wrong clock is a matter of time', () => {
  const error = Object.assign(new Error('Signature expired: 20260101T000000Z is now earlier'), {
    name: 'InvalidSignatureException',
    $metadata: { httpStatusCode: 403 },
  })
  expect(failureOf(error)).toBe('login')
})
