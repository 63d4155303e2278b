import { ConfigurationError } from '../../errors.ts'
import type { Lane } from './lane.ts'
import type { OperatorContext } from './operator-context.ts'
import type { Outgoing } from './outgoing.ts'
import { runEach } from './run-each.ts'
import { runStream } from './run-stream.ts'

/** One result, none (undefined), or several one after another. */
type Results<Out> =
  | Out
  | Outgoing<Out>
  | undefined
  | Promise<Out | Outgoing<Out> | undefined>
  | AsyncIterable<Out | Outgoing<Out>>
  | Generator<Out | Outgoing<Out>, unknown, unknown>

/**
 * The work of a block, apart from any wire. A class with `process`, for one message at a time; `operator()` makes one of
 * a function.
 */
export abstract class Operator<In = unknown, Out = unknown> {
  /** How many messages it keeps for a result to come: sources are read so far ahead. */
  readonly holds: number = 0

  /** Shown in errors, logs and metrics. */
  get name(): string {
    return this.constructor.name
  }

  /** Before the first message of a run, and after the last. */
  open?(context: OperatorContext): void | Promise<void>
  close?(): void | Promise<void>

  /** Results of one message: returned, or yielded by an (async) generator. */
  abstract process(message: In, context: OperatorContext): Results<Out>

  /** Works through the messages of a lane until there are no more; windows do it their own way. */
  work(lane: Lane): Promise<void> {
    return runEach(this, lane)
  }
}

/** By its shape: the operators of a block file may come with a copy of the toolbox of their own. */
export function isOperator(value: unknown): value is Operator {
  return (
    typeof value === 'object' &&
    value !== null &&
    'process' in value &&
    typeof value.process === 'function' &&
    'work' in value &&
    typeof value.work === 'function'
  )
}

type StreamFunction<In, Out> = (
  messages: AsyncIterable<In>,
  context: OperatorContext,
) => AsyncIterable<Out | Outgoing<Out>>

type MessageFunction<In, Out> = (message: In, context: OperatorContext) => Results<Out>

/**
 * An operator of a function. An async generator function is given the stream of messages; any other function is given
 * one message after another. A message is acknowledged when the generator asks for the next one.
 */
export function operator<In = unknown, Out = unknown>(
  work: StreamFunction<In, Out>,
): Operator<In, Out>
export function operator<In = unknown, Out = unknown>(
  work: MessageFunction<In, Out>,
): Operator<In, Out>
export function operator(work: unknown): Operator {
  if (isOperator(work)) return work
  if (typeof work !== 'function') {
    throw new ConfigurationError(`operator() was given ${String(work)}, expected a function`)
  }
  return work instanceof AsyncGeneratorFunction
    ? new StreamOperator(work as StreamFunction<unknown, unknown>)
    : new FunctionOperator(work as MessageFunction<unknown, unknown>)
}

const AsyncGeneratorFunction = Object.getPrototypeOf(async function* () {
  // Only its class is wanted.
}).constructor

/** An operator that is named after its function. */
abstract class NamedOperator<Work extends { readonly name: string }> extends Operator {
  protected readonly given: Work

  constructor(given: Work) {
    super()
    this.given = given
  }

  override get name(): string {
    return this.given.name || 'operator'
  }
}

class FunctionOperator extends NamedOperator<MessageFunction<unknown, unknown>> {
  process(message: unknown, context: OperatorContext): Results<unknown> {
    return this.given(message, context)
  }
}

class StreamOperator extends NamedOperator<StreamFunction<unknown, unknown>> {
  process(message: unknown, context: OperatorContext): AsyncIterable<unknown> {
    return this.given(only(message), context)
  }

  override work(lane: Lane): Promise<void> {
    return runStream(this.given, lane)
  }
}

async function* only(message: unknown): AsyncIterable<unknown> {
  yield message
}
