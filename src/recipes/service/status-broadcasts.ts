import { startInterval, startTimer, type Timer } from '../../async/timer.ts'
import type { Logger } from '../../logger.ts'
import type { Transport } from '../transport/transport.ts'
import { hostId } from './host-id.ts'
import { STATUS, type StatusCode, statusText } from './service-status.ts'
import { Utilization } from './utilization.ts'

/** Whose messages and behaviour these are: monitors show them. */
export const WORKFLOWS_VERSION = '3.5'
export const ZOCALO_VERSION = '1.6.0'

const IDLE_LASTS_MS = 500
const REPEAT_MS = 6000

interface StatusParts {
  readonly transport: Transport
  readonly log: Logger
  readonly host?: string
  /** Fields besides: tag, cluster, container. */
  readonly extra?: Readonly<Record<string, unknown>>
}

interface ServiceNames {
  readonly service: string | null
  readonly serviceclass: string | null
}

const NONE: ServiceNames = { service: null, serviceclass: null }

/** Reports a service's status to the topic `transient.status`: on every change, and every six seconds. */
export class StatusBroadcasts {
  readonly #parts: StatusParts
  readonly #utilization = new Utilization()
  #names: ServiceNames = NONE
  #code: StatusCode = STATUS.constructing
  #sent: StatusCode | undefined
  #isFirst = true
  /** It was said that none can be broadcast; others follow at every change. */
  #isAway = false
  #pending: ReadonlyMap<string, unknown> | undefined
  #sending: Promise<void> | undefined
  #repeat: Timer | undefined
  #idle: Timer | undefined

  constructor(parts: StatusParts) {
    this.#parts = parts
  }

  /** The first broadcast names no service yet. */
  async start(): Promise<void> {
    this.#sendSoon()
    await this.#sending
    this.#repeat = startInterval(REPEAT_MS, () => this.#sendSoon())
  }

  /** What a log says of the service: each field with `workflows_` before its name. */
  get logFields(): Readonly<Record<string, unknown>> {
    const fields = [...this.#status()].map(([name, value]) => [
      `workflows_${name}`,
      value instanceof Map ? Object.fromEntries(value) : value,
    ])
    return Object.fromEntries(fields)
  }

  names(names: ServiceNames): void {
    this.#names = names
  }

  enter(code: StatusCode): void {
    this.#utilization.enter(code)
    this.#code = code
    if (code === STATUS.ended) this.#names = NONE
    this.#idle?.clear()
    if (code === this.#sent) return
    if (code === STATUS.idle) {
      this.#idle = startTimer(IDLE_LASTS_MS, () => this.#sendSoon())
    } else this.#sendSoon()
  }

  /** The last broadcast: the front end goes down. */
  async end(): Promise<void> {
    this.#repeat?.clear()
    this.#idle?.clear()
    await this.#sending
    this.enter(STATUS.teardown)
    await this.#sending
  }

  /** One at a time, each as it was when it changed: processing is reported however short it was. */
  #sendSoon(): void {
    this.#pending = this.#status()
    this.#sent = this.#code
    this.#isFirst = false
    this.#sending ??= this.#sendPending().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendPending(): Promise<void> {
    const { transport, log } = this.#parts
    if (transport.features?.broadcasts === false) this.#pending = undefined
    while (this.#pending !== undefined) {
      const status = this.#pending
      this.#pending = undefined
      try {
        await transport.broadcastStatus?.(status)
        this.#isAway = false
      } catch (cause) {
        if (!this.#isAway) log.warn({ err: cause }, 'the status of the service cannot be broadcast')
        this.#isAway = true
      }
    }
  }

  #status(): ReadonlyMap<string, unknown> {
    const { host = hostId(), extra = {} } = this.#parts
    return new Map<string, unknown>([
      ['host', host],
      ['status', this.#code],
      ['statustext', statusText(this.#code)],
      ['service', this.#names.service],
      ['serviceclass', this.#names.serviceclass],
      ['utilization', this.#utilization.shares()],
      ['workflows', WORKFLOWS_VERSION],
      ...(this.#isFirst ? [] : [['zocalo', ZOCALO_VERSION] as const, ...Object.entries(extra)]),
    ])
  }
}
