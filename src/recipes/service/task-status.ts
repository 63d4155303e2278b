import { startInterval, type Timer } from '../../async/timer.ts'
import type { Transport } from '../transport/transport.ts'
import { hostId } from './host-id.ts'
import { type StatusCode, statusText } from './service-status.ts'
import { WORKFLOWS_VERSION, ZOCALO_VERSION } from './status-broadcasts.ts'

const REPEAT_MS = 3000

/** Reports one job to the topic `transient.status`, every three seconds; lost connections do not concern it. */
export class TaskStatus {
  readonly #transport: Transport
  readonly #extra: Readonly<Record<string, unknown>>
  #task: string
  #code: StatusCode = 1
  #timer: Timer | undefined
  #sending: Promise<void> = Promise.resolve()

  constructor(transport: Transport, task: string, extra: Readonly<Record<string, unknown>> = {}) {
    this.#transport = transport
    this.#task = task
    this.#extra = extra
  }

  start(): void {
    this.#send()
    this.#timer = startInterval(REPEAT_MS, () => this.#send())
  }

  set task(name: string) {
    this.#task = name
    this.#send()
  }

  get task(): string {
    return this.#task
  }

  enter(code: StatusCode): void {
    this.#code = code
    this.#send()
  }

  async stop(): Promise<void> {
    this.#timer?.clear()
    await this.#sending
  }

  #send(): void {
    const status = new Map<string, unknown>([
      ['host', hostId()],
      ['task', this.#task],
      ['workflows', WORKFLOWS_VERSION],
      ['zocalo', ZOCALO_VERSION],
      ...Object.entries(this.#extra),
      ['status', this.#code],
      ['statustext', statusText(this.#code)],
    ])
    this.#sending = this.#sending
      .then(async () => {
        await this.#transport.broadcastStatus?.(status)
      })
      .catch(() => undefined)
  }
}
