import { expect, test } from 'vitest'
import { compressionFor } from '../../src/codecs/compression/compression.ts'
import { serializerByName } from '../../src/codecs/serializers.ts'
import { ConfigError } from '../../src/errors.ts'
import { makeConfig } from './make-config.ts'

test.each([
  { task_annotations: 5 },
  { task_annotations: 'app.Annotations' },
  { task_annotations: { 'export.add': 7 } },
  { task_annotations: [{ '*': { rate_limit: '1/s' } }, 'app.Annotations'] },
  { task_default_rate_limit: '10/fortnight' },
  { task_default_rate_limit: 'true' },
  { task_default_rate_limit: -1 },
  { task_serializer: 'marshal' },
  { event_serializer: '5' },
  { result_serializer: '5' },
  { task_compression: 'bzip2' },
  { result_compression: '5' },
  { accept_content: ['json', 'nonsense'] },
  { result_accept_content: ['nonsense'] },
  { task_publish_retry_policy: { max_retries: 'many' } },
  { task_publish_retry_policy: { max_retry: 3 } },
  { broker_read_url: '5' },
  { broker_write_url: 'nonsense://broker' },
])('what would have no effect, or fail at its first use, is refused: %j', (settings) => {
  const [name = ''] = Object.keys(settings)
  expect(() => makeConfig({ queues: ['a'], ...settings } as never)).toThrow(ConfigError)
  expect(() => makeConfig({ queues: ['a'], ...settings } as never)).toThrow(name)
})

test.each([
  { task_annotations: { '*': { rate_limit: '10/s' } } },
  { task_annotations: [{ annotate: () => ({}) }, { 'export.add': {} }] },
  { task_default_rate_limit: 0.5 },
  { task_default_rate_limit: '100/h' },
  { task_default_rate_limit: '' },
  { accept_content: ['json', 'application/x-own'] },
  { task_publish_retry_policy: { max_retries: null, interval_start: 0.1 } },
  { broker_read_url: 'amqp' },
  { broker_write_url: 'amqp://one;amqp://two' },
])('what Celery takes is taken: %j', (settings) => {
  const [[name, value] = ['', undefined]] = Object.entries(settings)
  expect(makeConfig({ queues: ['a'], ...settings } as never).get(name)).toEqual(value)
})

test.each(['json', 'yaml', 'msgpack', 'pickle', 'raw'])(
  '%s is a serializer that is known',
  (name) => {
    expect(makeConfig({ queues: ['a'], task_serializer: name }).task_serializer).toBe(name)
    expect(serializerByName(name).name).toBe(name)
  },
)

test.each([
  ...['gzip', 'zlib', 'brotli', 'lzma', 'xz', 'zstd', 'zstandard'],
  ...['application/x-gzip', 'application/x-brotli', 'application/x-lzma', 'application/zstd'],
])('%s is a compression that is written', (name) => {
  expect(makeConfig({ queues: ['a'], task_compression: name }).task_compression).toBe(name)
  expect(compressionFor(name).contentType).toContain('application/')
})
