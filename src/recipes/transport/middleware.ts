/** As `MessageCallback` of transport.ts, which this file knows nothing of. */
type Callback = (
  header: Readonly<Record<string, unknown>>,
  message: unknown,
) => void | Promise<void>

/** The calls of a transport that middleware sees. */
export type TransportCall =
  | 'subscribe'
  | 'subscribeBroadcast'
  | 'subscribeTemporary'
  | 'unsubscribe'
  | 'send'
  | 'rawSend'
  | 'broadcast'
  | 'rawBroadcast'
  | 'ack'
  | 'nack'
  | 'transactionBegin'
  | 'transactionCommit'
  | 'transactionAbort'

/** Stands around every call of a transport, and around the callbacks of its subscriptions (workflows: middleware). */
export interface Middleware {
  /**
   * Does something before and after `next`, which makes the call, with other arguments where it is given any; its
   * result is to be returned.
   */
  around?(
    call: TransportCall,
    args: readonly unknown[],
    next: (args?: readonly unknown[]) => Promise<unknown>,
  ): Promise<unknown>
  aroundCallback?(callback: Callback, subscription: CallbackPlace): Callback
}

/** The subscription that a callback is of. */
export interface CallbackPlace {
  readonly id: number
  readonly kind: 'queue' | 'broadcast' | 'temporary'
  /** The queue, the topic, or the hint of a temporary queue. */
  readonly name: string | null
  /** The name of the function that was given. */
  readonly callback: string
}

/** The newest stands outermost. */
export class MiddlewareChain {
  readonly #all: Middleware[] = []

  add(middleware: Middleware): void {
    this.#all.push(middleware)
  }

  run<Args extends readonly unknown[] | [], T>(
    call: TransportCall,
    args: Args,
    last: (...args: NoInfer<Args>) => Promise<T>,
  ): Promise<T> {
    if (this.#all.length === 0) return last(...args)
    let next = (given: readonly unknown[]): Promise<unknown> => last(...(given as NoInfer<Args>))
    for (const middleware of this.#all) {
      const inner = next
      next = (given) => {
        const goOn = (other = given): Promise<unknown> => inner(other)
        return middleware.around?.(call, given, goOn) ?? inner(given)
      }
    }
    return next(args) as Promise<T> // what middleware returns is what the call returned
  }

  aroundCallback(callback: Callback, place: CallbackPlace): Callback {
    let outer = callback
    for (const middleware of this.#all) outer = middleware.aroundCallback?.(outer, place) ?? outer
    return outer
  }
}
