import type {
  TransportCounter,
  TransportMetrics,
} from '../../telemetry/metrics/transport-metrics.ts'
import type { CallbackPlace, Middleware, TransportCall } from '../transport/middleware.ts'
import type { MessageCallback } from '../transport/transport.ts'

const COUNTED: Readonly<Partial<Record<TransportCall, TransportCounter>>> = {
  subscribe: 'subscriptions',
  subscribeBroadcast: 'broadcast_subscriptions',
  subscribeTemporary: 'temporary_subscriptions',
  ack: 'ack',
  nack: 'nack',
  send: 'send',
  rawSend: 'send',
  broadcast: 'broadcast',
  rawBroadcast: 'broadcast',
  transactionBegin: 'transaction_begin',
  transactionAbort: 'transaction_abort',
  transactionCommit: 'transaction_commit',
}

/** Counts what a transport does, and how long callbacks take; a call that failed is not counted. */
export class MetricsMiddleware implements Middleware {
  readonly #metrics: TransportMetrics

  constructor(metrics: TransportMetrics) {
    this.#metrics = metrics
  }

  async around(
    call: TransportCall,
    _args: readonly unknown[],
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    const result = await next()
    const counter = COUNTED[call]
    if (counter !== undefined) this.#metrics.count(counter)
    if (call.startsWith('subscribe')) this.#metrics.subscriptions(1)
    else if (call === 'unsubscribe') this.#metrics.subscriptions(-1)
    else if (call === 'transactionBegin') this.#metrics.transactions(1)
    else if (call.startsWith('transaction')) this.#metrics.transactions(-1)
    return result
  }

  aroundCallback(callback: MessageCallback, place: CallbackPlace): MessageCallback {
    return async (header, message) => {
      const startedAt = performance.now()
      try {
        return await callback(header, message)
      } finally {
        this.#metrics.took(place.callback, (performance.now() - startedAt) / 1000)
      }
    }
  }
}
