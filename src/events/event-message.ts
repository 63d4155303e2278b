import type { Broker, RoutedMessage } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../logger.ts'
import { encodeEvents, encodePlatformEvents, groupOf } from '../protocol/events/encode-events.ts'
import type { CeleryEvent } from '../protocol/events/events.ts'

/** As many as Celery's workers put into one message. */
const MOST_IN_MESSAGE = 24

/** The settings of a `Config` that sending events needs. */
export type EventSettings = Pick<Config, 'event_exchange' | 'event_serializer' | 'platformQueue'>

interface EventMessageParts {
  readonly hostname: string
  readonly settings: EventSettings
  readonly logger: Logger
}

/**
 * Events as messages for this broker. Events of tasks that follow one another share one; where the platform queue
 * takes them, so do all.
 */
export function eventMessages(
  events: readonly CeleryEvent[],
  broker: Broker,
  parts: EventMessageParts,
): readonly RoutedMessage[] {
  const runs = runsOf(events, broker.carriesEvents ? isOfTask : () => true)
  return runs.flatMap((run) => encoded(run, (some) => encode(some, broker, parts), parts.logger))
}

function encode(
  events: readonly CeleryEvent[],
  broker: Broker,
  { hostname, settings }: EventMessageParts,
): RoutedMessage {
  if (!broker.carriesEvents) {
    return encodePlatformEvents(events, { hostname, platformQueue: settings.platformQueue })
  }
  const { event_exchange: exchange, event_serializer: serializer } = settings
  const [first] = events
  // Celery's clients send theirs one by one, its workers put even one into a list.
  const isAlone = first !== undefined && (!isOfTask(first) || first.type === 'task-sent')
  return encodeEvents(isAlone ? first : events, { hostname, exchange, serializer })
}

function isOfTask({ type }: CeleryEvent): boolean {
  return type !== 'task-sent' && groupOf(type) === 'task'
}

function runsOf(
  events: readonly CeleryEvent[],
  mayShare: (event: CeleryEvent) => boolean,
): CeleryEvent[][] {
  const runs: CeleryEvent[][] = []
  let open: CeleryEvent[] | undefined
  for (const event of events) {
    if (!mayShare(event)) {
      runs.push([event])
      open = undefined
    } else if (open === undefined || open.length >= MOST_IN_MESSAGE) {
      open = [event]
      runs.push(open)
    } else open.push(event)
  }
  return runs
}

/** An event with something in it that cannot be written must not keep the others from being sent. */
function encoded(
  events: readonly CeleryEvent[],
  encodeSome: (events: readonly CeleryEvent[]) => RoutedMessage,
  logger: Logger,
): RoutedMessage[] {
  try {
    return [encodeSome(events)]
  } catch (error) {
    if (events.length > 1) return events.flatMap((event) => encoded([event], encodeSome, logger))
    const { outcome, ...rest } = events[0] ?? { type: 'none' }
    if (outcome !== undefined) return encoded([rest], encodeSome, logger)
    logger.warn({ type: rest.type, err: error }, 'an event cannot be written and is not sent')
    return []
  }
}
