import type { ExchangeType } from './topology.ts'

/** Where a call may be sent, as routers and calls say it; routers may add any other option of a call. */
export interface RouteOptions {
  readonly queue?: string
  readonly exchange?: string | { readonly name: string; readonly type?: ExchangeType }
  readonly exchangeType?: ExchangeType
  readonly routingKey?: string
  readonly priority?: number
  readonly [option: string]: unknown
}

const SNAKE = /_([a-z])/g

/** A route as an app writes it, with Celery's names (routing_key) as well as with ours. */
export function readRoute(route: RouteOptions | string): RouteOptions {
  if (typeof route === 'string') return { queue: route }
  const entries = Object.entries(route)
  if (!entries.some(([name]) => name.includes('_'))) return route
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name.replace(SNAKE, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )
}
