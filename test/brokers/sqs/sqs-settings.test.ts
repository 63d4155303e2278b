import { expect, test } from 'vitest'
import { parseSqsUrl } from '../../../src/brokers/sqs/connecting/sqs-url.ts'
import { readSqsOptions } from '../../../src/brokers/sqs/settings/sqs-options.ts'

test.each([
  ['sqs://', undefined, undefined],
  ['sqs://key:secret@', { accessKeyId: 'key', secretAccessKey: 'secret' }, undefined],
  ['sqs://key:secret@host:4566', { accessKeyId: 'key', secretAccessKey: 'secret' }, 'host:4566'],
  ['sqs://key:secret@host:4566//', { accessKeyId: 'key', secretAccessKey: 'secret' }, 'host:4566'],
  ['sqs://k:a%2Fb@[::1]:9', { accessKeyId: 'k', secretAccessKey: 'a/b' }, '[::1]:9'],
  ['sqs://k:a/b+c%@h', { accessKeyId: 'k', secretAccessKey: 'a/b+c%' }, 'h'],
  ['sqs://localhost:4566', undefined, 'localhost:4566'],
])('%s is read', (url, credentials, host) => {
  expect(parseSqsUrl(url)).toEqual({ credentials, host })
})

test.each(['sqs://key@host', 'sqs://:secret@host', 'sqs://ho st:x:y'])('%s is refused', (url) => {
  expect(() => parseSqsUrl(url)).toThrow(
    expect.objectContaining({
      code: 'BROKER_UNREACHABLE',
      message: expect.not.stringContaining(':secret@'),
    }),
  )
})

test('without options the defaults are those of kombu', () => {
  expect(readSqsOptions()).toMatchObject({
    prefix: '',
    waitSeconds: 10,
    visibilitySeconds: 1_800,
    isBase64: true,
    createsQueues: true,
    systemAttributes: ['ApproximateReceiveCount'],
  })
})

test('all options of kombu 5.7 are read', () => {
  const settings = readSqsOptions({
    region: 'eu-west-1',
    is_secure: true,
    queue_name_prefix: 'p-',
    wait_time_seconds: 0,
    visibility_timeout: '30.5',
    predefined_queues: {
      'work.fifo': {
        url: 'https://sqs.eu-west-1.amazonaws.com/1/work.fifo',
        region: 'eu-west-1',
        access_key_id: 'a',
        secret_access_key: 'b',
        backoff_policy: { 1: 10, 2: 20 },
        backoff_tasks: ['export.add'],
      },
    },
    'sqs-creation-attributes': { KmsMasterKeyId: 'alias/aws/sqs', MessageRetentionPeriod: 60 },
    queue_tags: { team: 'billing' },
    sts_role_arn: 'arn:aws:iam::1:role/x',
    sts_token_timeout: 900,
    sts_token_buffer_time: 60,
    sqs_base64_encoding: false,
    'client-config': { connect_timeout: 5, read_timeout: 70, max_pool_connections: 20 },
    fetch_message_attributes: {
      MessageSystemAttributeNames: ['SenderId'],
      MessageAttributeNames: ['all'],
    },
    supports_fanout: false,
    interval_start: 0,
    connect_retries_timeout: 5,
    body_encoding: 'utf-8',
    max_retries: 1,
  })
  expect(settings).toMatchObject({
    pollingMs: 1_000,
    bodyEncoding: 'utf-8',
    visibilitySeconds: 30,
    creationAttributes: { KmsMasterKeyId: 'alias/aws/sqs', MessageRetentionPeriod: '60' },
    role: { arn: 'arn:aws:iam::1:role/x', seconds: 900, bufferSeconds: 60 },
    client: { connectTimeoutMs: 5_000, readTimeoutMs: 70_000, maxSockets: 20 },
    systemAttributes: ['SenderId', 'ApproximateReceiveCount'],
    messageAttributes: ['All'],
  })
  const queue = settings.predefined.get('work.fifo')
  expect(queue?.backoffPolicy.get(2)).toBe(20)
  expect(queue?.backoffTasks.has('export.add')).toBe(true)
})

test.each([
  [{ supports_fanout: true }, /"supports_fanout".*SNS/],
  [{ predefined_exchanges: {} }, /"predefined_exchanges"/],
  [{ port: 5 }, /"port"/],
  [{ deadletter_queue: 'dead' }, /"deadletter_queue"/],
  [{ errback: () => undefined }, /"errback"/],
  [{ body_encoding: 'rot13' }, /"body_encoding".*base64, utf-8 or null/],
  [{ regioninfo: {} }, /"regioninfo"/],
  [{ visibility_timeot: 5 }, /"visibility_timeot".*unknown/],
  [{ visibility_timeout: 0 }, /"visibility_timeout".*from 1 to 43200/],
  [{ visibility_timeout: 'soon' }, /"visibility_timeout"/],
  [{ wait_time_seconds: 21 }, /"wait_time_seconds".*0 to 20/],
  [{ is_secure: 'yes' }, /"is_secure"/],
  [{ 'client-config': { proxies: {} } }, /"client-config\.proxies"/],
  [{ predefined_queues: { work: {} } }, /no url/],
  [{ predefined_queues: { work: { url: 'http://h/1/work.fifo' } } }, /\.fifo/],
  [{ predefined_queues: { work: { url: 'http://h/1/work', acess_key_id: 'x' } } }, /acess_key_id/],
])('%o is refused by name', (options, why) => {
  expect(() => readSqsOptions(options)).toThrow(why)
})

test('times longer than the timers of the SDK count are cut, as it would end each call at once', () => {
  const config = { connect_timeout: 1e12, read_timeout: 3_000_000 }
  const { connectTimeoutMs, readTimeoutMs } = readSqsOptions({ 'client-config': config }).client
  // The SDK adds the two for one of its timers.
  expect(connectTimeoutMs + (readTimeoutMs ?? 0)).toBeLessThan(2 ** 31)
  expect(connectTimeoutMs).toBeGreaterThan(10 * 86_400_000)
  expect(readTimeoutMs).toBeGreaterThan(10 * 86_400_000)
})

test('a login in the url of a predefined queue is not in the error that refuses it', () => {
  const read = () =>
    readSqsOptions({ predefined_queues: { 'a.fifo': { url: 'https://user:secret@host/1/a' } } })
  expect(read).toThrow('of its name and its url https://user:***@host/1/a one ends with .fifo')
})
