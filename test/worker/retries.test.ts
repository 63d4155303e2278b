import { expect, test } from 'vitest'
import { Ignore, Reject } from '../../src/index.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import type { TaskRequest } from '../../src/protocol/tasks/task-request.ts'
import { Retry } from '../../src/tasks/signals.ts'
import { automaticDelay, outcomeOfError } from '../../src/worker/retries/retries.ts'

class Flaky extends Error {}
class Hopeless extends Flaky {}

// As celery.utils.time.get_exponential_backoff_interval gives them.
test.each([
  [{ retryBackoff: true, retryJitter: false }, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]],
  [{ retryBackoff: 5, retryJitter: false }, [5, 10, 20, 40, 80]],
  [{ retryBackoff: 2.9, retryJitter: false }, [2, 4, 8]],
  [{ retryBackoff: 0.5, retryJitter: false }, [1, 2, 4]],
  [{ retryBackoff: 3, retryBackoffMax: 10.5, retryJitter: false }, [3, 6, 10, 10]],
  [{ retryBackoff: 0 }, [180, 180]],
  [{ retryBackoff: false, defaultRetryDelay: 7 }, [7, 7]],
  [{ retryBackoff: true, retryBackoffMax: 0 }, [0, 0]],
])('the delays of %j are Celery’s', (options, delays) => {
  expect(delays.map((_, retries) => automaticDelay(retries, options))).toEqual(delays)
})

test('jitter is a whole number of seconds from 0 to the full delay, which is the default', () => {
  const at = (chance: number) => automaticDelay(3, { retryBackoff: true }, () => chance)
  expect([at(0), at(0.1), at(0.5), at(0.999_999)]).toEqual([0, 0, 4, 8])
})

test('a huge number of retries waits no longer than the most', () => {
  expect(automaticDelay(5_000, { retryBackoff: true, retryJitter: false })).toBe(600)
})

test.each([
  ['an error that is named', new Flaky('x'), 'retry'],
  ['an error that is named and excepted', new Hopeless('x'), 'failure'],
  ['another error', new TypeError('x'), 'failure'],
  ['Ignore', new Ignore(), 'ignore'],
  ['Reject', new Reject('x'), 'reject'],
])('%s gives a task with autoretryFor and dontAutoretryFor this outcome: %#', (_, error, kind) => {
  const options = { autoretryFor: [Flaky, Ignore, Reject], dontAutoretryFor: [Hopeless] }
  expect(outcomeOfError(error, request(0), options, 1).kind).toBe(kind)
})

test.each([
  ['a limit of the task', { maxRetries: 2 }, {}, [true, true, false]],
  ['no limit said', {}, {}, [true, true, true, false]],
  ['a limit of the call', { maxRetries: 0 }, { maxRetries: 1 }, [true, false]],
  ['null in the task: for ever', { maxRetries: null }, {}, Array(50).fill(true)],
  ['null in the call: for ever', { maxRetries: 0 }, { maxRetries: null }, Array(50).fill(true)],
])('retries under %s', (_, options, retry, expected) => {
  const outcomes = expected.map((_ignored: unknown, retries: number) =>
    outcomeOfError(new Retry(retry), request(retries), options, 1),
  )
  expect(outcomes.map(({ kind }) => kind === 'retry')).toEqual(expected)
})

test('retries that are used up end with the cause, or else with MaxRetriesExceededError', () => {
  const cause = new Flaky('the cause')
  const options = { maxRetries: 0 }
  expect(outcomeOfError(new Retry({ cause }), request(0), options, 1)).toMatchObject({
    kind: 'failure',
    error: cause,
  })
  expect(outcomeOfError(new Retry(), request(0), options, 1)).toMatchObject({
    kind: 'failure',
    error: {
      name: 'MaxRetriesExceededError',
      message: "Can't retry export.pdf[the-id] args:(1,) kwargs:{'k': 2}",
    },
  })
})

function request(retries: number): TaskRequest {
  const call = { task: 'export.pdf', id: 'the-id', args: [1], kwargs: { k: 2 }, retries }
  return decodeTask(encodeTask(call), ['json'])
}
