import { randomUUID } from 'node:crypto'
import { TaskError } from '../errors.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { dictOf, type SignatureLike } from '../protocol/tasks/call-options.ts'
import type { TaskRequest } from '../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../results/async-result.ts'
import { Replace, Retry, type RetryOptions } from '../tasks/signals.ts'
import type { TaskContext } from '../tasks/task-context.ts'
import { syntheticRequest } from '../worker/canvas/synthetic-request.ts'

export interface FakeSelfOptions {
  /** What differs from a first call of a task without arguments. */
  readonly request?: Partial<TaskRequest>
  readonly signal?: AbortSignal
  readonly log?: Logger
}

/** A `self` for unit tests of bound tasks: `await report.run(fakeSelf(), 'slug')`. It remembers what the task did with it. */
export class FakeSelf implements TaskContext {
  readonly request: TaskRequest
  readonly signal: AbortSignal
  readonly log: Logger
  /** The arguments of `updateState`. */
  readonly states: { readonly state: string; readonly meta: unknown }[] = []
  /** The arguments of `sendEvent`. */
  readonly events: { readonly type: string; readonly fields: Readonly<Record<string, unknown>> }[] =
    []
  /** The arguments of `retry`. */
  readonly retries: RetryOptions[] = []

  constructor({ request = {}, signal, log = silentLogger }: FakeSelfOptions = {}) {
    const { task = 'test.task', args = [], kwargs = {}, id = randomUUID() } = request
    const caller = { id, rootId: id, priority: null }
    const call = { task, args, kwargs, options: {}, subtask_type: null, immutable: false }
    this.request = { ...syntheticRequest(call, caller), ...request }
    this.signal = signal ?? new AbortController().signal
    this.log = log
  }

  async updateState(state: string, meta: unknown = null): Promise<void> {
    this.states.push({ state, meta })
  }

  async sendEvent(type: string, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
    this.events.push({ type, fields })
  }

  /** Throws, as a worker's does. */
  retry(options: RetryOptions = {}): Retry {
    this.retries.push(options)
    throw new Retry(options)
  }

  replace(signature: SignatureLike): Replace {
    throw new Replace(dictOf(signature))
  }

  async addToChord<Value = unknown>(): Promise<AsyncResult<Value>> {
    throw new TaskError(
      'TASK_INVALID',
      'a fake self is not a member of a chord: try the task in an app, with startTestApp',
    )
  }
}

export function fakeSelf(options: FakeSelfOptions = {}): FakeSelf {
  return new FakeSelf(options)
}
