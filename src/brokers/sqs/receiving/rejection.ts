import type { QueuePlace, SqsQueues } from '../queues/queues.ts'
import type { SqsDelivery } from './sqs-delivery.ts'

/**
 * What becomes of a rejected message, as in kombu 5.7: a task of the queue's `backoff_tasks` comes again after the seconds
 * of its `backoff_policy`; where the queue has a redrive policy SQS moves it in time; else it is deleted.
 */
export async function rejectionOf(
  delivery: SqsDelivery,
  place: QueuePlace,
  queues: SqsQueues,
): Promise<'delete' | 'leave' | number> {
  const { backoffPolicy, backoffTasks } = place.predefined ?? NO_BACKOFF
  const { task } = delivery.message.headers
  if (typeof task === 'string' && backoffTasks.has(task) && backoffPolicy.size > 0) {
    return backoffPolicy.get(delivery.attempt) ?? 'leave'
  }
  return (await queues.hasRedrive(place)) ? 'leave' : 'delete'
}

const NO_BACKOFF = {
  backoffPolicy: new Map<number, number>(),
  backoffTasks: new Set<string>(),
}
