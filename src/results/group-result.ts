import { ResultError } from '../errors.ts'
import { isReady, type State } from '../protocol/results/states.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import {
  AsyncResult,
  type AsyncResultOptions,
  type GetOptions,
  type RevokeResultOptions,
  type WorkerAnswer,
} from './async-result.ts'
import type { ResultTuple } from './result-node.ts'

/** The results of a group's members, together, https://docs.celeryq.dev/en/stable/userguide/canvas.html#group-results */
export class GroupResult<Value = unknown> extends AsyncResult<readonly Value[]> {
  /** The members, in the order of the group. */
  readonly results: readonly AsyncResult<Value>[]
  readonly #options: AsyncResultOptions

  /** Of members that are groups themselves, or have steps before them, the results; of others their ids will do. */
  constructor(
    groupId: string,
    members: readonly (string | AsyncResult<Value>)[],
    options: AsyncResultOptions,
  ) {
    super(groupId, options)
    this.#options = options
    const { parent: _before, ...own } = options
    this.results = members.map((member) =>
      typeof member === 'string' ? new AsyncResult<Value>(member, own) : member,
    )
  }

  /** The members' values in order; rejects with the first failure (in order). `timeoutMs` is for all together. */
  override get(options?: GetOptions & { readonly propagate?: true }): Promise<readonly Value[]>
  override get(options: GetOptions): Promise<readonly unknown[]>
  override async get({
    followParents = true,
    ...options
  }: GetOptions = {}): Promise<readonly unknown[]> {
    if (!followParents || this.parent === null) return await this.#getMembers(options)
    const store = await this.#options.store()
    return await this.failOnParentFailure(followParents, { store, options }, async (signal) =>
      this.#getMembers({ ...options, ...(signal === undefined ? {} : { signal }) }),
    )
  }

  async #getMembers({ timeoutMs, ...options }: GetOptions): Promise<readonly unknown[]> {
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
  join(options?: GetOptions & { readonly propagate?: true }): Promise<readonly Value[]>
  join(options: GetOptions): Promise<readonly unknown[]>
  async join(options: GetOptions = {}): Promise<readonly unknown[]> {
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

  /** Its members. */
  override async children(): Promise<readonly AsyncResult[]> {
    return this.results
  }

  /** As Python's `as_tuple()`: `[[id, parent], members]`. */
  override asTuple(): ResultTuple {
    const [key] = super.asTuple()
    return [key, this.results.map((result) => result.asTuple())]
  }

  /** Revokes its members at all workers. */
  override async revoke(options: RevokeResultOptions = {}): Promise<readonly WorkerAnswer[]> {
    return await this.revokeTasks(idsWithin(this.results), options)
  }

  override async forget(): Promise<void> {
    await this.parent?.forget()
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

  /**
   * Without its members, as a chord hands theirs to its body; but for those that are bodies of chords themselves: where such a
   * one fails with a Python worker and Redis, nothing is ever stored of what comes after it.
   */
  override stepsTo(): readonly string[] {
    const nested = this.results.filter(endsChord).flatMap((member) => member.stepsTo())
    return [...this.stepsBefore(), ...nested]
  }

  override tasksTo(): readonly string[] {
    return [
      ...(this.parent?.tasksTo() ?? []),
      ...this.results.flatMap((result) => result.tasksTo()),
    ]
  }

  async #states(): Promise<readonly State[]> {
    return await Promise.all(this.results.map(async (result) => result.status()))
  }
}

function idsWithin(results: readonly AsyncResult[]): readonly string[] {
  return results.flatMap((result) =>
    result instanceof GroupResult ? idsWithin(result.results) : [result.id],
  )
}

/** A group before it is the header of the chord whose body it is. */
function endsChord({ parent }: AsyncResult): boolean {
  return parent !== null && (parent instanceof GroupResult || endsChord(parent))
}
