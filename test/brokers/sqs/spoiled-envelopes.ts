import { envelope } from '../../../src/brokers/sqs/messages/envelope.ts'
import { encodeTask } from '../../../src/protocol/tasks/encode-task.ts'
import { OBJECTS, spoiled } from '../../protocol/spoiled.ts'

const LIMIT = 1_048_576
const ODD: readonly unknown[] = [
  ...OBJECTS,
  null,
  [],
  'a\0b',
  '',
  -1,
  1.5,
  1e308,
  2 ** 53,
  true,
  'x'.repeat(300),
  'x'.repeat(70_000),
]

/** Texts that other programs, or a faulty one, may leave in a queue of SQS; no two say the same, and each call of `task` has its id. */
export function spoiledEnvelopes(task: string): readonly string[] {
  let last = 0
  const good = (): Envelope => {
    last += 1
    const message = encodeTask({ id: `spoiled-${last}`, task, args: [] })
    return JSON.parse(envelope(message, { exchange: 'e', routingKey: 'r' }, { isBase64: false }))
  }
  const withPart = (part: keyof Envelope, values: readonly unknown[]): string[] =>
    values.map((value) => JSON.stringify({ ...good(), [part]: value }))
  const withProperty = (name: string, values: readonly unknown[]): string[] =>
    values.map((value) => {
      const whole = good()
      return JSON.stringify({ ...whole, properties: { ...whole.properties, [name]: value } })
    })
  const headers = [...spoiled({ id: 'x', retries: 0, group: null, eta: null }, ODD)]
  return [
    ...NO_ENVELOPES,
    ...OF_OTHER_PROGRAMS.map((event) => JSON.stringify(event)),
    ...(['body', 'headers', 'properties', 'content-type', 'content-encoding'] as const).flatMap(
      (part) => withPart(part, [...ODD, {}, 'utf-16', 'application/x-python-serialize']),
    ),
    ...PROPERTIES.flatMap((name) => withProperty(name, ODD)),
    ...withProperty('body_encoding', ['utf-8', 'rot13', 'BASE64']),
    ...['[[], {}, {}]', 'no base64!', ''].map((body) => JSON.stringify({ ...good(), body })),
    ...headers.map((odd) => {
      const whole = good()
      const kept = odd.id === 'x' ? { ...odd, id: whole.headers.id } : odd
      return JSON.stringify({ ...whole, headers: { ...whole.headers, ...kept } })
    }),
    ...HEADER_TEXTS.map((text) => {
      const whole = good()
      return JSON.stringify({ ...whole, headers: { ...whole.headers, odd: 'ODD' } }).replace(
        '"ODD"',
        text,
      )
    }),
    ...LARGE.flatMap((bytes) => [
      'x'.repeat(bytes),
      ...['correlation_id', 'user_id', 'unknown'].flatMap((name) =>
        withProperty(name, ['x'.repeat(bytes - 2_000)]).map(spoiledBody),
      ),
      ...['exchange', 'routing_key'].flatMap((name) =>
        withProperty('delivery_info', [{ [name]: 'x'.repeat(bytes - 2_000) }]).map(spoiledBody),
      ),
    ]),
  ]
}

/** Tasks that are due later than a message can wait, with any group that a program may have given them. */
export function distantEnvelopes(task: string): readonly string[] {
  const eta = new Date(Date.now() + 3 * 3_600_000).toISOString()
  return [undefined, 'tenant-7', 'é x', '', 'x'.repeat(300), { toString: 1 }, 7].map(
    (group, at) => {
      const message = encodeTask({ id: `distant-${at}`, task, args: [] })
      const whole = { ...message, headers: { ...message.headers, eta } }
      const text = envelope(whole, { exchange: 'e', routingKey: 'r' }, { isBase64: false })
      const { properties, ...others } = JSON.parse(text)
      return JSON.stringify({ ...others, properties: { ...properties, MessageGroupId: group } })
    },
  )
}

interface Envelope {
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly properties: Readonly<Record<string, unknown>>
  readonly 'content-type': string
  readonly 'content-encoding': string
}

const PROPERTIES = [
  'correlation_id',
  'reply_to',
  'expiration',
  'message_id',
  'type',
  'user_id',
  'app_id',
  'delivery_mode',
  'priority',
  'timestamp',
  'delivery_info',
  'delivery_tag',
  'MessageGroupId',
  'MessageDeduplicationId',
  'DelaySeconds',
  'body_encoding',
  '__proto__',
  'constructor',
]

const NO_ENVELOPES = [
  'hello',
  '{',
  '[]',
  '{}',
  'null',
  '7',
  '""',
  '====',
  '{"body": "e30="}',
  '{"properties": {}}',
  '{"properties": {}, "headers": {}, "body": "empty"}',
  Buffer.from('hello again').toString('base64'),
  Buffer.from('{ again').toString('base64'),
  Buffer.from([0xff, 0xfe, 0]).toString('base64'),
  Buffer.from(Buffer.from('{"properties": {}}').toString('base64')).toString('base64'),
  `{"properties": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  `{"properties": {}, "body": ${'9'.repeat(10_000)}}`,
]

/** As JSON says them, and JavaScript does not. */
const HEADER_TEXTS = [
  'NaN',
  '-Infinity',
  '1e999',
  `1${'0'.repeat(400)}`,
  `${'['.repeat(600)}${']'.repeat(600)}`,
  `{"__type__": "datetime", "__value__": "soon"}`,
  `{${Array.from({ length: 5_000 }, (_, at) => `"key-${at}": ${at}`).join(', ')}}`,
]

/** What Amazon's own services send. */
const OF_OTHER_PROGRAMS = [
  { Records: [{ eventSource: 'aws:s3', s3: { bucket: { name: 'b' }, object: { key: 'k' } } }] },
  { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' },
  { Type: 'Notification', MessageId: '1', TopicArn: 'arn', Message: '{"a": 1}', Signature: 'x' },
  { version: '0', 'detail-type': 'Scheduled Event', source: 'aws.events', detail: {} },
]

const LARGE = [262_144, LIMIT]

/** Of a call that would run. */
function spoiledBody(text: string): string {
  return JSON.stringify({ ...JSON.parse(text), body: '!' })
}
