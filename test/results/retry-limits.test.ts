import { expect, test } from 'vitest'
import { retryLimits } from '../../src/results/retry-limits.ts'

test('without result_backend_always_retry there are no limits but our own', () => {
  expect(retryLimits({ result_backend_max_retries: 3 })).toBeUndefined()
})

test('the waits double from the base to the longest, as often as there are retries', () => {
  const limits = retryLimits({
    result_backend_always_retry: true,
    result_backend_base_sleep_between_retries_ms: 100,
    result_backend_max_sleep_between_retries_ms: 400,
    result_backend_max_retries: 4,
  })
  expect(limits?.backoff).toMatchObject({ initialMs: 100, maxMs: 400 })
  expect(limits?.deadlineMs).toBe(1_000 + 100 + 200 + 400 + 400)
})

test('retries without end are tried for longer than anyone waits', () => {
  const limits = retryLimits({ result_backend_always_retry: true })
  expect(limits?.deadlineMs).toBeGreaterThan(24 * 3_600_000)
})
