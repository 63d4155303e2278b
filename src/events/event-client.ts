import { hostname } from 'node:os'
import { TaskError } from '../errors.ts'
import type { EventFields } from './event-fields.ts'
import { EventSender, type EventSenderParts } from './event-sender.ts'

const GENERATED_NAME = `gen${process.pid}@${hostname()}`

/** The events of a program that is no worker: a client's `task-sent`, and events of its own. Made by `app.events`. */
export class EventClient {
  readonly #sender: EventSender

  constructor(parts: Omit<EventSenderParts, 'hostname'>) {
    this.#sender = new EventSender({ ...parts, hostname: GENERATED_NAME })
  }

  /**
   * Sends an event of your own, such as "invoice-paid"; resolves once it is sent. Where the broker is away it waits
   * to be sent, and this resolves nonetheless. Throws `TaskError` where the type is none.
   */
  async send(type: string, fields: EventFields = {}): Promise<void> {
    checkEventType(type)
    this.#sender.send(type, fields)
    await this.#sender.flush()
  }

  /** The same, without waiting for the broker. */
  emit(type: string, fields: EventFields): void {
    this.#sender.send(type, fields)
  }

  /** @deprecated Use `emit()`. */
  tell(type: string, fields: EventFields): void {
    this.emit(type, fields)
  }

  /** Resolves once the broker has them, and rejects where it has not: until then they are the caller's to keep. */
  async deliver(
    events: readonly { readonly type: string; readonly fields: EventFields }[],
  ): Promise<void> {
    await this.#sender.deliver(events)
  }

  async close(): Promise<void> {
    await this.#sender.close()
  }
}

/** A type is a group and a name, such as "invoice-paid": it becomes a routing key. */
export function checkEventType(type: string): void {
  if (typeof type === 'string' && EVENT_TYPE.test(type)) return
  throw new TaskError(
    'TASK_INVALID',
    `an event's type is ${JSON.stringify(type)}, expected its group and its name, such as "invoice-paid"`,
  )
}

/** AMQP counts the bytes of a routing key in one byte. */
const EVENT_TYPE = /^(?=.{1,255}$)[\w.]+(?:-[\w.]+)*$/
