import { consume } from './consume.ts'
import { publish } from './publish.ts'

/** Links over Kafka: consumer groups whose offsets are committed after publishing. */
export const kafka = { consume, publish } as const
