import { ResultError } from '../errors.ts'
import { isReady, type State } from '../protocol/states.ts'
import type { TaskResult } from '../protocol/task-result.ts'
import { AsyncResult, type AsyncResultOptions } from './async-result.ts'
import type { WaitOptions } from './result-store.ts'

/** The results of a group's members, together, https://docs.celeryq.dev/en/stable/userguide/canvas.html#group-results */
export class GroupResult<Value = unknown> extends AsyncResult<readonly Value[]> {
  /** The members, in the order of the group. */
  readonly results: readonly AsyncResult<Value>[]
  readonly #options: AsyncResultOptions

  constructor(groupId: string, memberIds: readonly string[], options: AsyncResultOptions) {
    super(groupId, options)
    this.#options = options
    this.results = memberIds.map((id) => new AsyncResult<Value>(id, options))
  }

  /** The members' values in order; rejects with the first failure (in order). `timeoutMs` is for all together. */
  override async get({ timeoutMs, ...options }: WaitOptions = {}): Promise<readonly Value[]> {
    const deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs
    const waiting = this.results.map(async (result) => {
      const left = deadline === undefined ? {} : { timeoutMs: Math.max(0, deadline - Date.now()) }
      return await result.get({ ...options, ...left })
    })
    const settled = await Promise.allSettled(waiting)
    return settled.map((member) => {
      if (member.status === 'rejected') throw member.reason
      return member.value
    })
  }

  /** Python's name for `get`. */
  async join(options: WaitOptions = {}): Promise<readonly Value[]> {
    return await this.get(options)
  }

  /** How many members have succeeded. */
  async completedCount(): Promise<number> {
    const states = await this.#states()
    return states.filter((state) => state === 'SUCCESS').length
  }

  /** SUCCESS once all members have it, FAILURE once one has failed, else what is still to come. */
  override async status(): Promise<State> {
    const states = await this.#states()
    const failed = states.find((state) => state === 'FAILURE' || state === 'REVOKED')
    if (failed !== undefined) return failed
    if (states.every((state) => state === 'SUCCESS')) return 'SUCCESS'
    return states.some((state) => state !== 'PENDING') ? 'STARTED' : 'PENDING'
  }

  override async isReady(): Promise<boolean> {
    return (await this.#states()).every(isReady)
  }

  override async isFailed(): Promise<boolean> {
    return (await this.#states()).includes('FAILURE')
  }

  /** The values of the members that are done, null for the others. */
  override async info(): Promise<TaskResult> {
    const members = await Promise.all(this.results.map(async (result) => result.info()))
    const values = members.map(({ status, result }) => (status === 'SUCCESS' ? result : null))
    return {
      taskId: this.id,
      status: await this.status(),
      result: values,
      traceback: members.find(({ traceback }) => traceback !== null)?.traceback ?? null,
      dateDone: null,
    }
  }

  override async forget(): Promise<void> {
    await Promise.all(this.results.map(async (result) => result.forget()))
  }

  /** Keeps the members' ids under the group's, for `app.restoreGroup(id)`. */
  async save(): Promise<void> {
    const store = await this.#options.store()
    if (store.saveGroup === undefined) {
      throw new ResultError(
        'RESULT_BACKEND_UNKNOWN',
        `the result backend "${store.kind}" cannot keep groups, expected db+postgresql, redis or memory`,
      )
    }
    await store.saveGroup(
      this.id,
      this.results.map(({ id }) => id),
    )
  }

  async #states(): Promise<readonly State[]> {
    return await Promise.all(this.results.map(async (result) => result.status()))
  }
}
