import type { MessageProperties } from './message.ts'

/** Properties as AMQP, Python and our tables name them; what a broker adds of its own is kept as it is. */
export function amqpProperties(properties: MessageProperties): Record<string, unknown> {
  const named: Record<string, unknown> = {}
  for (const name in properties) {
    const value = properties[name as keyof MessageProperties]
    if (value !== undefined) named[AMQP_NAMES[name] ?? name] = value
  }
  return named
}

/** The other way round, to publish a recorded message again. */
export function propertiesOf(named: Readonly<Record<string, unknown>>): MessageProperties {
  return Object.fromEntries(
    Object.entries(named).map(([name, value]) => [OUR_NAMES[name] ?? name, value]),
  )
}

const AMQP_NAMES: Readonly<Record<string, string>> = {
  contentType: 'content_type',
  contentEncoding: 'content_encoding',
  deliveryMode: 'delivery_mode',
  correlationId: 'correlation_id',
  replyTo: 'reply_to',
  messageId: 'message_id',
  userId: 'user_id',
  appId: 'app_id',
}

const OUR_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(AMQP_NAMES).map(([ours, theirs]) => [theirs, ours]),
)
