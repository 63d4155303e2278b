import { asError } from '../../as-error.ts'
import { backoffDelayMs } from '../../async/backoff.ts'
import { deferred } from '../../async/deferred.ts'
import { sleep } from '../../async/sleep.ts'
import { isDoneWithin } from '../../async/with-deadline.ts'
import { DisconnectedError, TransportError } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { SiteConfig } from '../site/site-config.ts'
import type { MessageCallback, Transport, TransportHeader } from '../transport/transport.ts'
import { contextual, extendLog, fieldsOf } from './log-context.ts'
import { type Needs, NeedsWatch } from './needs.ts'
import { STATUS, type StatusCode } from './service-status.ts'
import { WorkLoop } from './work-loop.ts'

export interface ServiceOptions {
  readonly transport?: Transport
  readonly config?: SiteConfig
  readonly log?: Logger
  /** Further values for the service: `live`, `liveness`, or your own. */
  readonly environment?: Readonly<Record<string, unknown>>
  /** Messages at a time; wins over the class's own `concurrency`. */
  readonly concurrency?: number
  readonly onStatus?: (code: StatusCode) => void
}

export interface ServiceClass {
  readonly name: string
  readonly serviceName?: string
  readonly loggerName?: string
  new (options?: ServiceOptions): CommonService
}

/** How long a stop waits for a start that is under way. */
const START_ENDS_MS = 10_000

/** After so many failures in a row, messages are given back later and later. */
const GIVE_BACK = { initialMs: 100, factor: 2, maxMs: 5000, jitter: 0.2 }

/**
 * A service of a pipeline: subscribes in `initializing`, and does one thing at a time (Zocalo:
 * workflows.services.CommonService). A message whose callback fails is given back to its queue, whose delivery limit
 * makes it a dead letter; the service takes the next message.
 */
export class CommonService {
  /** For people: status pages. */
  static serviceName = 'unnamed service'
  static loggerName = 'workflows.service'
  /** Messages at a time. A subscription needs a prefetch count of as many. */
  static concurrency = 1

  /** Probes of what the service writes to: while one fails, messages wait in their queues. */
  needs: Needs = {}
  readonly transport: Transport
  readonly config: SiteConfig
  readonly log: Logger
  readonly environment: Readonly<Record<string, unknown>>
  readonly #loop: WorkLoop
  readonly #leaving = new AbortController()
  readonly #ended = deferred<Error | undefined>()
  readonly #onStatus: (code: StatusCode) => void
  #watch: NeedsWatch | undefined
  #failures = 0
  #starting: Promise<void> | undefined
  #isConnecting = false
  #stopping: Promise<void> | undefined

  constructor(options: ServiceOptions = {}) {
    const { transport, config, log = silentLogger, environment = {} } = options
    if (transport === undefined) {
      throw new TransportError('a service needs a transport; expected openTransport(name)')
    }
    const ownClass = this.constructor as typeof CommonService
    this.transport = transport
    this.config = config ?? SiteConfig.fromString('version: 1')
    this.log = contextual(log)
    this.environment = { config: this.config, ...environment }
    this.#onStatus = options.onStatus ?? (() => undefined)
    this.#loop = new WorkLoop(options.concurrency ?? ownClass.concurrency, this.#onStatus)
  }

  /** Subscribes. For subclasses. */
  async initializing(): Promise<void> {
    // A service without subscriptions has its idle timer at most.
  }

  /** The last thing that runs, when no message is in hand any more. For subclasses. */
  async inShutdown(): Promise<void> {
    // Most have nothing to put away.
  }

  /** Aborted when the service is to end: what waits for others gives up, its message goes back to its queue. */
  get leaving(): AbortSignal {
    return this.#leaving.signal
  }

  /** Resolves once the service has ended; with the error that ended it. */
  get ended(): Promise<Error | undefined> {
    return this.#ended.promise
  }

  /** Called again, it starts once. Stopped meanwhile, it resolves without having begun. */
  async start(): Promise<void> {
    this.#starting ??= this.#start()
    await this.#starting
  }

  async #start(): Promise<void> {
    this.#onStatus(STATUS.starting)
    const { signal: leaving } = this.#leaving
    this.#watch = new NeedsWatch(this.needs, { log: this.log, leaving })
    try {
      await this.#connect()
      leaving.throwIfAborted()
      this.transport.interceptCallbacks?.((callback) => this.#inLoop(callback))
      await this.initializing()
      this.#watch = new NeedsWatch(this.needs, { log: this.log, leaving })
      leaving.throwIfAborted()
    } catch (cause) {
      // How it ends is for stop() to say; what was opened after its last word is closed.
      if (leaving.aborted) return await this.transport.disconnect().catch(() => undefined)
      await this.#fail(cause)
      throw cause
    }
    this.#loop.open()
  }

  /** Finishes the message in hand, then ends. */
  async stop({ isAtOnce = false }: { readonly isAtOnce?: boolean } = {}): Promise<void> {
    this.#leaving.abort(new Error('the service is being stopped'))
    if (isAtOnce) {
      await this.transport.disconnect()
      this.#ended.resolve(undefined)
      return
    }
    this.#stopping ??= this.#stop()
    await this.#stopping
  }

  /** Runs `act` whenever nothing has arrived for so many seconds. There is one such timer. */
  registerIdle(seconds: number, act: () => void | Promise<void>): void {
    this.#loop.setIdle({
      seconds,
      act: async () => {
        try {
          await act()
        } catch (error) {
          this.log.error({ err: error, ...fieldsOf(error) }, 'the idle timer of the service failed')
        }
      },
    })
  }

  /** Each line logged while `work` runs has the field as well. */
  extendLog<T>(field: string, value: unknown, work: () => T | Promise<T>): Promise<T> {
    return extendLog(field, value, work)
  }

  /** Asks for the service's own end; resolves at once, `ended` later. */
  requestTermination(): void {
    void this.stop()
  }

  /** Resolves as soon as the service could take something else. */
  async isFree(): Promise<void> {
    await this.#loop.isFree()
  }

  async #connect(): Promise<void> {
    this.#isConnecting = true
    try {
      await this.transport.connect()
    } finally {
      this.#isConnecting = false
    }
  }

  async #stop(): Promise<void> {
    // A server that does not answer is not waited for; start() closes what has come of it all the same.
    if (this.#isConnecting) await this.transport.disconnect().catch(() => undefined)
    await isDoneWithin(START_ENDS_MS, Promise.resolve(this.#starting))
    await this.#loop.close()
    this.#onStatus(STATUS.shuttingDown)
    let failure: Error | undefined
    try {
      await this.inShutdown()
      await this.transport.disconnect()
    } catch (cause) {
      failure = asError(cause)
      this.log.error({ err: failure }, 'the service did not stop cleanly')
    }
    this.#onStatus(failure === undefined ? STATUS.ended : STATUS.error)
    this.#ended.resolve(failure)
  }

  async #fail(cause: unknown): Promise<void> {
    this.#leaving.abort(new Error('the service has failed'))
    this.#onStatus(STATUS.error)
    this.log.error({ err: cause, ...fieldsOf(cause) }, 'the service cannot start')
    await this.transport.disconnect().catch(() => undefined)
    this.#ended.resolve(asError(cause))
  }

  #inLoop(callback: MessageCallback): MessageCallback {
    return async (header, message) =>
      await this.#loop.add(() => this.#process(callback, header, message))
  }

  async #process(
    callback: MessageCallback,
    header: TransportHeader,
    message: unknown,
  ): Promise<void> {
    try {
      await this.#watch?.met()
      await callback(header, message)
      this.#failures = 0
    } catch (error) {
      await this.#onFailure(error, () => this.#process(callback, header, message), header)
    }
  }

  /** Not the message's fault where a need was away meanwhile: it is done again, once that is there. */
  async #onFailure(
    error: unknown,
    again: () => Promise<void>,
    header: TransportHeader,
  ): Promise<void> {
    try {
      if (this.#leaving.signal.aborted && error === this.#leaving.signal.reason) return
      if (await this.#watch?.restored()) {
        await this.transport.forgetTransactions?.(header)
        return await again()
      }
      if (error instanceof DisconnectedError && !this.transport.isConnected) {
        this.log.warn({ err: error }, 'the connection was lost; the message is delivered again')
        return
      }
      this.#failures += 1
      this.log.error({ err: error, ...fieldsOf(error) }, 'a message failed and is given back')
      if (this.#failures > 1) {
        await sleep(backoffDelayMs(GIVE_BACK, this.#failures - 1), this.#leaving.signal)
      }
      await this.transport.giveBack?.(header)
    } catch (cause) {
      if (this.#leaving.signal.aborted) return
      this.log.warn({ err: cause }, 'a message could not be given back; its broker does it')
    }
  }
}
