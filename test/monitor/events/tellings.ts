import type { EventRecord } from '../../../src/monitor/events/event-record.ts'
import { eventRecord } from '../../../src/monitor/events/event-record.ts'
import { Privacy, type PrivacySettings } from '../../../src/monitor/privacy/privacy.ts'
import type { Message, Route } from '../../../src/protocol/message.ts'
import { delivery } from '../messages.ts'

export const CELERYEV: Route = { exchange: 'celeryev', routingKey: 'task.multi' }

/** A message of events as Celery's workers send it. */
export function eventsMessage(events: unknown, headers: Message['headers'] = {}): Message {
  return {
    headers: { hostname: 'w1@host', ...headers },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 1 },
    body: Buffer.from(JSON.stringify(events)),
  }
}

/** What the monitor makes of it before it is written. */
export async function tell(
  message: Message,
  { settings = {}, receivedAtMs }: { settings?: PrivacySettings; receivedAtMs?: number } = {},
): Promise<EventRecord> {
  const privacy = new Privacy(settings)
  return await eventRecord(delivery(message, CELERYEV), {
    privacy,
    ...(receivedAtMs !== undefined && { receivedAtMs }),
  })
}
