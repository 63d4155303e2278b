import { type CeleryApp, Reject, type RetryOptions, type TaskContext } from '../../../src/index.ts'
import { type Args, type Declare, suiteSignature } from './declare.ts'
import { builtinError, pythonError } from './python-errors.ts'

class ValueError extends Error {
  override readonly name = 'ValueError'
}

export function addFailingTasks(app: CeleryApp, declare: Declare): void {
  declare('raise_error', () => {
    throw builtinError('ValueError', 'deliberate error')
  })
  declare('fail', (_self, args) => {
    throw pythonError('ExpectedException', ['Task expected to fail', ...args])
  })
  declare('fail_unpickleable', (_self, [foo]) => {
    throw pythonError('UnpickleableException', [foo])
  })
  declare('fail_replaced', (self, args) => {
    throw self.replace(suiteSignature(app, 'fail', args, { isImmutable: true }))
  })
  declare('reject_without_requeue', () => {
    throw new Reject('rejected')
  })
  declare('reject_then_succeed', (self) => secondDelivery(self), { acksLate: true })
  addRetriedTasks(declare)
}

function secondDelivery({ request }: TaskContext): string {
  if (request.deliveryInfo.redelivered) return 'second-pass'
  throw new Reject('again', { requeue: true })
}

function addRetriedTasks(declare: Declare): void {
  declare('retry', retryUntilFourth(), { params: ['return_value'], defaultRetryDelay: 1 })
  declare('retry_unpickleable', (self) => retryUnpickleable(self), { defaultRetryDelay: 1 })
  declare('retry_with_args_after_kwargs', (self) => otherArgs(self), {
    ...RETRIED_ONCE,
    params: ['foo', 'bar', 'label'],
  })
  declare('retry_with_kwargs_after_args', (self) => otherKwargs(self), {
    ...RETRIED_ONCE,
    params: ['foo', 'bar'],
  })
  declare('retry_once', (self) => retriedOnce(self), { ...RETRIED_ONCE, expires: 120 })
  for (const [name, ignoreResult] of [
    ['retry_once_ignore_result', true],
    ['retry_once_with_result', false],
  ] as const) {
    declare(name, (self) => self.request.retries || again(self, { countdown: 0 }), { ignoreResult })
  }
  const soon = { countdown: 0.1, maxRetries: 1 }
  declare(
    'retry_once_priority',
    (self) => (self.request.retries > 0 ? self.request.priority : again(self, soon)),
    RETRIED_ONCE,
  )
  declare(
    'retry_once_headers',
    (self) => (self.request.retries > 0 ? self.request.headers : again(self, soon)),
    RETRIED_ONCE,
  )
  const automatic = { autoretryFor: [ValueError], maxRetries: 1, retryBackoff: true }
  declare(
    '.auto_retry_class_task',
    ({ request }) => {
      if (request.retries > 0) return request.retries
      throw new ValueError()
    },
    automatic,
  )
}

const RETRIED_ONCE = { maxRetries: 1 }

function again(self: TaskContext, options: RetryOptions): never {
  throw self.retry(options)
}

/** Python's keeps its count on the task itself, which lives as long as the worker's process. */
function retryUntilFourth(): (self: TaskContext, args: Args) => unknown {
  let attempt = 0
  return (self, [value]) => {
    if (value && attempt >= 3) {
      attempt = 0
      return value
    }
    if (value) attempt += 1
    const cause = pythonError('ExpectedException', [])
    return again(self, { cause, countdown: 5 })
  }
}

function retryUnpickleable(self: TaskContext): never {
  const [foo] = self.request.args
  const options = self.request.kwargs.retry_kwargs as Record<string, number> // as its one caller sends it
  return again(self, {
    cause: pythonError('UnpickleableException', [foo]),
    countdown: options.countdown ?? 1,
    maxRetries: options.max_retries ?? 1,
  })
}

function otherArgs(self: TaskContext): unknown {
  const { request } = self
  const { retries } = request
  if (retries === 0) {
    const { foo, bar } = request.kwargs as Record<string, number> // as its callers send them
    return again(self, { args: [Number(foo) + 1, Number(bar) + 1], countdown: 0 })
  }
  const [foo, bar] = request.args
  const label = request.kwargs.label ?? null
  return { foo, bar, label, retries, is_eager: false }
}

function otherKwargs(self: TaskContext): unknown {
  const { retries, args, kwargs } = self.request
  const [first, second] = args
  if (retries === 0) return again(self, { kwargs: { foo: Number(first) + 1 }, countdown: 0 })
  const foo = kwargs.foo ?? first
  const bar = kwargs.bar ?? second
  return { foo, bar, retries, is_eager: false }
}

function retriedOnce(self: TaskContext): unknown {
  const { retries, kwargs } = self.request
  if (retries > 0) return retries
  const { expires, countdown = 0.1, max_retries = 1 } = kwargs as Record<string, number> // as its callers send them
  return again(self, {
    countdown,
    maxRetries: max_retries,
    ...(typeof expires === 'number' ? { expires } : {}),
  })
}
