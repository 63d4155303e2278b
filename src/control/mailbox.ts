import { sleep } from '../async/sleep.ts'
import { printed } from '../config/printed.ts'
import { BrokerError } from '../errors.ts'
import type { LamportClock } from '../events/lamport-clock.ts'
import type { Logger } from '../logger.ts'
import { takesTurns } from '../protocol/body-in-turn.ts'
import {
  type ControlCommand,
  clockOf,
  decodeCommand,
  encodeReply,
  readCommand,
} from '../protocol/control/control.ts'
import { isAddressedTo } from '../protocol/control/control-address.ts'
import {
  commandRoute,
  mailboxTopology,
  replyExchangeTopology,
} from '../protocol/control/control-topology.ts'
import { readEvents, readEventsInTurn } from '../protocol/events/decode-events.ts'
import type { CeleryEvent } from '../protocol/events/events.ts'
import type { Message } from '../protocol/message.ts'
import { durableExchange, type Topology } from '../protocol/routing/topology.ts'
import type { ControlCarrier, ControlDelivery, ControlSubscription } from './control-carrier.ts'
import type { ControlSettings } from './control-settings.ts'

/** Carries out a command at a worker; what it returns is the answer. */
export type CommandFunction = (args: Readonly<Record<string, unknown>>) => unknown

interface MailboxParts {
  /** The worker's name, "name@host". */
  readonly hostname: string
  readonly carrier: () => Promise<ControlCarrier>
  readonly settings: ControlSettings
  readonly clock: LamportClock
  readonly logger: Logger
  readonly commands: ReadonlyMap<string, CommandFunction>
  /** Called with each command that was kept for workers that start later. */
  readonly onKept: (command: ControlCommand, sentAt: Date) => void
  /** What else comes into it. */
  readonly events?: MailboxEvents
}

/** Events that a worker hears where it hears commands. */
export interface MailboxEvents {
  readonly exchange: string
  readonly routingKey: string
  readonly onEvent: (event: CeleryEvent) => void
}

const PAUSE_MS = 5_000
/** Of the name of an unknown command. */
const MOST_SHOWN = 300

/** Where a worker hears commands, and answers them, https://docs.celeryq.dev/en/stable/userguide/workers.html#remote-control */
export class Mailbox {
  readonly #parts: MailboxParts
  readonly #answering = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #replyExchanges = new Set<string>()
  #subscription: ControlSubscription | undefined

  constructor(parts: MailboxParts) {
    this.#parts = parts
  }

  /** Never rejects: a worker works without a mailbox, too, and gets it once it can be had. */
  async start(): Promise<void> {
    if (!(await this.#open())) void this.#keepTrying()
  }

  /** Whether commands arrive. */
  get isOpen(): boolean {
    return this.#subscription !== undefined
  }

  /** Hears nothing new, and answers what it has heard. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the mailbox is closed'))
    await this.#subscription?.close()
    await Promise.all(this.#answering)
  }

  async #open(): Promise<boolean> {
    const { hostname, settings, logger } = this.#parts
    try {
      const carrier = await this.#parts.carrier()
      const topology = mailboxTopology(hostname, settings)
      await carrier.declare(withEvents(topology, this.#parts.events))
      this.#subscription = await carrier.consume(
        `${hostname}.${settings.control_exchange}.pidbox`,
        { prefetch: 0 },
        (delivery) => this.#receive(delivery),
      )
      if (this.#stopping.signal.aborted) await this.#subscription.close()
      await this.#recall(carrier)
      return true
    } catch (error) {
      if (this.#stopping.signal.aborted) return true
      if (error instanceof BrokerError) {
        logger.warn(
          { hostname, err: error },
          'no remote control: another worker has this name, give each its own. Trying again',
        )
      } else logger.warn({ hostname, err: error }, 'no remote control for now, trying again')
      return false
    }
  }

  async #keepTrying(): Promise<void> {
    const { signal } = this.#stopping
    do {
      const isStopped = await sleep(PAUSE_MS, signal).then(
        () => false,
        () => true,
      )
      if (isStopped) return
    } while (!(await this.#open()))
  }

  /** What was revoked before it started is remembered for it where there is a table. */
  async #recall(carrier: ControlCarrier): Promise<void> {
    const { hostname, settings, logger, onKept } = this.#parts
    const kept = (await carrier.kept?.(commandRoute(settings.control_exchange).exchange)) ?? []
    for (const { message, sentAt } of kept) {
      try {
        const command = decodeCommand(message, settings.accept_content)
        if (isAddressedTo(command, hostname)) onKept(command, sentAt)
      } catch (error) {
        // No later look will read it: it must not keep the worker from what is sent from now on.
        logger.warn({ err: error, sentAt }, 'a kept command of remote control cannot be read')
      }
    }
  }

  #receive(delivery: ControlDelivery): void {
    const { logger } = this.#parts
    const answering = this.#answer(delivery).catch((error: unknown) => {
      logger.error({ err: error }, 'cannot handle a remote control command')
    })
    this.#answering.add(answering)
    void answering.finally(() => this.#answering.delete(answering))
  }

  async #answer(delivery: ControlDelivery): Promise<void> {
    const { hostname, settings, clock, events } = this.#parts
    const { message, route } = delivery
    await delivery.ack()
    if (events !== undefined && route.exchange === events.exchange) {
      const read = takesTurns(message) ? await readEventsInTurn(message) : readEvents(message)
      for (const event of read.events) events.onEvent(event)
      return
    }
    clock.adjust(clockOf(message))
    const command = await readCommand(message, settings.accept_content)
    if (!isAddressedTo(command, hostname)) return
    const answer = await this.#run(command)
    if (command.reply !== null) await this.#reply(command.reply, answer)
  }

  /** Errors are answers, in Python's words. */
  async #run({ method, arguments: args }: ControlCommand): Promise<unknown> {
    const { commands, logger } = this.#parts
    const command = commands.get(method)
    if (command === undefined) {
      const shown = method.slice(0, MOST_SHOWN)
      logger.error({ method: shown }, 'no such command of remote control')
      return { error: `KeyError(${printed(shown)})` }
    }
    try {
      logger.debug({ method }, 'command of remote control')
      return (await command(args)) ?? null
    } catch (error) {
      logger.error({ method, err: error }, 'a command of remote control failed')
      return {
        error: error instanceof Error ? `${error.name}(${printed(error.message)})` : 'Error()',
      }
    }
  }

  async #reply(
    { ticket, route }: NonNullable<ControlCommand['reply']>,
    answer: unknown,
  ): Promise<void> {
    const { hostname, settings, clock } = this.#parts
    const { exchange } = route
    const carrier = await this.#parts.carrier()
    // A message to an exchange that is gone would end the channel of all publishes.
    if (exchange !== '' && !this.#replyExchanges.has(exchange)) {
      await carrier.declare(replyExchangeTopology(exchange))
      this.#replyExchanges.clear()
      this.#replyExchanges.add(exchange)
    }
    const headers = { ticket, clock: clock.forward() }
    const encoded = (reply: unknown): Message =>
      encodeReply({ [hostname]: reply }, headers, settings.task_serializer)
    await carrier.publish(this.#tried(encoded, answer), route)
  }

  /** An answer that cannot be written (an argument of a task, say) becomes an error. */
  #tried(encoded: (reply: unknown) => Message, answer: unknown): Message {
    try {
      return encoded(answer)
    } catch (error) {
      this.#parts.logger.error({ err: error }, 'an answer of remote control cannot be written')
      return encoded({ error: `EncodeError(${printed(String(error))})` })
    }
  }
}

function withEvents(mailbox: Topology, events: MailboxEvents | undefined): Topology {
  if (events === undefined) return mailbox
  const { exchange, routingKey } = events
  const bindings = mailbox.queues.map(({ name: queue }) => ({ exchange, queue, routingKey }))
  return {
    ...mailbox,
    exchanges: [...mailbox.exchanges, durableExchange(exchange, 'topic')],
    bindings: [...mailbox.bindings, ...bindings],
  }
}
