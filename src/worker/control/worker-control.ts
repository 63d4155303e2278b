import type { Broker } from '../../brokers/broker.ts'
import { type CommandFunction, Mailbox, type MailboxEvents } from '../../control/mailbox.ts'
import { RevokedFile } from '../../control/revoked-file.ts'
import { RevokedTasks, stampValues } from '../../control/revoked-tasks.ts'
import { type EventFields, stampedEvent } from '../../events/event-fields.ts'
import type { Logger } from '../../logger.ts'
import type { ControlCommand } from '../../protocol/control/control.ts'
import { encodeEvents } from '../../protocol/events/encode-events.ts'
import { dictOf, type SignatureLike } from '../../protocol/tasks/call-options.ts'
import type { ResultStore } from '../../results/result-store.ts'
import type { App } from '../../tasks/app/app.ts'
import { textOf } from '../../text-of-error.ts'
import type { ControlledWorker } from './controlled-worker.ts'
import { Elections } from './elections.ts'
import { eventCommands } from './event-commands.ts'
import { limitCommands } from './limit-commands.ts'
import { LiveTaskOptions } from './live-options.ts'
import { mingle, revokedIds } from './mingle.ts'
import { poolCommands } from './pool-commands.ts'
import { queueCommands } from './queue-commands.ts'
import { revokeCommands, stampsIn } from './revoke-commands.ts'
import { taskCommands } from './task-commands.ts'
import { workerCommands } from './worker-commands.ts'

interface WorkerControlParts {
  readonly app: App
  readonly set: SetByControl
  readonly logger: Logger
  readonly worker: ControlledWorker
  /** Where revoked tasks are remembered while the worker is down; null: nowhere. */
  readonly stateDb: string | null
  /** Take part in the elections of workers. */
  readonly gossips: boolean
  /** Ask other workers at the start what is revoked. */
  readonly mingles: boolean
}

const ELECT = 'worker-elect'

/** What remote control has set on a worker. */
export interface SetByControl {
  readonly revoked: RevokedTasks
  readonly options: LiveTaskOptions
}

/** Nothing yet. */
export function setByControl({
  WORKER_REVOKES_MAX: most,
  WORKER_REVOKE_EXPIRES: seconds,
}: App['config']): SetByControl {
  return {
    revoked: new RevokedTasks({ most, expiresMs: seconds * 1_000 }),
    options: new LiveTaskOptions(),
  }
}

/** The remote control of a worker: the mailbox where it hears commands, and what they do. */
export class WorkerControl {
  readonly #parts: WorkerControlParts
  readonly #file: RevokedFile | undefined
  readonly #elections: Elections
  #mailbox: Mailbox | undefined
  #broker: Broker | undefined

  constructor(parts: WorkerControlParts) {
    const { app, set, stateDb, logger, worker } = parts
    this.#parts = parts
    this.#file = stateDb === null ? undefined : new RevokedFile(stateDb, set.revoked, logger)
    this.#elections = new Elections({
      name: worker.name,
      emit: (type, fields) => this.#emit(type, fields),
      callTask: async (signature) => app.start(dictOf(signature as SignatureLike)),
      logger,
    })
  }

  /** Remembers what was revoked before. Throws `ConfigError` where the file of it is another's. */
  async load(): Promise<void> {
    await this.#file?.load()
  }

  /** Hears commands from now on, where that is not switched off. */
  async listen(broker: Broker, results: ResultStore): Promise<void> {
    const { app, worker, logger, gossips, mingles } = this.#parts
    if (!app.config.worker_enable_remote_control) return
    this.#broker = broker
    if (!app.mailboxes.isThere(broker)) {
      logger.info('no remote control: the broker has no mailboxes, and no PostgreSQL is set')
      return
    }
    this.#mailbox = new Mailbox({
      hostname: worker.name,
      carrier: async () => await app.mailboxes.carrier(broker),
      settings: app.config,
      clock: app.clock,
      logger,
      commands: this.#commands(results),
      onKept: (command, sentAt) => this.#recall(command, sentAt),
      ...(gossips && { events: this.#electionEvents() }),
    })
    await this.#mailbox.start()
    // A name that another one has hears nothing, its own question neither.
    if (mingles && this.#mailbox.isOpen && !app.config.task_always_eager) await this.#mingle()
  }

  async close(): Promise<void> {
    this.#elections.close()
    await this.#mailbox?.stop()
  }

  /** A revoke from before this worker started. */
  #recall({ method, arguments: args }: ControlCommand, sentAt: Date): void {
    const { worker } = this.#parts
    if (method === 'revoke_by_stamped_headers') {
      for (const [name, values] of stampsIn(args.headers))
        this.#parts.set.revoked.addStamps(name, values)
    } else
      this.#parts.set.revoked.add(
        revokedIds(stampValues(args.task_id).map(textOf)),
        sentAt.getTime(),
      )
    worker.discardWaiting((request) => this.#parts.set.revoked.has(request))
  }

  /** Where the broker carries no events, events between workers are sent as commands are. */
  #emit(type: string, fields: EventFields): void {
    const { app, worker, logger } = this.#parts
    worker.events()?.emit(type, fields)
    if (this.#broker === undefined || this.#broker.carriesEvents || type !== ELECT) return
    const { event_exchange: exchange, event_serializer: serializer } = app.config
    const from = { hostname: worker.name, clock: app.clock }
    const { message, route } = encodeEvents(stampedEvent(type, fields, from), {
      hostname: worker.name,
      exchange,
      serializer,
    })
    app.mailboxes
      .carrier(this.#broker)
      .then((carrier) => carrier.publish(message, route))
      .catch((error: unknown) => {
        logger.warn({ err: error }, 'an election could not be announced to other workers')
      })
  }

  #electionEvents(): MailboxEvents {
    const { event_exchange: exchange } = this.#parts.app.config
    return {
      exchange,
      routingKey: ELECT.replace('-', '.'),
      onEvent: (event) => this.#elections.onEvent(event),
    }
  }

  async #mingle(): Promise<void> {
    const { app, worker, logger } = this.#parts
    const onRevoked = (): void => {
      worker.discardWaiting((request) => this.#parts.set.revoked.has(request))
    }
    await mingle({ app, name: worker.name, revoked: this.#parts.set.revoked, onRevoked, logger })
  }

  #commands(results: ResultStore): ReadonlyMap<string, CommandFunction> {
    const { app, worker, logger } = this.#parts
    const { revoked, options } = this.#parts.set
    const remember = async (): Promise<void> => this.#file?.save()
    const revokedIds = (): unknown => this.#parts.set.revoked.ids
    return new Map([
      ...workerCommands({ app, worker, logger }),
      ...taskCommands({ worker, options }),
      ...poolCommands({ pool: () => worker.pool(), config: app.config, logger }),
      ...queueCommands({ queues: worker.queues, config: app.config, logger }),
      ...revokeCommands({ worker, revoked, remember, results, logger }),
      ...limitCommands({ worker, options, logger }),
      ...eventCommands(() => worker.events()),
      ...this.#elections.commands,
      ['revoked', revokedIds],
      ['dump_revoked', revokedIds],
      ['hello', (args) => this.#greet(args)],
    ])
  }

  /** A starting worker exchanges its revoked tasks with the other workers. */
  #greet({
    from_node: from,
    revoked,
  }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | null {
    const { app, worker } = this.#parts
    if (from === worker.name) return null
    this.#parts.set.revoked.add(revokedIds(revoked))
    return { revoked: this.#parts.set.revoked.ids, clock: app.clock.forward() }
  }
}
