import { backoffDelayMs } from '../../../async/backoff.ts'
import { sleep } from '../../../async/sleep.ts'
import type { AmqpTarget } from '../../../brokers/amqp/connecting/amqp-url.ts'
import { connect } from '../../../brokers/amqp/connecting/connect.ts'
import { end } from '../../../brokers/amqp/connecting/end.ts'
import { serverText } from '../../../brokers/amqp/connecting/server-errors.ts'
import { DisconnectedError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { type PikaOptions, targetsOf } from './pika-options.ts'

export type AmqpModel = Awaited<ReturnType<typeof connect>>
export type AmqpChannel = Awaited<ReturnType<AmqpModel['createChannel']>>
export type AmqpMessage = NonNullable<Parameters<Parameters<AmqpChannel['consume']>[1]>[0]>

/** As Python's: at once, then after 1, 2, 4, 8, 16 s; but for as long as it takes. */
const RECONNECT = { initialMs: 1000, factor: 2, maxMs: 16_000, jitter: 0.2 }
const CONNECT_MS = 10_000

interface LinkParts {
  readonly options: PikaOptions
  readonly log: Logger
  /** Takes subscriptions up again, before anything else may use the connection. */
  readonly onOpen: (model: AmqpModel) => Promise<void>
  readonly onLost: (cause: Error) => void
}

/** The one connection of a transport: made when first needed, and again whenever it is lost. */
export class PikaLink {
  readonly #parts: LinkParts
  #model: AmqpModel | undefined
  #connecting: Promise<void> | undefined
  #closing = new AbortController()
  #targets: AmqpTarget[] | undefined

  constructor(parts: LinkParts) {
    this.#parts = parts
  }

  get isConnected(): boolean {
    return this.#model !== undefined
  }

  /** Throws `DisconnectedError` where there is none. */
  get model(): AmqpModel {
    if (this.#model !== undefined) return this.#model
    throw new DisconnectedError('the connection to RabbitMQ is lost')
  }

  isAlive(model: AmqpModel): boolean {
    return model === this.#model
  }

  /** Tries each host once. */
  async connect(): Promise<void> {
    if (this.#model !== undefined) return
    if (this.#closing.signal.aborted) this.#closing = new AbortController()
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    await this.#connecting
  }

  async close(): Promise<void> {
    this.#closing.abort(new DisconnectedError('the connection to RabbitMQ was closed'))
    const model = this.#model
    this.#model = undefined
    if (model !== undefined) await end(model)
  }

  async #connect(): Promise<void> {
    this.#targets ??= targetsOf(this.#parts.options)
    const { signal } = this.#closing
    let failure: unknown
    for (const target of this.#targets) {
      try {
        await this.#open(target, signal)
        return
      } catch (cause) {
        signal.throwIfAborted()
        failure = cause
      }
    }
    const names = this.#targets.map(({ hostname, port }) => `${hostname}:${port}`).join(', ')
    throw new DisconnectedError(`cannot connect to RabbitMQ at ${names}: ${serverText(failure)}`, {
      cause: failure,
    })
  }

  async #open(target: AmqpTarget, signal: AbortSignal): Promise<void> {
    const { tls, connectionName } = this.#parts.options
    const model = await connect(target, {
      timeoutMs: CONNECT_MS,
      signal,
      connectionName,
      ...(typeof tls === 'object' && { tls }),
    })
    if (signal.aborted) await end(model)
    signal.throwIfAborted()
    let reason: Error | undefined
    model.on('error', (cause: Error) => {
      reason = cause
    })
    model.on('close', () => this.#onClose(model, reason ?? new Error('the connection was closed')))
    this.#model = model
    try {
      await this.#parts.onOpen(model)
    } catch (cause) {
      if (this.#model === model) this.#model = undefined
      await end(model)
      throw cause
    }
  }

  #onClose(model: AmqpModel, cause: Error): void {
    if (this.#model !== model) return
    this.#model = undefined
    this.#parts.log.warn({ reason: serverText(cause) }, 'connection to RabbitMQ lost, reconnecting')
    this.#parts.onLost(cause)
    void this.#seek(this.#closing.signal)
  }

  async #seek(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await this.connect()
        this.#parts.log.info({ attempt }, 'connection to RabbitMQ restored')
        return
      } catch (cause) {
        if (signal.aborted) return
        this.#parts.log.warn({ attempt, reason: serverText(cause) }, 'RabbitMQ unreachable')
        await sleep(backoffDelayMs(RECONNECT, attempt), signal).catch(() => undefined)
      }
    }
  }
}
