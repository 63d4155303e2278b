/** Where a call goes, as a route in `task_routes` says it. */
export interface TaskRoute {
  readonly exchange?: string
  readonly exchange_type?: string
  readonly routing_key?: string
  readonly queue?: string
  readonly [option: string]: unknown
}

export type TaskRouter = (
  name: string,
  args?: readonly unknown[],
  kwargs?: Readonly<Record<string, unknown>>,
  options?: Readonly<Record<string, unknown>>,
) => TaskRoute | string | null

/** Routes by the first dotted part of a task's name. */
export function firstPartRouter(exchange: string): TaskRouter {
  return (name) => ({ exchange, routing_key: name.split('.', 1)[0] ?? name })
}
