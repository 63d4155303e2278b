import { loadavg, type } from 'node:os'
import { startInterval, type Timer } from '../async/timer.ts'
import { version } from '../own-package.ts'
import type { EventFields } from './event-fields.ts'
import type { EventSender } from './event-sender.ts'

/** How busy a worker is. */
interface WorkerLoad {
  /** Tasks that run now. */
  readonly active: number
  /** Tasks that were started since the worker was. */
  readonly processed: number
}

/** Says that a worker is there, again and again: who hears nothing for two beats takes it for dead. */
export class Heartbeat {
  readonly #events: EventSender
  readonly #intervalMs: number
  readonly #load: () => WorkerLoad
  readonly #software = { sw_ident: 'celery-toolbox', sw_ver: version(), sw_sys: type() }
  #timer: Timer | undefined

  constructor(events: EventSender, intervalMs: number, load: () => WorkerLoad) {
    this.#events = events
    this.#intervalMs = intervalMs
    this.#load = load
  }

  start(): void {
    this.#send('worker-online')
    this.#timer = startInterval(this.#intervalMs, () => this.beat()).unref()
  }

  /** Also out of turn, as when a caller asks which workers are online. */
  beat(): void {
    this.#send('worker-heartbeat')
  }

  stop(): void {
    if (this.#timer === undefined) return
    this.#timer.clear()
    this.#timer = undefined
    this.#send('worker-offline')
  }

  #send(kind: string): void {
    this.#events.send(kind, this.#fields())
  }

  #fields(): EventFields {
    return {
      freq: this.#intervalMs / 1_000,
      ...this.#load(),
      // To hundredths, upwards, as Celery has it.
      loadavg: loadavg().map((load) => Math.ceil(load * 100) / 100),
      ...this.#software,
    }
  }
}
