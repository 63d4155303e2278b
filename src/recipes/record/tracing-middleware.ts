import { isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { setSpanAttribute } from '../../telemetry/traces/active-span.ts'
import type { SpanPlan, TransportTracer } from '../../telemetry/traces/trace-transport.ts'
import type { CallbackPlace, Middleware, TransportCall } from '../transport/middleware.ts'
import type {
  MessageCallback,
  SendOptions,
  SettleOptions,
  TransportHeader,
} from '../transport/transport.ts'
import { isRecipeMessage } from '../wrapper/wrap-subscribe.ts'

type Call = Exclude<TransportCall, 'subscribe' | 'subscribeBroadcast' | 'subscribeTemporary'>

/** As python-workflows names them. */
const SPANS: Readonly<Record<Call, string>> = {
  send: 'transport.send',
  rawSend: 'transport.raw_send',
  broadcast: 'transport.broadcast',
  rawBroadcast: 'transport.raw_broadcast',
  unsubscribe: 'transport.unsubscribe',
  ack: 'transport.ack',
  nack: 'transport.nack',
  transactionBegin: 'transaction.begin',
  transactionCommit: 'transaction.commit',
  transactionAbort: 'transaction.abort',
}

const SENDS: ReadonlySet<string> = new Set(['send', 'rawSend', 'broadcast', 'rawBroadcast'])

const CALLBACKS = {
  queue: { span: 'transport.subscribe', attribute: 'channel' },
  broadcast: { span: 'transport.subscribe_broadcast', attribute: 'channel' },
  temporary: { span: 'transport.subscribe_temporary', attribute: 'channel_hint' },
} as const

/** Spans as those of python-workflows; the context travels in the headers of messages (W3C Trace Context). */
export class TracingMiddleware implements Middleware {
  readonly #tracer: TransportTracer

  constructor(tracer: TransportTracer) {
    this.#tracer = tracer
  }

  async around(
    call: TransportCall,
    args: readonly unknown[],
    next: (args?: readonly unknown[]) => Promise<unknown>,
  ): Promise<unknown> {
    const name = Object.hasOwn(SPANS, call) ? SPANS[call as Call] : undefined
    if (name === undefined) return await next()
    const plan = { name, attributes: attributesOf(call, args) }
    return await this.#tracer.within(plan, async () => {
      if (!SENDS.has(call)) return await next()
      const [target, message, options = {}] = args as [unknown, unknown, SendOptions | undefined]
      const headers = this.#tracer.injected(options.headers ?? {})
      return await next([target, message, { ...options, headers }])
    })
  }

  aroundCallback(callback: MessageCallback, place: CallbackPlace): MessageCallback {
    const { span, attribute } = CALLBACKS[place.kind]
    return async (header, message) => {
      const plan: SpanPlan = {
        name: span,
        attributes: { [attribute]: place.name },
        receivedWith: header,
      }
      await this.#tracer.within(plan, async () => {
        const id = recipeId(header, message)
        if (id !== null) setSpanAttribute('recipe_id', id)
        await callback(header, message)
      })
    }
  }
}

function attributesOf(call: TransportCall, args: readonly unknown[]): SpanPlan['attributes'] {
  const [first, second] = args as [unknown, SettleOptions | undefined]
  if (SENDS.has(call)) return { destination: String(first) }
  if (call === 'transactionCommit' || call === 'transactionAbort') {
    return { transaction_id: Number(first) }
  }
  if (call === 'ack' || call === 'nack') {
    const ofHeader = typeof first === 'object' ? (first as TransportHeader).subscription : undefined
    return {
      subscription_id: second?.subscriptionId ?? ofHeader,
      transaction_id: second?.transaction,
    }
  }
  return { subscription_id: first as number | undefined }
}

function recipeId(header: TransportHeader, message: unknown): string | null {
  if (!isRecipeMessage(header) || !isDict(message)) return null
  const environment = itemAtKey(message, 'environment')
  const id = isDict(environment) ? itemAtKey(environment, 'ID') : undefined
  return typeof id === 'string' && id !== '' ? id : null
}
