import { signatureDict } from '../../protocol/signatures.ts'
import type { SignatureLike } from '../../protocol/tasks/call-options.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import type { Replace, Retry, RetryOptions } from '../../tasks/signals.ts'
import type { TaskContext } from '../../tasks/task-context.ts'
import { syntheticRequest } from '../canvas/synthetic-request.ts'

/**
 * What a bound task gets as `self` when `celery.map` or `celery.starmap` calls its function: a request of its own with the
 * arguments of this call and no id, family or retries, as no message was sent for it. All else is the map's.
 */
export class MappedCall implements TaskContext {
  readonly request: TaskRequest
  readonly #map: TaskContext

  constructor(map: TaskContext, task: string, args: readonly unknown[]) {
    const unsent = syntheticRequest(signatureDict({ task, args }), { ...map.request, id: '' })
    this.request = { ...unsent, rootId: null }
    this.#map = map
  }

  get signal(): AbortSignal {
    return this.#map.signal
  }

  get log(): TaskContext['log'] {
    return this.#map.log
  }

  async updateState(state: string, meta?: unknown): Promise<void> {
    await this.#map.updateState(state, meta)
  }

  async sendEvent(type: string, fields?: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#map.sendEvent(type, fields)
  }

  /** There is no message to send again: the error that made it necessary is thrown at once, as in Celery. */
  retry({ cause }: RetryOptions = {}): Retry {
    throw (
      cause ?? new Error('the task asked to be retried, which a call within celery.map cannot be')
    )
  }

  replace(signature: SignatureLike): Replace {
    return this.#map.replace(signature)
  }

  async addToChord<Value>(signature: SignatureLike): Promise<AsyncResult<Value>> {
    return await this.#map.addToChord<Value>(signature)
  }
}
