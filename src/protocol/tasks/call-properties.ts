import { type Serializer, serializerByName } from '../../codecs/serializers.ts'
import { ProtocolError } from '../../errors.ts'
import type { MessageProperties } from '../message.ts'
import { showValue } from '../show-value.ts'
import type { TaskCall } from './task-request.ts'

/** The AMQP properties Celery gives a task's message. */
export function propertiesOf(call: TaskCall, serializer: Serializer): MessageProperties {
  // Nothing said means priority 0, as in Celery; null leaves the property out.
  const { priority = 0, replyTo, expirationMs } = call
  const properties: { -readonly [Name in keyof MessageProperties]: MessageProperties[Name] } = {
    contentType: serializer.contentType,
    contentEncoding: serializer.contentEncoding,
    deliveryMode: call.deliveryMode ?? 2,
  }
  if (priority !== null) properties.priority = priority
  properties.correlationId = call.correlationId ?? call.id
  if (typeof replyTo === 'string') properties.replyTo = replyTo
  if (expirationMs !== undefined) properties.expiration = wholeMs(expirationMs)
  return properties
}

/** How a call's body is written. Pickle is read in results, yet never sent as a message. */
export function serializerOf({ task, serializer = 'json' }: TaskCall): Serializer {
  if (serializer !== 'pickle' && serializer !== 'raw') return serializerByName(serializer)
  throw new ProtocolError(
    'VALUE_UNENCODABLE',
    `the serializer of task "${task}" is ${showValue(serializer)}, expected json, yaml or msgpack`,
  )
}

export function orNull<Value>(value: Value | null | undefined): Value | null {
  return value === undefined ? null : value
}

function wholeMs(ms: number): string {
  return String(Math.max(0, Math.trunc(ms)))
}
