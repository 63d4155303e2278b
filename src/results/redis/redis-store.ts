import type { Backoff } from '../../async/backoff.ts'
import { timezoneOf } from '../../config/app-timezone.ts'
import type { Config } from '../../config/config.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { isReady } from '../../protocol/results/states.ts'
import { pendingResult, type TaskResult } from '../../protocol/results/task-result.ts'
import { UnsavedResult, unreadableResult } from '../failures.ts'
import { ResultText } from '../result-text.ts'
import { ServerStore } from '../server-store.ts'
import { isWrongType, RedisConnection } from './connecting/connection.ts'
import type { RedisSettings } from './connecting/redis-url.ts'
import { placeOfKey, RedisKeys } from './keys.ts'
import { RedisChords, type Saving } from './redis-chords.ts'
import { RedisGroups } from './redis-groups.ts'
import { RedisWatcher } from './redis-watcher.ts'
import { SAVE_SCRIPT } from './scripts.ts'

/** The settings of a `Config` that results in Redis need. */
export type RedisStoreSettings = RedisSettings &
  Partial<
    Pick<
      Config,
      | 'result_accept_content'
      | 'result_expires'
      | 'result_failure_expires'
      | 'result_chord_expires'
      | 'result_extended'
      | 'result_serializer'
      | 'result_compression'
      | 'result_backend_transport_options'
      | 'timezone'
      | 'MESSAGE_LIMIT_NODES'
      | 'enable_utc'
    >
  >

interface RedisStoreOptions {
  readonly url: string
  readonly settings?: RedisStoreSettings
  readonly logger?: Logger
  /** How long a save tries, while Redis is away. Default 30 s. */
  readonly saveDeadlineMs?: number
  /** How long to wait between tries. */
  readonly backoff?: Backoff | undefined
  /** How often a connection from which something is due is asked whether it still answers. Default 10 s. */
  readonly silentMs?: number | undefined
}

const SAVE_DEADLINE_MS = 30_000

/** Results in Redis, under the keys and in the form of Python's Redis backend. */
export class RedisResultStore extends ServerStore {
  readonly kind = 'redis'
  readonly #connection: RedisConnection
  readonly #settings: RedisStoreSettings
  readonly #keys: RedisKeys
  readonly #text: ResultText
  protected readonly watcher: RedisWatcher
  protected readonly counter: RedisChords
  protected readonly groups: RedisGroups

  /** Loads the driver; connects when it is first used. */
  static async open(options: RedisStoreOptions): Promise<RedisResultStore> {
    const { url, settings = {}, logger = silentLogger } = options
    const deadlineMs = options.saveDeadlineMs ?? SAVE_DEADLINE_MS
    const connection = await RedisConnection.open({
      url,
      settings,
      logger,
      deadlineMs,
      backoff: options.backoff,
      silentMs: options.silentMs,
    })
    return new RedisResultStore(connection, settings, logger)
  }

  private constructor(connection: RedisConnection, settings: RedisStoreSettings, logger: Logger) {
    super('the Redis result store')
    const transport = settings.result_backend_transport_options ?? {}
    this.#connection = connection
    this.#settings = settings
    this.#keys = new RedisKeys(String(transport.global_keyprefix ?? ''))
    this.#text = resultText(settings)
    const parts = {
      connection,
      logger,
      keys: this.#keys,
      text: this.#text,
      read: (taskId: string) => this.read(taskId),
      saving: (result: TaskResult) => this.#savingOf(result, this.#text.encode(result)),
    }
    this.watcher = new RedisWatcher({
      ...parts,
      decode: (taskId, text) => this.#decode(taskId, text),
    })
    const resultSeconds = secondsOf(settings.result_expires)
    this.groups = new RedisGroups({ ...parts, resultSeconds })
    this.counter = new RedisChords({
      ...parts,
      ...chordLifetimes(settings),
      isOrdered: transport.result_chord_ordered !== false,
    })
  }

  async save(result: TaskResult): Promise<void> {
    this.life.checkOpen()
    const saving = this.#save(result, this.#text.encode(result))
    await this.life.track(saving)
  }

  async forget(taskId: string): Promise<void> {
    this.life.checkOpen()
    await this.#connection.run((redis) => redis.del(this.#keys.task(taskId)))
  }

  protected async read(taskId: string): Promise<TaskResult> {
    const key = this.#keys.task(taskId)
    const text = await this.#connection
      .run((redis) => redis.getBuffer(key))
      .catch((cause: unknown) => {
        throw isWrongType(cause) ? unreadableResult(taskId, cause, placeOfKey(key)) : cause
      })
    return text === null ? pendingResult(taskId) : await this.#decode(taskId, text)
  }

  async #decode(taskId: string, text: Buffer): Promise<TaskResult> {
    return await this.#text.decode(taskId, text, placeOfKey(this.#keys.task(taskId)))
  }

  protected async end(): Promise<void> {
    await this.counter.drain()
    this.watcher.close(this.life.closedError())
    this.#connection.close()
  }

  async #save(result: TaskResult, text: Buffer): Promise<void> {
    try {
      const { key, args } = await this.#savingOf(result, text)
      await this.#connection.script(SAVE_SCRIPT, [key], args)
    } catch (cause) {
      throw new UnsavedResult(result.taskId, { cause, isFinal: isValueRefused(cause) })
    }
  }

  async #savingOf({ taskId, status }: TaskResult, text: Buffer): Promise<Saving> {
    const { result_expires, result_failure_expires } = this.#settings
    const expires = (status === 'FAILURE' ? result_failure_expires : null) ?? result_expires
    const bytes = await this.#text.compress(text)
    return {
      key: this.#keys.task(taskId),
      args: [bytes, secondsOf(expires), isReady(status) ? 1 : 0],
    }
  }
}

function resultText(settings: RedisStoreSettings): ResultText {
  return new ResultText({
    serializer: settings.result_serializer,
    compression: settings.result_compression,
    accepted: settings.result_accept_content,
    isExtended: settings.result_extended,
    maxNodes: settings.MESSAGE_LIMIT_NODES,
    timezone: timezoneOf(settings),
  })
}

function chordLifetimes({ result_chord_expires, result_expires }: RedisStoreSettings) {
  const [results, counters] = [
    secondsOf(result_expires),
    secondsOf(result_chord_expires ?? result_expires),
  ]
  const isForEver = results === 0 || counters === 0
  return {
    expiresSeconds: counters,
    groupExpiresSeconds: isForEver ? 0 : Math.max(results, counters),
  }
}

/** None and 0 are for ever. */
function secondsOf(seconds: number | null | undefined): number {
  return seconds ? Math.max(1, Math.floor(seconds)) : 0
}

/** The value is the reason, and no state of the server. */
function isValueRefused(cause: unknown): boolean {
  const text = cause instanceof Error ? cause.message : ''
  return /maximum allowed size|Cannot create a string longer|invalid bulk length/.test(text)
}
