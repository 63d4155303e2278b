import { withDeadline } from '../../../async/with-deadline.ts'
import type { Broker } from '../../../brokers/broker.ts'
import type { Database } from '../../../database/database.ts'
import { BrokerError } from '../../../errors.ts'
import type { HistoryTask } from './family.ts'

/** The queue that a task waits in. Null is what is unknown. */
export interface QueueSituation {
  readonly name: string
  /** Tasks of the queue that were published before, and that no worker has taken. */
  readonly ahead: number
  /** Messages that wait in it now, by the broker. */
  readonly messages: number | null
  readonly consumers: number | null
  /** Why the broker could not be asked. */
  readonly problem: string | null
}

export async function queueSituation(
  database: Database,
  broker: AskedBroker | undefined,
  { queue, publishedAt }: HistoryTask,
): Promise<QueueSituation | null> {
  if (queue === null) return null
  const asked = depthOf(broker, queue)
  asked.catch(() => undefined) // the database may fail first, and then says why
  const [row] = await database.query<{ ahead: number }>(AHEAD, [queue, publishedAt])
  return { name: queue, ahead: row?.ahead ?? 0, ...(await asked) }
}

export type AskedBroker = Pick<Broker, 'depth'> & Partial<Pick<Broker, 'safeUrl'>>

/** The database has answered by then. */
const ASK_WITHIN_MS = 2_000

async function depthOf(
  broker: AskedBroker | undefined,
  queue: string,
): Promise<Omit<QueueSituation, 'name' | 'ahead'>> {
  const unknown = { messages: null, consumers: null }
  if (broker === undefined) return { ...unknown, problem: null }
  try {
    const { messages, consumers } = await withDeadline(broker.depth(queue), ASK_WITHIN_MS, () =>
      noAnswer(broker, queue),
    )
    return { messages, consumers, problem: null }
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return { ...unknown, problem: error.message }
  }
}

function noAnswer({ safeUrl = 'the broker' }: AskedBroker, queue: string): BrokerError {
  return new BrokerError(
    'BROKER_UNREACHABLE',
    `${safeUrl} did not report the contents of queue "${queue}" within ${ASK_WITHIN_MS} ms`,
  )
}

const AHEAD = `
  SELECT count(*)::integer AS ahead
  FROM monitor.task
  LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
  WHERE task.queue = $1 AND monitor.state_class(task.state) < 2 AND task.state IN ('PENDING', 'RETRY')
    AND task.published_at < $2
    AND (task.eta IS NULL OR task.eta <= now()) AND (task.expires IS NULL OR task.expires > now())
    AND (meta.status IS NULL OR meta.status IN ('PENDING', 'RETRY'))`
