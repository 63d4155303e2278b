import type { Queue } from '../../../protocol/routing/topology.ts'

/** The queue arguments that the memory broker honours; it keeps and compares the others. */
export interface QueueLimits {
  readonly maxPriority: number
  readonly messageTtlMs: number
  readonly deadLetterExchange: string | undefined
  readonly deadLetterRoutingKey: string | undefined
}

export function queueLimits({ arguments: args }: Queue): QueueLimits {
  return {
    maxPriority: Math.min(255, wholeNumber(args['x-max-priority']) ?? 0),
    messageTtlMs: wholeNumber(args['x-message-ttl']) ?? Number.POSITIVE_INFINITY,
    deadLetterExchange: text(args['x-dead-letter-exchange']),
    deadLetterRoutingKey: text(args['x-dead-letter-routing-key']),
  }
}

/** Milliseconds until a message expires: the sooner of its own time and the queue's. */
export function timeToLiveMs(limits: QueueLimits, expiration: string | undefined): number {
  return Math.min(limits.messageTtlMs, expiration === undefined ? Infinity : Number(expiration))
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
