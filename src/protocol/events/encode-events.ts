import { type Serializer, serializerByName } from '../../codecs/serializers.ts'
import type { Message, Route } from '../message.ts'
import { type CeleryEvent, EVENTS_HEADER } from './events.ts'

interface EventsToSend {
  /** The sender; the same in each of the events. */
  readonly hostname: string
  /** event_exchange. */
  readonly exchange: string
  /** event_serializer. */
  readonly serializer: string
}

/**
 * One event, or several of one group in a message of their own, as Celery sends them to the exchange of events.
 * https://docs.celeryq.dev/en/stable/userguide/monitoring.html#events
 */
export function encodeEvents(
  events: CeleryEvent | readonly CeleryEvent[],
  { hostname, exchange, serializer }: EventsToSend,
): { readonly message: Message; readonly route: Route } {
  const { content, properties } = contentOf(events, serializerByName(serializer))
  return {
    message: {
      headers: { hostname },
      properties: { ...properties, deliveryMode: deliveryModeOf(events), priority: 0 },
      body: content,
    },
    route: { exchange, routingKey: routingKeyOf(events) },
  }
}

/** The same for the platform queue, where nothing else carries events: these alone report what became of a task. */
export function encodePlatformEvents(
  events: readonly CeleryEvent[],
  { hostname, platformQueue }: { readonly hostname: string; readonly platformQueue: string },
): { readonly message: Message; readonly route: Route } {
  const { content, properties } = contentOf(events, serializerByName('json'))
  return {
    message: {
      headers: { hostname, [EVENTS_HEADER]: 1 },
      properties: { ...properties, deliveryMode: 2, priority: 0 },
      body: content,
    },
    route: { exchange: '', routingKey: platformQueue },
  }
}

/** What comes before the first dash: "task", "worker", or a group of an application's own. */
export function groupOf(type: string): string {
  return type.split('-', 1)[0] ?? type
}

function routingKeyOf(events: CeleryEvent | readonly CeleryEvent[]): string {
  if (!isList(events)) return events.type.replaceAll('-', '.')
  return `${groupOf(events[0]?.type ?? 'task')}.multi`
}

/**
 * Celery's are all transient, so that RabbitMQ drops those that wait in a durable queue when it restarts: the end of a task
 * would be missing in the record. A heartbeat of before the restart is of no use.
 */
function deliveryModeOf(events: CeleryEvent | readonly CeleryEvent[]): 1 | 2 {
  return !isList(events) && events.type === 'worker-heartbeat' ? 1 : 2
}

function contentOf(events: unknown, serializer: Serializer): Content {
  const { contentType, contentEncoding } = serializer
  return { content: serializer.encode(events), properties: { contentType, contentEncoding } }
}

interface Content {
  readonly content: Buffer
  readonly properties: { readonly contentType: string; readonly contentEncoding: string }
}

/** Array.isArray() does not know lists that are readonly. */
function isList(events: CeleryEvent | readonly CeleryEvent[]): events is readonly CeleryEvent[] {
  return Array.isArray(events)
}
