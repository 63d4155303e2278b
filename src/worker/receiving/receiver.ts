import type { Delivery } from '../../brokers/broker.ts'
import type { DeadLetters } from '../../brokers/dead-letters/dead-letters.ts'
import { inTurn } from '../../codecs/in-turn.ts'
import type { MessageLimits } from '../../codecs/limits.ts'
import { limitsOf } from '../../config/message-limits.ts'
import { TaskError } from '../../errors.ts'
import { takesTurns } from '../../protocol/body-in-turn.ts'
import { expandMessage } from '../../protocol/compressed-message.ts'
import { isLarge } from '../../protocol/content.ts'
import {
  type DecodeTaskOptions,
  decodeLargeTask,
  decodeTask,
} from '../../protocol/tasks/decode-task.ts'
import type { DeliveryInfo, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { App } from '../../tasks/app/app.ts'
import type { Task } from '../../tasks/task.ts'
import type { Job } from '../job.ts'
import type { OutcomeStore } from '../outcomes/outcome-store.ts'
import type { TaskEvents } from '../task-events.ts'
import type { ForeignMessages } from './foreign-messages.ts'

interface ReceiverParts {
  readonly app: App
  /** By name: the app's own, or one that every worker has. */
  readonly taskNamed: (name: string) => Task<readonly never[], unknown> | undefined
  readonly kept: DeadLetters
  readonly outcomes: OutcomeStore
  readonly events: TaskEvents
  /** Work that the worker does beside its deliveries. */
  readonly track: (work: Promise<unknown>) => void
  /** A delivery that is a call of a task. */
  readonly onJob: (job: Job) => void
  /** Where queues may be shared with workers that know other tasks. */
  readonly foreign: ForeignMessages | undefined
}

/** Makes jobs of deliveries. Messages that cannot be read, or whose task is not registered here, become dead letters. */
export class Receiver {
  readonly #parts: ReceiverParts
  readonly #accepted: readonly string[]
  readonly #limits: MessageLimits

  constructor(parts: ReceiverParts) {
    const { config } = parts.app
    this.#parts = parts
    this.#accepted = config.accept_content
    this.#limits = limitsOf(config)
  }

  receive(delivery: Delivery): void {
    const { message } = delivery
    if (takesTurns(message)) this.#parts.track(this.#receiveLarge(delivery))
    else
      this.#read(delivery, () => decodeTask(message, this.#accepted, how(delivery, this.#limits)))
  }

  async #receiveLarge(delivery: Delivery): Promise<void> {
    try {
      const request = await inTurn(this.#limits, (within) => this.#decoded(delivery, within))
      this.#read(delivery, () => request)
    } catch (error) {
      await this.#refuse(delivery, error)
    }
  }

  async #decoded(delivery: Delivery, limits: MessageLimits): Promise<TaskRequest> {
    const plain = await expandMessage(delivery.message, limits)
    return isLarge(plain)
      ? await decodeLargeTask(plain, this.#accepted, how(delivery, limits))
      : decodeTask(plain, this.#accepted, how(delivery, limits))
  }

  #read(delivery: Delivery, decode: () => TaskRequest): void {
    const { taskNamed, track } = this.#parts
    let request: TaskRequest
    try {
      request = decode()
    } catch (error) {
      track(this.#refuse(delivery, error))
      return
    }
    const task = taskNamed(request.task)
    if (task === undefined) track(this.#refuseUnknown(delivery, request))
    else this.#accept({ delivery, request, task })
  }

  /** A message that fails here once would fail again at each delivery. */
  #accept(job: Job): void {
    const { kept, track, onJob } = this.#parts
    try {
      onJob(job)
    } catch (error) {
      track(kept.keep(job.delivery, error))
    }
  }

  /** Beside a plain Celery, what cannot be read here may be meant for others: pickles, for one. */
  async #refuse(delivery: Delivery, error: unknown): Promise<void> {
    const { kept, foreign } = this.#parts
    await (foreign?.giveBack(delivery) ?? kept.keep(delivery, error))
  }

  async #refuseUnknown(delivery: Delivery, request: TaskRequest): Promise<void> {
    const { app, kept, outcomes, events, foreign } = this.#parts
    if (foreign !== undefined) return await foreign.giveBack(delivery)
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

function how(delivery: Delivery, limits: MessageLimits): DecodeTaskOptions {
  return { limits, deliveryInfo: arrivalOf(delivery) }
}

function arrivalOf({ route, redelivered }: Delivery): DeliveryInfo {
  return { exchange: route.exchange, routingKey: route.routingKey, redelivered }
}
