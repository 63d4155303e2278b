import { expect, test } from 'vitest'
import { decompress } from '../../src/codecs/compression/compression.ts'
import { DEFAULT_LIMITS } from '../../src/codecs/limits.ts'
import { serializerByName } from '../../src/codecs/serializers.ts'
import { turnsWhile } from '../support/turns-while.ts'

test.each([
  ['json', 800_000],
  ['msgpack', 800_000],
  ['yaml', 2000],
] as const)('the event loop goes on while a large body in %s is read', async (name, count) => {
  const serializer = serializerByName(name)
  const items = Array.from({ length: count }, (_, at) => [at])
  const turns = await turnsWhile(
    serializer.decodeLarge(serializer.encode(items), { limits: DEFAULT_LIMITS }),
  )
  expect(turns).toBeGreaterThan(1)
})

test('many tiny bzip2 streams are expanded while the event loop goes on', async () => {
  const empty = Buffer.from('425a683917724538509000000000', 'hex')
  const turns = await turnsWhile(decompress(Buffer.concat(Array(9_000).fill(empty)), 'bzip2'))
  expect(turns).toBeGreaterThan(1)
})

test('ten million numbers are legal', async () => {
  const body = Buffer.from(`[${'1,'.repeat(9_999_998)}1]`)
  const read = await serializerByName('json').decodeLarge(body, { limits: DEFAULT_LIMITS })
  expect(read).toHaveLength(9_999_999)
}, 60_000)
