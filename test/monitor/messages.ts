import { randomUUID } from 'node:crypto'
import type { Delivery } from '../../src/brokers/broker.ts'
import { Config } from '../../src/config/index.ts'
import { mirrorRecordOf } from '../../src/monitor/mirror/mirror-record.ts'
import type { TaskEntry } from '../../src/monitor/mirror/task-entry.ts'
import type { MirrorRecord } from '../../src/monitor/mirror/types.ts'
import { WorkQueues } from '../../src/monitor/mirror/work-queues.ts'
import type { Message, Route } from '../../src/protocol/message.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import type { TaskCall } from '../../src/protocol/tasks/task-request.ts'

export const config = new Config({ queues: ['export'], environment: {}, dotenv: false })
export const EXPORT: Route = { exchange: 'task_exchange', routingKey: 'export' }

/** The message of a call of export.add. */
export function message(call: Partial<TaskCall> = {}): Message {
  return encodeTask({ id: randomUUID(), task: 'export.add', args: [1, 2], kwargs: {}, ...call })
}

/** A message that carries this text as its JSON body. */
export function withBody(id: string, body: string | Buffer): Message {
  return { ...message({ id }), body: Buffer.from(body) }
}

/** What the monitor makes of a message before it is written. */
export async function read(given: Message, route: Route = EXPORT): Promise<MirrorRecord> {
  const queues = new WorkQueues(config.topology(), config.platformQueue)
  return await mirrorRecordOf(delivery(given, route), queues)
}

/** The row of its task. */
export async function readTask(given: Message, route: Route = EXPORT): Promise<TaskEntry> {
  const { task, problem } = await read(given, route)
  if (task === null) throw new Error(`no task: ${problem?.reason}`)
  return task
}

export function delivery(given: Message, route: Route): Delivery {
  const settle = () => Promise.resolve()
  return {
    message: given,
    route,
    queue: config.platformQueue,
    attempt: 1,
    redelivered: false,
    isSettled: false,
    isLost: false,
    lost: new AbortController().signal,
    ack: settle,
    requeue: settle,
    reject: settle,
    extend: settle,
  }
}
