import type { Delivery } from '../brokers/broker.ts'
import { TaskError } from '../errors.ts'
import { expandMessage, isCompressed } from '../protocol/compressed-message.ts'
import { decodeTask } from '../protocol/decode-task.ts'
import type { Message } from '../protocol/message.ts'
import type { DeliveryInfo, TaskRequest } from '../protocol/task-request.ts'
import type { App } from '../tasks/app.ts'
import type { Task } from '../tasks/task.ts'
import type { Job } from './job.ts'
import type { KeptMessages } from './kept-messages.ts'
import type { OutcomeStore } from './outcome-store.ts'
import type { TaskEvents } from './task-events.ts'

export interface ReceiverParts {
  readonly app: App
  /** By name: the app's own, or one that every worker has. */
  readonly taskNamed: (name: string) => Task<readonly never[], unknown> | undefined
  readonly kept: KeptMessages
  readonly outcomes: OutcomeStore
  readonly events: TaskEvents
  /** What goes on beside the deliveries. */
  readonly track: (work: Promise<void>) => void
  /** A delivery that is a call of a task. */
  readonly onJob: (job: Job) => void
}

/** Makes jobs of deliveries. What cannot be read, and what nobody here can run, is kept. */
export class Receiver {
  readonly #parts: ReceiverParts

  constructor(parts: ReceiverParts) {
    this.#parts = parts
  }

  receive(delivery: Delivery): void {
    const { message } = delivery
    if (isCompressed(message)) this.#parts.track(this.#receiveCompressed(delivery))
    else this.#read(delivery, message)
  }

  async #receiveCompressed(delivery: Delivery): Promise<void> {
    try {
      this.#read(delivery, await expandMessage(delivery.message))
    } catch (error) {
      await this.#parts.kept.keep(delivery, error)
    }
  }

  #read(delivery: Delivery, message: Message): void {
    const { app, taskNamed, kept, track, onJob } = this.#parts
    let request: TaskRequest
    try {
      request = decodeTask(message, app.config.accept_content, arrivalOf(delivery))
    } catch (error) {
      track(kept.keep(delivery, error))
      return
    }
    const task = taskNamed(request.task)
    if (task === undefined) track(this.#refuseUnknown(delivery, request))
    else onJob({ delivery, request, task })
  }

  async #refuseUnknown(delivery: Delivery, request: TaskRequest): Promise<void> {
    const { app, kept, outcomes, events } = this.#parts
    await outcomes.saveNotRegistered(request, delivery.queue)
    events.unknown(request)
    await kept.keep(
      delivery,
      new TaskError(
        'TASK_NOT_REGISTERED',
        `received unregistered task of type "${request.task}"; the tasks here are: ${app.tasks.names.join(', ')}`,
      ),
    )
  }
}

function arrivalOf({ route, redelivered }: Delivery): DeliveryInfo {
  return { exchange: route.exchange, routingKey: route.routingKey, redelivered }
}
