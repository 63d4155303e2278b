import type { Message, Route } from '../message.ts'

/** RabbitMQ also delivers to the queues named here, and removes the header: https://www.rabbitmq.com/docs/sender-selected */
const BLIND_COPY_HEADER = 'BCC'
/** On a copy that was published by itself: the exchange and the key of the message it is a copy of. */
const ROUTE_HEADER = 'celery_toolbox_route'

/** The message, for the queue it goes to and for this one. */
export function blindCopied(message: Message, queue: string): Message {
  return { ...message, headers: { ...message.headers, [BLIND_COPY_HEADER]: [queue] } }
}

export function copyOf(message: Message, { exchange, routingKey }: Route): Message {
  return { ...message, headers: { ...message.headers, [ROUTE_HEADER]: [exchange, routingKey] } }
}

/** The message as it was published, and where: undoes `copyOf`. */
export function copiedFrom<Copy extends { readonly message: Message; readonly route: Route }>(
  copy: Copy,
): { readonly message: Message; readonly route: Route } {
  const route = copy.message.headers[ROUTE_HEADER]
  if (!Array.isArray(route)) return copy
  const [exchange, routingKey]: readonly unknown[] = route
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') return copy
  const { [ROUTE_HEADER]: _, ...headers } = copy.message.headers
  return { message: { ...copy.message, headers }, route: { exchange, routingKey } }
}

/** The further queues that a message asks for, and the message without asking. */
export function takeBlindCopies(message: Message): {
  readonly message: Message
  readonly queues: readonly string[]
} {
  const { [BLIND_COPY_HEADER]: asked, ...headers } = message.headers
  if (!Array.isArray(asked)) return { message, queues: [] }
  return {
    message: { ...message, headers },
    queues: asked.filter((queue) => typeof queue === 'string'),
  }
}
