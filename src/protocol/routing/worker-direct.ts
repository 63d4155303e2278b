import { durableExchange, durableQueue, type Topology } from './topology.ts'

/** Where calls for one worker are published, with its name as routing key: Celery's worker_direct. */
export const DIRECT_EXCHANGE = 'C.dq2'

/** What producers need for worker_direct. */
export const directExchange: Topology = {
  exchanges: [durableExchange(DIRECT_EXCHANGE, 'direct')],
  queues: [],
  bindings: [],
}

export function directQueue(worker: string): string {
  return `${worker}.dq2`
}

/** What the worker of that name consumes beside its other queues. */
export function directTopology(worker: string): Topology {
  return {
    ...directExchange,
    queues: [durableQueue(directQueue(worker))],
    bindings: [{ exchange: DIRECT_EXCHANGE, queue: directQueue(worker), routingKey: worker }],
  }
}
