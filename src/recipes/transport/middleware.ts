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
  /** Does something before and after `next`, which makes the call; its result is to be returned. */
  around?(
    call: TransportCall,
    args: readonly unknown[],
    next: () => Promise<unknown>,
  ): Promise<unknown>
  aroundCallback?(callback: Callback): Callback
}

/** The newest stands outermost. */
export class MiddlewareChain {
  readonly #all: Middleware[] = []

  add(middleware: Middleware): void {
    this.#all.push(middleware)
  }

  run<T>(call: TransportCall, args: readonly unknown[], last: () => Promise<T>): Promise<T> {
    let next: () => Promise<unknown> = last
    for (const middleware of this.#all) {
      const inner = next
      if (middleware.around !== undefined) {
        next = () => middleware.around?.(call, args, inner) ?? inner()
      }
    }
    return next() as Promise<T> // what middleware returns is what the call returned
  }

  aroundCallback(callback: Callback): Callback {
    let outer = callback
    for (const middleware of this.#all) outer = middleware.aroundCallback?.(outer) ?? outer
    return outer
  }
}
