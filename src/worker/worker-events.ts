import type { Broker } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import type { EventFields } from '../events/event-fields.ts'
import { EventSender } from '../events/event-sender.ts'
import { Heartbeat } from '../events/heartbeat.ts'
import type { Logger } from '../logger.ts'
import type { App } from '../tasks/app/app.ts'
import { TaskEvents } from './task-events.ts'
import type { WorkerOptions } from './worker-options.ts'

interface WorkerEventsParts {
  readonly app: App
  readonly broker: Broker
  readonly name: string
  readonly options: Pick<WorkerOptions, 'taskEvents' | 'heartbeat' | 'heartbeatSeconds'>
  readonly logger: Logger
  /** How many tasks run. */
  readonly active: () => number
}

const HEARTBEAT_SECONDS = 2
/** Where each beat is a message that is stored. */
const RARE_HEARTBEAT_SECONDS = 30

/** The events of a worker: its heartbeat and, where they are enabled, the events of its tasks. */
export class WorkerEvents {
  readonly tasks: TaskEvents
  readonly #sender: EventSender
  readonly #heart: Heartbeat
  readonly #hasHeartbeat: boolean
  #processed = 0

  constructor(parts: WorkerEventsParts) {
    const { app, broker, name, options, logger } = parts
    const { carriesEvents } = broker
    const sendsTasks = options.taskEvents ?? sendsTaskEvents(app.config, carriesEvents)
    this.#sender = new EventSender(
      {
        hostname: name,
        broker: () => Promise.resolve(broker),
        settings: app.config,
        clock: app.clock,
        logger,
      },
      { muted: sendsTasks ? [] : ['task'] },
    )
    this.tasks = new TaskEvents({
      sender: this.#sender,
      withOutcomes: !carriesEvents,
      worker: name,
      onStarted: () => {
        this.#processed += 1
      },
    })
    this.#hasHeartbeat = options.heartbeat ?? true
    const usual = carriesEvents ? HEARTBEAT_SECONDS : RARE_HEARTBEAT_SECONDS
    const intervalMs = (options.heartbeatSeconds || usual) * 1_000
    this.#heart = new Heartbeat(this.#sender, intervalMs, () => ({
      active: parts.active(),
      processed: this.#processed,
    }))
  }

  start(): void {
    if (this.#hasHeartbeat) this.#heart.start()
  }

  /** Says that the worker goes, and sends what waits to be sent. */
  async stop(): Promise<void> {
    this.#heart.stop()
    await this.#sender.close()
  }

  /** As the command `enable_events`: sends events of tasks from now on; false where it did already. */
  enable(): boolean {
    return this.#sender.enable()
  }

  disable(): boolean {
    return this.#sender.disable()
  }

  /** An event of the worker's own. */
  emit(type: string, fields: EventFields): void {
    this.#sender.send(type, fields)
  }

  /** As the command `heartbeat`: says at once that the worker is there. */
  beat(): void {
    this.#heart.beat()
  }
}

/** Where events go to the platform queue they are its only news of what became of a task. */
function sendsTaskEvents(config: Config, carriesEvents: boolean): boolean {
  if (!carriesEvents && config.source('worker_send_task_events') === 'default') return true
  return config.worker_send_task_events
}
