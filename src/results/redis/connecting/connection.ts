import { createHash } from 'node:crypto'
import type { Redis, RedisOptions } from 'ioredis'
import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { sleep } from '../../../async/sleep.ts'
import { driverTimeoutMs, startInterval, type Timer } from '../../../async/timer.ts'
import { withDeadline } from '../../../async/with-deadline.ts'
import { ResultError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { isMissingDatabase, withoutArgumentsInErrors } from '../../../redis-errors.ts'
import { safeUrl } from '../../../safe-url.ts'
import { type RedisSettings, redisAddress } from './redis-url.ts'
import { closeIfSilent } from './silence.ts'

interface RedisConnectionOptions {
  readonly url: string
  readonly settings?: RedisSettings
  readonly logger: Logger
  /** How long a command is tried, while Redis is away. */
  readonly deadlineMs: number
  readonly backoff?: Backoff | undefined
  /** How often a connection from which something is due is asked whether it still answers. Default 10 s. */
  readonly silentMs?: number | undefined
}

const SILENT_MS = 10_000

const BUSY_BACKOFF: Backoff = { initialMs: 250, factor: 2, maxMs: 5_000, jitter: 0.5 }
/** It is full, a read-only replica, loading, failing over: others come to the same answer, and a later one is better. */
const PASSING =
  /^(?:OOM|READONLY|MISCONF|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED)\b|max number of clients/

function isPassing(error: unknown): boolean {
  return error instanceof Error && PASSING.test(error.message)
}

/** What is under the key is no text, or no list: another program wrote it. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && /^WRONGTYPE\b/.test(error.message)
}

/** A Lua script; Redis runs it as one step. */
export interface RedisScript {
  readonly lua: string
  readonly sha: string
}

export type RedisArgument = string | number | Buffer

const AWAY_BACKOFF: Backoff = { initialMs: 50, factor: 2, maxMs: 2000, jitter: 0.3 }
const CONNECT_TIMEOUT_MS = 10_000
const DRIVER_MISSING =
  'redis:// and rediss:// need the package "ioredis", which is not installed; run: npm install ioredis'

export function redisScript(lua: string): RedisScript {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/**
 * A connection that comes back by itself, and a second one to listen with. Commands of one turn of the event loop
 * travel together; while Redis is away they wait, until their deadline.
 */
export class RedisConnection {
  readonly safeUrl: string
  readonly #deadlineMs: number
  readonly #redis: Redis
  readonly #logger: Logger
  readonly #retriesTimeouts: boolean
  readonly #silentMs: number
  readonly #checks: readonly Timer[]
  /** Commands that are not answered yet. */
  #asked = 0
  /** Why it has no connection; it may have one since. */
  #lastProblem: unknown
  #subscriber: Redis | undefined

  /** Loads the driver; connects with the first command. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const { Redis } = await loadDriver()
    const redis = withoutArgumentsInErrors(new Redis(driverOptions(options)))
    return new RedisConnection(redis, options)
  }

  private constructor(redis: Redis, options: RedisConnectionOptions) {
    const { url, logger, deadlineMs, settings = {} } = options
    this.safeUrl = safeUrl(url)
    this.#deadlineMs = deadlineMs
    this.#redis = redis
    this.#logger = logger
    this.#retriesTimeouts = settings.redis_retry_on_timeout ?? false
    this.#silentMs = options.silentMs ?? SILENT_MS
    this.#checks = this.#startChecks(settings.redis_backend_health_check_interval)
    // Unheard, the driver would print them.
    redis.on('error', (error) => {
      this.#lastProblem = error
      if (isMissingDatabase(error)) refuseCommands(redis, this.#noDatabase(error))
      logger.warn({ redis: this.safeUrl, err: error }, 'redis unreachable, trying again')
    })
  }

  /** Runs the commands, again while Redis refuses them for now; rejects with RESULT_UNREACHABLE where it does not answer in time. */
  async run<Answer>(commands: (redis: Redis) => Promise<Answer>): Promise<Answer> {
    const endsAt = performance.now() + this.#deadlineMs
    this.#asked += 1
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#tried(commands, endsAt - performance.now())
        } catch (error) {
          const delayMs = backoffDelayMs(BUSY_BACKOFF, attempt)
          if (!isPassing(error) || performance.now() + delayMs > endsAt) throw error
          this.#noteBusy(error, attempt)
          await sleep(delayMs)
        }
      }
    } finally {
      this.#asked -= 1
    }
  }

  /** Checks while an answer is due or a subscription is open; as Celery's setting says, also while idle. */
  #startChecks(seconds: number | null | undefined): readonly Timer[] {
    const due = startInterval(this.#silentMs, () => {
      if (this.#asked > 0) this.#check(this.#redis)
      if (this.#subscriber !== undefined) this.#check(this.#subscriber)
    })
    const idle = startInterval(seconds ? seconds * 1_000 : Number.POSITIVE_INFINITY, () =>
      this.#check(this.#redis),
    )
    return [due.unref(), idle.unref()]
  }

  #check(redis: Redis): void {
    const answerMs = this.#silentMs / 2
    void closeIfSilent(redis, { answerMs, safeUrl: this.safeUrl, logger: this.#logger })
  }

  #noteBusy(error: unknown, attempt: number): void {
    if (attempt > 1) return
    this.#logger.warn({ redis: this.safeUrl, err: error }, 'redis refuses commands, trying again')
  }

  #tried<Answer>(commands: (redis: Redis) => Promise<Answer>, leftMs: number): Promise<Answer> {
    const tried = this.#retriesTimeouts
      ? commands(this.#redis).catch((error: unknown) => {
          if (isTimeout(error)) return commands(this.#redis)
          throw error
        })
      : commands(this.#redis)
    return withDeadline(tried, leftMs, () => this.#unreachable())
  }

  /** Runs a script, which Redis knows by its hash once it has seen it. */
  async script(
    { sha, lua }: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const parts = [...keys, ...args]
    return await this.run(async (redis) => {
      try {
        return await redis.evalsha(sha, keys.length, ...parts)
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
        return await redis.eval(lua, keys.length, ...parts)
      }
    })
  }

  /** The connection that listens; nothing else can be asked on it. */
  subscriber(): Redis {
    this.#subscriber ??= withoutArgumentsInErrors(
      this.#redis.duplicate({
        enableAutoPipelining: false,
        autoResubscribe: false,
        commandTimeout: undefined,
      }),
    )
      // The other connection reports the loss.
      .on('error', () => undefined)
    return this.#subscriber
  }

  close(): void {
    for (const check of this.#checks) check.clear()
    this.#redis.disconnect()
    this.#subscriber?.disconnect()
  }

  #noDatabase(cause: Error): ResultError {
    const { db } = this.#redis.options
    return new ResultError(
      'RESULT_BACKEND_UNKNOWN',
      `${this.safeUrl} has no database ${db}: ${cause.message}`,
      { cause },
    )
  }

  #unreachable(): ResultError {
    const isAway = this.#redis.status !== 'ready' && this.#lastProblem !== undefined
    return new ResultError(
      'RESULT_UNREACHABLE',
      `${this.safeUrl} gave no answer in ${this.#deadlineMs} ms`,
      isAway ? { cause: this.#lastProblem } : {},
    )
  }
}

/** The driver would use database 0 instead, which is that of others. */
function refuseCommands(redis: Redis, error: ResultError): void {
  redis.sendCommand = (command) => {
    command.reject(error)
    return command.promise
  }
}

/** What the driver says of a command that took longer than redis_socket_timeout. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out'
}

async function loadDriver(): Promise<{ readonly Redis: typeof Redis }> {
  try {
    return await import('ioredis')
  } catch (cause) {
    throw driverMissing(cause)
  }
}

function driverMissing(cause: unknown): ResultError {
  return new ResultError('RESULT_DRIVER_MISSING', DRIVER_MISSING, { cause })
}

function driverOptions({
  url,
  settings = {},
  deadlineMs,
  backoff = AWAY_BACKOFF,
}: RedisConnectionOptions): RedisOptions {
  const timeoutSeconds = settings.redis_socket_connect_timeout
  const answerSeconds = settings.redis_socket_timeout
  return {
    ...redisAddress(url, settings),
    lazyConnect: true,
    enableAutoPipelining: true,
    connectionName: settings.redis_client_name ?? 'celery-toolbox',
    connectTimeout: timeoutSeconds
      ? driverTimeoutMs(timeoutSeconds * 1000)
      : Math.min(CONNECT_TIMEOUT_MS, deadlineMs),
    ...(answerSeconds ? { commandTimeout: driverTimeoutMs(answerSeconds * 1000) } : {}),
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => backoffDelayMs(backoff, attempt),
    ...(settings.redis_socket_keepalive ? { keepAlive: 10_000 } : {}),
  }
}
