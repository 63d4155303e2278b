import { asError } from '../../as-error.ts'
import { deferred } from '../../async/deferred.ts'
import { sleep } from '../../async/sleep.ts'
import { startTimer, type Timer } from '../../async/timer.ts'
import { hasKey, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import type { Logger } from '../../logger.ts'
import type { SiteConfig } from '../site/site-config.ts'
import type { Transport } from '../transport/transport.ts'
import type { CommonService, ServiceClass } from './common-service.ts'
import { hostId } from './host-id.ts'
import { livenessServer } from './liveness.ts'
import { STATUS } from './service-status.ts'
import { StatusBroadcasts } from './status-broadcasts.ts'

export interface FrontEndOptions {
  readonly serviceClass: ServiceClass
  /** The name it was asked for by, where it is not that of the class. */
  readonly name?: string
  readonly openTransport: (role: 'front end' | 'service') => Transport
  readonly config: SiteConfig
  readonly log: Logger
  /** The log of the service itself, under its own logger's name. */
  readonly serviceLog?: Logger
  readonly environment?: Readonly<Record<string, unknown>>
  readonly tag?: string | undefined
  /** Starts a new instance where one has failed. */
  readonly restart?: boolean
  readonly concurrency?: number | undefined
  readonly liveness?: { readonly port: number; readonly timeoutMs: number } | undefined
  /** Shuts down by itself after so long. */
  readonly maxLifetimeMs?: number | undefined
  readonly host?: string
  /** Fields of status broadcasts besides. */
  readonly extra?: Readonly<Record<string, unknown>>
  /** Called when an instance has started, with what it subscribes to. */
  readonly onStarted?: (service: CommonService) => void
  /** Given what a log may say of the service at any time. */
  readonly onStatus?: (logFields: () => Readonly<Record<string, unknown>>) => void
}

/** A restart waits longer each time, unless the last one was long ago. */
const RESTART = { initialMs: 100, longestMs: 5000, soonMs: 10_000 }

/**
 * Runs a service, reports its status to the topic `transient.status`, and obeys what comes over `command` (Zocalo:
 * workflows.frontend).
 */
export class FrontEnd {
  readonly #options: FrontEndOptions
  readonly #host: string
  readonly #leaving = new AbortController()
  readonly #left = deferred()
  #service: CommonService | undefined
  #lifetime: Timer | undefined

  constructor(options: FrontEndOptions) {
    this.#options = options
    this.#host = options.host ?? hostId()
  }

  get service(): CommonService | undefined {
    return this.#service
  }

  /** Resolves with the exit code once the service has ended: 0 after a stop, 1 after an error. */
  async run(): Promise<0 | 1> {
    const { log, openTransport, tag, extra = {} } = this.#options
    await using transport = openTransport('front end')
    await transport.connect()
    const fields = { ...(tag !== undefined && { tag }), ...extra }
    const status = new StatusBroadcasts({ transport, log, host: this.#host, extra: fields })
    this.#options.onStatus?.(() => status.logFields)
    await status.start()
    if (transport.features?.broadcasts === false) {
      log.info(
        'this transport has no broadcasts: no status is sent, and no shutdown command received',
      )
    } else await transport.subscribeBroadcast('command', (_header, command) => this.#obey(command))
    const { maxLifetimeMs } = this.#options
    if (maxLifetimeMs !== undefined) {
      this.#lifetime = startTimer(maxLifetimeMs, () => {
        log.info('the lifetime of the service is over')
        void this.stop()
      })
    }
    try {
      return await this.#runService(status)
    } finally {
      this.#lifetime?.clear()
      status.enter(STATUS.ended)
      await status.end()
    }
  }

  /** Finishes the message in hand; a second call, or `isAtOnce`, does not wait for it. */
  async stop({ isAtOnce = false }: { readonly isAtOnce?: boolean } = {}): Promise<void> {
    this.#leaving.abort(new Error('the service is being stopped'))
    await this.#service?.stop({ isAtOnce })
    await this.#left.promise
  }

  async #runService(status: StatusBroadcasts): Promise<0 | 1> {
    const { log, restart = false } = this.#options
    let startedAt = Number.NEGATIVE_INFINITY
    let restarts = 0
    try {
      while (!this.#leaving.signal.aborted) {
        restarts = performance.now() - startedAt > RESTART.soonMs ? 0 : restarts + 1
        startedAt = performance.now()
        const failure = await this.#runOnce(status)
        if (failure === undefined) return 0
        if (!restart) return 1
        log.warn({ restarts }, 'the service failed and is started again')
        const delayMs = Math.min(RESTART.longestMs, RESTART.initialMs * 2 ** restarts)
        await sleep(delayMs, this.#leaving.signal).catch(() => undefined)
      }
      return 0
    } finally {
      this.#left.resolve()
    }
  }

  async #runOnce(status: StatusBroadcasts): Promise<Error | undefined> {
    const { serviceClass, openTransport, config, log, serviceLog = log } = this.#options
    const { environment, liveness, concurrency, onStarted } = this.#options
    const className = this.#className
    status.names({ service: serviceClass.serviceName ?? className, serviceclass: className })
    const service = new serviceClass({
      transport: openTransport('service'),
      config,
      log: serviceLog,
      ...(environment !== undefined && { environment }),
      ...(concurrency !== undefined && { concurrency }),
      onStatus: (code) => status.enter(code),
    })
    this.#service = service
    const health =
      liveness === undefined
        ? null
        : livenessServer({ ...liveness, isFree: () => service.isFree() })
    try {
      await health?.start()
      await service.start()
      onStarted?.(service)
      if (this.#leaving.signal.aborted) await service.stop()
      return await service.ended
    } catch (cause) {
      return asError(cause)
    } finally {
      await health?.stop()
    }
  }

  get #className(): string {
    const { serviceClass, name } = this.#options
    const hasName = serviceClass.name !== '' && serviceClass.name !== 'default'
    return hasName ? serviceClass.name : (name ?? 'Service')
  }

  /** A filter that is there has to match, and at least one has to be there. */
  #obey(command: unknown): void {
    if (!isDict(command)) return
    const wanted = [
      hasKey(command, 'host') ? itemAtKey(command, 'host') === this.#host : null,
      hasKey(command, 'service') ? this.#isCalled(itemAtKey(command, 'service')) : null,
    ].filter((matches) => matches !== null)
    if (wanted.length === 0 || wanted.includes(false)) return
    if (itemAtKey(command, 'command') === 'shutdown') {
      this.#options.log.info('shutdown was requested')
      void this.stop()
    } else this.#options.log.warn({ command }, 'received an invalid command')
  }

  #isCalled(service: unknown): boolean {
    return service === this.#className || (service !== null && service === this.#options.name)
  }
}
