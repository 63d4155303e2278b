import { consume } from './consume.ts'
import { publish } from './publish.ts'

/** Links over RabbitMQ, by the toolbox's own broker layer. */
export const amqp = { consume, publish } as const
