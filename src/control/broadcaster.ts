import { randomUUID } from 'node:crypto'
import { LamportClock } from '../events/lamport-clock.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { type ControlCommand, encodeCommand } from '../protocol/control/control.ts'
import { commandRoute, commandTopology } from '../protocol/control/control-topology.ts'
import type { ControlCarrier } from './control-carrier.ts'
import { ControlReplies, type WorkerReply } from './control-replies.ts'
import type { ControlSettings } from './control-settings.ts'

export interface ControlParts {
  readonly settings: ControlSettings
  /** A broker with mailboxes, or a table. Who opened it closes it, after the control. */
  readonly carrier: () => Promise<ControlCarrier>
  readonly clock?: LamportClock
  readonly logger?: Logger
}

/** Whom a command is for, and whether their answers are wanted. */
export interface BroadcastOptions {
  /** The names of the workers, "name@host"; default all. */
  readonly destination?: readonly string[] | undefined
  /** Or the workers whose names match: a glob ("w*@host") unless `matcher` says otherwise. */
  readonly pattern?: string | undefined
  readonly matcher?: 'glob' | 'pcre' | undefined
  /** Wait for answers: those of `destination`, or all that come within `timeoutMs`. */
  readonly reply?: boolean | undefined
  /** Default 1000. */
  readonly timeoutMs?: number | undefined
  /** The most answers that are waited for. */
  readonly limit?: number | undefined
  /** Called with each answer as it comes. */
  readonly onReply?: ((reply: WorkerReply) => void) | undefined
}

const TIMEOUT_MS = 1_000
/** What holds for workers that start later, too. */
const KEPT: ReadonlySet<string> = new Set(['revoke', 'terminate', 'revoke_by_stamped_headers'])

/** Sends commands to workers, whichever they are, and gathers what they answer. */
export class Broadcaster {
  readonly clock: LamportClock
  readonly #parts: ControlParts
  readonly #replies: ControlReplies
  #declared: Promise<void> | undefined

  constructor(parts: ControlParts) {
    const { settings, clock = new LamportClock(), logger = silentLogger } = parts
    this.clock = clock
    this.#parts = parts
    this.#replies = new ControlReplies({ settings, clock, logger })
  }

  /** Sends a command; resolves once the broker has it, with the answers where they are wanted. */
  async broadcast(
    method: string,
    args: Readonly<Record<string, unknown>> = {},
    options: BroadcastOptions = {},
  ): Promise<readonly WorkerReply[]> {
    const { timeoutMs = TIMEOUT_MS, destination } = options
    const command = commandOf(method, args, options)
    const carrier = await this.#ready()
    if (options.reply !== true) {
      await this.#send(carrier, command, timeoutMs)
      return []
    }
    await this.#replies.listen(carrier)
    const ticket = randomUUID()
    const limit = options.limit ?? (destination?.length || Number.POSITIVE_INFINITY)
    const { replies, cancel } = this.#replies.collect(ticket, {
      limit,
      timeoutMs,
      onReply: options.onReply,
    })
    const asked: ControlCommand = { ...command, reply: { ticket, route: this.#replies.route } }
    try {
      await this.#send(carrier, asked, timeoutMs)
    } catch (error) {
      cancel()
      throw error
    }
    return await replies
  }

  /** Hears no answers any more. */
  async close(): Promise<void> {
    await this.#replies.close()
  }

  async #ready(): Promise<ControlCarrier> {
    const carrier = await this.#parts.carrier()
    this.#declared ??= carrier.declare(commandTopology(this.#parts.settings.control_exchange))
    try {
      await this.#declared
    } catch (error) {
      this.#declared = undefined
      throw error
    }
    return carrier
  }

  async #send(carrier: ControlCarrier, command: ControlCommand, timeoutMs: number): Promise<void> {
    const { control_exchange, task_serializer } = this.#parts.settings
    const stamps = { clock: this.clock.forward(), expires: (Date.now() + timeoutMs) / 1_000 }
    const message = encodeCommand(command, stamps, task_serializer)
    const route = commandRoute(control_exchange)
    if (KEPT.has(command.method) && carrier.publishKept !== undefined) {
      await carrier.publishKept(message, route)
    } else await carrier.publish(message, route)
  }
}

function commandOf(
  method: string,
  args: Readonly<Record<string, unknown>>,
  { destination, pattern, matcher }: BroadcastOptions,
): ControlCommand {
  return {
    method,
    arguments: args,
    destination: destination ?? null,
    pattern: pattern ?? null,
    matcher: pattern === undefined ? null : (matcher ?? 'glob'),
    reply: null,
  }
}
