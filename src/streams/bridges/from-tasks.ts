import { randomUUID } from 'node:crypto'
import { aborted } from '../../async/aborted.ts'
import type { Broker } from '../../brokers/broker.ts'
import { decodeJson } from '../../codecs/json/json.ts'
import type { Codec } from '../codecs/codec.ts'
import { readMessage } from '../links/read-message.ts'
import { LinkListener } from '../parts/listener.ts'

interface FromTasksOptions {
  /** Which events, as routing keys of the event exchange: `task.failed`. Default `task.#`. */
  readonly events?: string
  /** Celery's event_exchange. Default celeryev. */
  readonly exchange?: string
}

/** A task event: its type, its task's id (uuid) and what else the worker sends. */
export interface TaskEvent {
  readonly type: string
  readonly uuid: string
  readonly [field: string]: unknown
}

/** Events of tasks, as workers with `-E` send them, one message for each. They are not kept while no block runs. */
export function fromTasks(
  app: { broker(): Broker },
  { events = 'task.#', exchange = 'celeryev' }: FromTasksOptions = {},
): LinkListener {
  return new LinkListener(`events ${events}`, async (inlet) => {
    const broker = app.broker()
    const queue = `celeryev.stream.${randomUUID()}`
    await broker.declare({
      exchanges: [
        { name: exchange, type: 'topic', durable: true, autoDelete: false, arguments: {} },
      ],
      queues: [{ name: queue, durable: false, exclusive: true, autoDelete: true, arguments: {} }],
      bindings: [{ exchange, queue, routingKey: events }],
    })
    const subscription = await broker.consume(queue, { prefetch: inlet.limit }, (delivery) => {
      const settlement = {
        ack: () => delivery.ack(),
        giveBack: () => delivery.reject(),
        reject: () => delivery.reject(),
      }
      const { body, headers } = delivery.message
      // A worker sends some events singly and some as lists.
      void inlet.put(readMessage(EVENTS, body, { headers, settlement }))
    })
    inlet.defer(() => subscription.close())
    inlet.ready()
    await aborted(inlet.signal)
    await subscription.pause()
  })
}

const EVENTS: Codec = {
  name: 'events',
  decode: (bytes) => decodeJson(bytes.toString('utf8')),
  encode: () => Buffer.alloc(0),
}
