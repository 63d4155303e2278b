import { ResultError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { isReady } from '../../protocol/results/states.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import type { WaitOptions } from '../result-store.ts'
import { Waiters } from '../waiters.ts'
import type { RedisConnection } from './connecting/connection.ts'
import type { RedisKeys } from './keys.ts'

interface RedisWatcherOptions {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly logger: Logger
  readonly read: (taskId: string) => Promise<TaskResult>
  readonly decode: (taskId: string, text: Buffer) => Promise<TaskResult>
}

/**
 * Waits for results without polling: it subscribes to a result's channel and looks at the key once. After a lost
 * connection it looks again, as it missed what was published meanwhile.
 */
export class RedisWatcher {
  readonly #options: RedisWatcherOptions
  readonly #waiters = new Waiters()
  #subscriber: ReturnType<RedisConnection['subscriber']> | undefined

  constructor(options: RedisWatcherOptions) {
    this.#options = options
  }

  async wait(taskId: string, options: WaitOptions): Promise<TaskResult> {
    const isFirst = !this.#waiters.has(taskId)
    const waiting = this.#waiters.wait(taskId, options)
    if (isFirst) this.#follow(taskId)
    else this.#look(taskId)
    try {
      return await waiting
    } finally {
      if (!this.#waiters.has(taskId)) this.#unfollow(taskId)
    }
  }

  /** Every wait rejects with the reason. */
  close(reason: unknown): void {
    this.#waiters.rejectAll(reason)
  }

  #follow(taskId: string): void {
    const { keys } = this.#options
    const subscribed = this.#listen().subscribe(keys.task(taskId))
    // Looked for after that, so that no result can come in between; a lost connection subscribes anew.
    subscribed.then(() => this.#look(taskId)).catch((error: unknown) => this.#reportLoss(error))
  }

  #unfollow(taskId: string): void {
    const unsubscribed = this.#listen().unsubscribe(this.#options.keys.task(taskId))
    unsubscribed.catch((error: unknown) => this.#reportLoss(error))
  }

  #look(taskId: string): void {
    this.#options.read(taskId).then(
      (result) => this.#answer(result),
      (error: unknown) => this.#failedLook(taskId, error),
    )
  }

  /** A wait outlasts a Redis that is away. */
  #failedLook(taskId: string, error: unknown): void {
    const isAway = error instanceof ResultError && error.code === 'RESULT_UNREACHABLE'
    if (!isAway) this.#waiters.reject(taskId, error)
    else if (this.#waiters.has(taskId)) this.#look(taskId)
  }

  #listen(): ReturnType<RedisConnection['subscriber']> {
    if (this.#subscriber !== undefined) return this.#subscriber
    const subscriber = this.#options.connection.subscriber()
    subscriber.on('messageBuffer', (channel: Buffer, text: Buffer) => {
      this.#hear(this.#options.keys.taskIdOf(channel.toString()), text)
    })
    subscriber.on('ready', () => {
      for (const taskId of this.#waiters.ids) this.#follow(taskId)
    })
    this.#subscriber = subscriber
    return subscriber
  }

  #hear(taskId: string, text: Buffer): void {
    if (!this.#waiters.has(taskId)) return
    this.#options.decode(taskId, text).then(
      (result) => this.#answer(result),
      // The key has the last word: anyone can publish to the channel.
      () => this.#look(taskId),
    )
  }

  #answer(result: TaskResult): void {
    if (isReady(result.status)) this.#waiters.resolve(result)
  }

  #reportLoss(error: unknown): void {
    this.#options.logger.debug({ err: error }, 'notifications of results are interrupted')
  }
}
