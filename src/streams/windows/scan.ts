import { Semaphore } from '../../async/semaphore.ts'
import { Start, Stop } from '../parts/messages.ts'
import { Operator } from '../parts/operator.ts'
import type { OperatorContext } from '../parts/operator-context.ts'
import type { StateStore } from '../state/state-store.ts'

export interface ScanOptions {
  /** Gives a result for each message (default), or one for each run: at its Stop. */
  readonly emit?: 'each' | 'stop'
  /** Keeps the state over a restart; it is saved before the message is acknowledged. */
  readonly store?: StateStore
  /** Under which the store keeps it. Default: the block's name. */
  readonly key?: string
}

/** Folds the messages of a run: `reduce(state, message)` from `initial`, which a Start begins anew. */
export function scan<In = unknown, State = unknown>(
  reduce: (state: State, message: In, context: OperatorContext) => State | Promise<State>,
  initial: State,
  options: ScanOptions = {},
): Operator<In, State> {
  return new Scan(reduce as Reduce, initial, options) as Operator as Operator<In, State> // typed by its function
}

type Reduce = (state: unknown, message: unknown, context: OperatorContext) => unknown

class Scan extends Operator {
  readonly #reduce: Reduce
  readonly #initial: unknown
  readonly #options: ScanOptions
  /** One message at a time, in their order, also where the block works on several. */
  readonly #turns = new Semaphore(1)
  #state: unknown
  #key = ''

  constructor(reduce: Reduce, initial: unknown, options: ScanOptions) {
    super()
    this.#reduce = reduce
    this.#initial = initial
    this.#options = options
  }

  override get name(): string {
    return 'scan'
  }

  override async open({ block }: OperatorContext): Promise<void> {
    this.#key = this.#options.key ?? block
    const kept = await this.#options.store?.load(this.#key)
    this.#state = kept === undefined ? structuredClone(this.#initial) : kept
  }

  process(message: unknown, context: OperatorContext): Promise<unknown> {
    return this.#turns.run(async () => await this.#fold(message, context))
  }

  async #fold(message: unknown, context: OperatorContext): Promise<unknown> {
    const from = isKind(message, Start, 'start') ? structuredClone(this.#initial) : this.#state
    const state = await this.#reduce(from, message, context)
    // A message whose state is not saved fails, and leaves the state as it was.
    await this.#options.store?.save(this.#key, state)
    this.#state = state
    const isWanted = this.#options.emit !== 'stop' || isKind(message, Stop, 'stop')
    return isWanted ? state : undefined
  }
}

/** A class of ours, or a map that another codec left as it is. */
function isKind(message: unknown, type: typeof Start | typeof Stop, name: string): boolean {
  if (message instanceof type) return true
  return (
    typeof message === 'object' &&
    message !== null &&
    'msg_type' in message &&
    message.msg_type === name
  )
}
